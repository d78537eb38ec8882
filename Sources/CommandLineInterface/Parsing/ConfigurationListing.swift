import DICOMNode

/// The output of `--show-config`: every option that the operation can use, its value, and the source of that.
enum ConfigurationListing {
    static func text(
        _ configuration: Configuration, _ arguments: MergedArguments, draft: OptionDraft,
        peer: PeerChoice?, rootUIDFromEnvironment: String?
    ) -> String {
        var text = "configuration: \(configuration.path ?? "none")\n"
        text += "operation: \(draft.operation.option)\n"
        if let host = draft.host {
            let name = peer?.host.node.map { "@\($0), " } ?? ""
            text +=
                "peer: \(name)\(Endpoint(host: host.host, port: host.port ?? draft.port ?? ConnectionOptions.standardPort))\n"
        }
        for node in configuration.nodes {
            text += "node: @\(node.name) (line \(node.line))\n"
            let width = node.settings.map(\.definition.name.rawValue.count).max() ?? 0
            for setting in node.settings {
                let name = TextLayout.padded(setting.definition.name.rawValue, to: width)
                let isSwitch = !setting.definition.value.takesArgument
                let values =
                    isSwitch
                    ? [setting.texts.isEmpty ? "off" : "on"]
                    : setting.texts.map {
                        OptionArgument(definition: setting.definition, text: $0).shown
                    }
                text += "  \(name)  \(values.joined(separator: ", "))\n"
            }
        }
        text += "\n"
        var rows: [(option: String, value: String, source: String)] = []
        for option in OptionTable.all where option.isConfigurable && option.operations.contains(draft.operation) {
            let given = arguments.entries.filter { $0.argument.definition.name == option.name }
            if let value = typed(option, peer) {
                rows.append((option.option, value, "command line"))
            } else if let last = given.last {
                let shown = option.traits.contains(.repeatable) ? given : [last]
                for entry in shown {
                    rows.append((option.option, value(entry.argument), source(entry.source, configuration)))
                }
            } else if option.name == .rootUID, let root = rootUIDFromEnvironment, !root.isEmpty {
                rows.append((option.option, root, "GDCM_ROOT_UID"))
            } else {
                rows.append(
                    (
                        option.option, option.defaultText ?? (option.value.takesArgument ? "not given" : "off"),
                        "built in"
                    ))
            }
        }
        let nameWidth = rows.map(\.option.count).max() ?? 0
        let valueWidth = min(rows.map(\.value.count).max() ?? 0, 36)
        for row in rows {
            text +=
                "\(TextLayout.padded(row.option, to: nameWidth))  \(TextLayout.padded(row.value, to: valueWidth))  \(row.source)\n"
        }
        return text
    }

    /// Settings from an argument without an option: `AETITLE@HOST:PORT`.
    private static func typed(_ option: OptionDefinition, _ peer: PeerChoice?) -> String? {
        guard let peer, peer.host.node == nil, peer.option == PeerChoice.positional else { return nil }
        return switch option.name {
        case .hostname: peer.host.host
        case .port: (peer.host.port ?? peer.port).map { String($0) }
        case .call: peer.host.aeTitle?.string
        default: nil
        }
    }

    private static func value(_ argument: OptionArgument) -> String {
        argument.definition.value.takesArgument ? argument.shown : "on"
    }

    private static func source(_ source: MergedArguments.Source, _ configuration: Configuration) -> String {
        switch source {
        case .commandLine: "command line"
        case .configuration(let origin, let line): "\(origin.description), line \(line)"
        }
    }
}

extension OptionArgument {
    /// The value without what may be a secret.
    fileprivate var shown: String {
        definition.name == .header ? WebHeader.shown(text) : Redaction.withoutPassword(text)
    }
}
