/// Splits a command line into options and positionals as GNU getopt_long does: in any order, long options by any prefix
/// that is unique, values after `=` or as the next argument, short options in clusters with the value attached, `--` as
/// the end of options.
struct ArgumentScanner {
    /// The content of a command line, in its order, before any value is read.
    struct Scanned {
        var options: [OptionArgument] = []
        var positionals: [String] = []
    }

    private let arguments: [String]
    private var position = 0
    private var scanned = Scanned()

    private init(_ arguments: [String]) {
        self.arguments = arguments
    }

    static func scan(_ arguments: [String]) throws(UsageError) -> Scanned {
        var scanner = ArgumentScanner(arguments)
        while scanner.position < arguments.count {
            let argument = arguments[scanner.position]
            scanner.position += 1
            if argument == "--" {
                scanner.scanned.positionals += arguments[scanner.position...]
                break
            } else if argument.hasPrefix("--") {
                try scanner.scanLong(argument)
            } else if argument.hasPrefix("-"), argument != "-" {
                try scanner.scanShort(argument)
            } else {
                scanner.scanned.positionals.append(argument)
            }
        }
        return scanner.scanned
    }

    private mutating func scanLong(_ argument: String) throws(UsageError) {
        let body = argument.dropFirst(2)
        let equals = body.firstIndex(of: "=")
        let name = String(body[..<(equals ?? body.endIndex)])
        let attached = equals.map { String(body[body.index(after: $0)...]) }
        let definition = try Self.definition(forLong: name)
        switch (definition.value, attached) {
        case (.none, _?):
            throw UsageError(
                .unexpectedValue, option: definition.option, value: attached,
                problem: "\(definition.option) takes no value")
        case (.optionalChoice(let choices), let attached?):
            let argument = OptionArgument(definition: definition, text: attached)
            guard choices.contains(attached) else { throw argument.error("not known") }
            scanned.options.append(argument)
        case (_, let attached?):
            scanned.options.append(OptionArgument(definition: definition, text: attached))
        case (_, nil):
            try takeNext(for: definition)
        }
    }

    private static func definition(forLong name: String) throws(UsageError) -> OptionDefinition {
        let candidates = OptionTable.candidates(forLong: name)
        guard let definition = candidates.first else {
            throw UsageError(
                .unknownOption, option: "--\(name)", problem: "unknown option --\(name)",
                suggestion: EditDistance.nearest(to: name, in: OptionTable.longNames).map { "--\($0)" })
        }
        guard candidates.count == 1 else {
            let options = candidates.map(\.option).joined(separator: ", ")
            throw UsageError(
                .ambiguousOption, option: "--\(name)", problem: "--\(name) can mean \(options)")
        }
        return definition
    }

    private mutating func scanShort(_ argument: String) throws(UsageError) {
        var cluster = argument.dropFirst()
        while let letter = cluster.popFirst() {
            guard let definition = OptionTable.definition(short: letter) else {
                // A long name behind one dash is the likeliest slip.
                let name = argument.dropFirst().prefix { $0 != "=" }
                throw UsageError(
                    .unknownOption, option: "-\(letter)",
                    problem: "unknown option -\(letter)" + (argument.count > 2 ? " in \(argument)" : ""),
                    suggestion: EditDistance.nearest(to: String(name), in: OptionTable.longNames).map { "--\($0)" })
            }
            guard definition.value.takesArgument else {
                scanned.options.append(OptionArgument(definition: definition))
                continue
            }
            if cluster.isEmpty {
                try takeNext(for: definition)
            } else {
                scanned.options.append(OptionArgument(definition: definition, text: String(cluster)))
            }
            return
        }
    }

    private mutating func takeNext(for definition: OptionDefinition) throws(UsageError) {
        guard definition.value.takesArgument else {
            scanned.options.append(OptionArgument(definition: definition))
            return
        }
        guard position < arguments.count else {
            throw UsageError(
                .missingValue, option: definition.option, problem: "\(definition.option) needs a value",
                accepted: definition.value.accepted)
        }
        scanned.options.append(OptionArgument(definition: definition, text: arguments[position]))
        position += 1
    }
}
