/// Splits a command line into options and positionals as GNU getopt_long does: in any order, long options by any prefix
/// that is unique, values after `=` or as the next argument, short options in clusters with the value attached, `--` as
/// the end of options.
enum ArgumentScanner {
    /// The content of a command line, in its order, before any value is read.
    struct Scanned {
        var options: [OptionArgument] = []
        var positionals: [String] = []
    }

    static func scan(_ arguments: [String]) throws(UsageError) -> Scanned {
        var scanned = Scanned()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                if argument.hasPrefix("+"), let hint = ForeignOption.hint(for: argument) {
                    throw UsageError(
                        .unknownOption, option: argument, problem: "unknown option \(argument)", remedy: hint)
                }
                scanned.positionals.append(argument)
                continue
            }
            if argument == "--" {
                scanned.positionals += rest
                break
            }
            guard argument.hasPrefix("--") else {
                try scanCluster(argument, &rest, into: &scanned)
                continue
            }
            let body = argument.dropFirst(2)
            let equals = body.firstIndex(of: "=")
            var definition = try definition(forLong: String(body[..<(equals ?? body.endIndex)]))
            guard let equals else {
                if let abbreviated = definition.abbreviated, abbreviated.isMeant(rest.first, arguments) {
                    definition = OptionTable.definition(abbreviated.option) ?? definition
                }
                scanned.options.append(try withNextValue(definition, &rest))
                continue
            }
            let option = OptionArgument(
                definition: definition, text: String(body[body.index(after: equals)...]))
            switch definition.value {
            case .none:
                throw UsageError(
                    .unexpectedValue, option: definition.option, value: option.text,
                    problem: "\(definition.option) takes no value")
            case .optionalChoice(let choices) where !choices.contains(option.text):
                throw option.error("not known")
            default: scanned.options.append(option)
            }
        }
        return scanned
    }

    private static func definition(forLong name: String) throws(UsageError) -> OptionDefinition {
        let candidates = OptionTable.candidates(forLong: name)
        guard let definition = candidates.first else {
            throw UsageError(
                .unknownOption, option: "--\(name)", problem: "unknown option --\(name)",
                suggestion: EditDistance.nearest(to: name, in: OptionTable.longNames).map { "--\($0)" },
                remedy: ForeignOption.hint(for: "--\(name)"))
        }
        guard candidates.count == 1 else {
            let options = candidates.map(\.option).joined(separator: ", ")
            throw UsageError(
                .ambiguousOption, option: "--\(name)", problem: "--\(name) can mean \(options)")
        }
        return definition
    }

    /// Reads short options behind one dash; the first one that takes a value ends the cluster.
    private static func scanCluster(
        _ argument: String, _ rest: inout ArraySlice<String>, into scanned: inout Scanned
    ) throws(UsageError) {
        var cluster = argument.dropFirst()
        while let letter = cluster.popFirst() {
            guard let definition = OptionTable.definition(short: letter) else {
                if let hint = ForeignOption.hint(for: argument) {
                    throw UsageError(
                        .unknownOption, option: argument, problem: "unknown option \(argument)", remedy: hint)
                }
                // A long name behind one dash is the likeliest slip.
                let name = argument.dropFirst().prefix { $0 != "=" }
                throw UsageError(
                    .unknownOption, option: "-\(letter)",
                    problem: "unknown option -\(letter)" + (argument.count > 2 ? " in \(argument)" : ""),
                    suggestion: EditDistance.nearest(to: String(name), in: OptionTable.longNames).map { "--\($0)" })
            }
            guard definition.value.takesArgument, !cluster.isEmpty else {
                scanned.options.append(try withNextValue(definition, &rest))
                continue
            }
            scanned.options.append(OptionArgument(definition: definition, text: String(cluster)))
            return
        }
    }

    /// The option with the next argument as its value, if it takes one.
    private static func withNextValue(
        _ definition: OptionDefinition, _ rest: inout ArraySlice<String>
    ) throws(UsageError) -> OptionArgument {
        guard definition.value.takesArgument else { return OptionArgument(definition: definition) }
        guard let text = rest.popFirst() else {
            throw UsageError(
                .missingValue, option: definition.option, problem: "\(definition.option) needs a value",
                accepted: definition.value.accepted)
        }
        return OptionArgument(definition: definition, text: text)
    }
}
