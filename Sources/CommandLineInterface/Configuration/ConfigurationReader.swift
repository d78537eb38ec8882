import DICOM

/// Turns the JSON of a configuration file into settings; a wrong key or value is an error that names its line.
struct ConfigurationReader {
    private let path: String

    /// The names that people know from other tools, beside the options' own.
    private static let aliases: [String: OptionName] = [
        "host": .hostname, "url": .hostname, "called": .call, "calling": .aetitle,
    ]

    /// A configuration is written by hand: a longer file is another one, given by mistake.
    private static var limits: JSONLimits {
        var limits = JSONLimits.standard
        limits.maximumLength = ConfigurationFile.maximumLength
        return limits
    }

    static func read(_ bytes: [UInt8], path: String) throws(UsageError) -> Configuration {
        let reader = ConfigurationReader(path: path)
        // An empty file, or /dev/null, is a way to say: no configuration.
        if bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) {
            return Configuration(path: path, defaults: [], operationDefaults: [], nodes: [])
        }
        let root: JSONValue
        do throws(JSONError) { root = try JSONValue.parse(bytes, limits: limits) } catch {
            throw reader.error(line: error.line, error.detail)
        }
        return try reader.configuration(root)
    }

    private init(path: String) { self.path = path }

    private func configuration(_ root: JSONValue) throws(UsageError) -> Configuration {
        var defaults: [Configuration.Setting] = []
        var operationDefaults: [Configuration.OperationDefaults] = []
        var nodes: [Configuration.Node] = []
        for member in try members(root, of: "the configuration") {
            switch member.key {
            case "defaults":
                for entry in try members(member.value, of: "\"defaults\"") {
                    if let operation = Operation(rawValue: entry.key) {
                        var settings: [Configuration.Setting] = []
                        for inner in try members(entry.value, of: "\"\(entry.key)\"") {
                            settings.append(try setting(inner, for: operation))
                        }
                        operationDefaults.append(
                            Configuration.OperationDefaults(operation: operation, settings: settings))
                    } else {
                        defaults.append(try setting(entry))
                    }
                }
            case "nodes":
                for entry in try members(member.value, of: "\"nodes\"") { nodes.append(try node(entry)) }
            default:
                throw error(
                    line: member.line, "unknown key \"\(member.key)\"", accepted: "defaults, nodes",
                    suggestion: EditDistance.nearest(to: member.key, in: ["defaults", "nodes"]))
            }
        }
        return Configuration(
            path: path, defaults: defaults, operationDefaults: operationDefaults, nodes: nodes)
    }

    private func node(_ member: JSONValue.Member) throws(UsageError) -> Configuration.Node {
        let isName = member.key.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"@:/[]".utf8.contains($0) }
        guard isName, !member.key.isEmpty else {
            throw error(
                line: member.line, "\"\(member.key)\" cannot be the name of a node",
                accepted: "a name without spaces and without any of @ : / [ ]")
        }
        var settings: [Configuration.Setting] = []
        for entry in try members(member.value, of: "node \"\(member.key)\"") {
            let setting = try setting(entry)
            if settings.contains(where: { $0.definition.name == setting.definition.name }) {
                throw error(line: entry.line, "\"\(entry.key)\" names \(setting.definition.option) a second time")
            }
            settings.append(setting)
        }
        guard settings.contains(where: { $0.definition.name == .hostname }) else {
            throw error(line: member.line, "node \"\(member.key)\" has no \"host\" and no \"url\"")
        }
        return Configuration.Node(name: member.key, settings: settings, line: member.line)
    }

    private func setting(
        _ member: JSONValue.Member, for operation: Operation? = nil
    ) throws(UsageError) -> Configuration.Setting {
        let name = Self.aliases[member.key]?.rawValue ?? member.key
        let configurable = OptionTable.all.filter(\.isConfigurable)
        guard let definition = configurable.first(where: { $0.name.rawValue == name || $0.aliases.contains(name) })
        else {
            let isOption = OptionTable.definition(named: name) != nil
            throw error(
                line: member.line,
                isOption ? "\"\(member.key)\" cannot be set in a configuration file" : "unknown key \"\(member.key)\"",
                accepted: "the name of an option without its dashes",
                suggestion: isOption
                    ? nil
                    : ForeignOption.option(for: "--\(name)")?.rawValue
                        ?? EditDistance.nearest(
                            to: name, in: configurable.map(\.name.rawValue) + Self.aliases.keys.sorted())
            )
        }
        if let operation, !definition.operations.contains(operation) {
            throw error(
                line: member.line, "\"\(member.key)\" does not apply to \(operation.option)",
                accepted: "\"\(definition.name.rawValue)\" for \(definition.operationOptions.joined(separator: ", "))")
        }
        let texts = try texts(member, definition)
        // Whatever the run will use of it: a value that is wrong is found now.
        var draft = OptionDraft(operation ?? .echo)
        for text in texts {
            do throws(UsageError) {
                try definition.apply(&draft, OptionArgument(definition: definition, text: text))
            } catch {
                throw error.at(line: member.value.line, of: path)
            }
        }
        return Configuration.Setting(definition: definition, texts: texts, line: member.value.line)
    }

    private func texts(_ member: JSONValue.Member, _ definition: OptionDefinition) throws(UsageError) -> [String] {
        guard definition.value.takesArgument else {
            guard let isOn = member.value.bool else {
                throw error(
                    line: member.value.line, "\"\(member.key)\" is \(member.value.kind)", accepted: "true or false")
            }
            return isOn ? [""] : []
        }
        if let values = member.value.array, definition.traits.contains(.repeatable) {
            var texts: [String] = []
            for value in values { texts.append(try text(value, member.key, definition)) }
            return texts
        }
        return [try text(member.value, member.key, definition)]
    }

    private func text(
        _ value: JSONValue, _ key: String, _ definition: OptionDefinition
    ) throws(UsageError) -> String {
        switch value.content {
        case .string(let text), .number(let text): return text
        default:
            throw error(
                line: value.line, "\"\(key)\" is \(value.kind)",
                accepted: definition.value.accepted.map { "\($0)" } ?? "a string")
        }
    }

    private func members(_ value: JSONValue, of what: String) throws(UsageError) -> [JSONValue.Member] {
        guard let members = value.members else {
            throw error(line: value.line, "\(what) is \(value.kind)", accepted: "an object: { ... }")
        }
        return members
    }

    private func error(
        line: Int, _ problem: String, accepted: String? = nil, suggestion: String? = nil
    ) -> UsageError {
        UsageError(
            .configuration, option: path, problem: "\(path) line \(line): \(problem)", accepted: accepted,
            suggestion: suggestion)
    }
}

extension OptionDefinition {
    /// The operation, and the path of the configuration, are given on the command line only.
    var isConfigurable: Bool {
        category != .operation && category != .help && category != .configuration && !traits.contains(.hidden)
    }
}
