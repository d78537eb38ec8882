import DICOMProtocol

/// Turns a command line into a typed request, by the option table, the way GNU getopt_long reads one.
///
/// It reads neither the environment nor a file: what it needs is passed in.
package struct CommandLineParser: Sendable {
    /// `GDCM_ROOT_UID` of the environment.
    package let rootUIDFromEnvironment: String?

    package init(rootUIDFromEnvironment: String? = nil) {
        self.rootUIDFromEnvironment = rootUIDFromEnvironment
    }

    /// - Parameter arguments: without the program's name.
    package func parse(_ arguments: [String]) throws(UsageError) -> ParsedCommandLine {
        guard !arguments.isEmpty else { return .empty }
        let scanned = try ArgumentScanner.scan(arguments)
        if let text = try Self.requestForText(scanned) { return text }
        var draft = InvocationDraft()
        for argument in scanned.options { try argument.definition.apply(&draft, argument) }
        if draft.isQueryHelp {
            let isWorklist = draft.operations.contains(.worklist)
            let (model, level) = isWorklist ? (.modalityWorklist, .study) : try draft.modelAndLevel()
            return .queryHelp(model, level)
        }
        try draft.chooseOperation()
        try Self.checkApplicability(scanned.options, to: draft.invocation.operation)
        try draft.takePositionals(scanned.positionals)
        try draft.resolve(options: scanned.options, rootUIDFromEnvironment: rootUIDFromEnvironment)
        return .perform(draft.invocation)
    }

    /// Version wins over help; either is shown whatever else is wrong with the values given.
    private static func requestForText(
        _ scanned: ArgumentScanner.Scanned
    ) throws(UsageError) -> ParsedCommandLine? {
        func last(_ name: String) -> OptionArgument? { scanned.options.last { $0.definition.name == name } }
        if last("version") != nil { return .version }
        if let help = last("help") {
            let isLong = help.text == HelpTopic.all.rawValue || scanned.positionals == [HelpTopic.all.rawValue]
            return .help(isLong ? .all : .short)
        }
        if let generate = last("generate") { return .generate(try generate.choice(GeneratedDocument.self)) }
        return nil
    }

    private static func checkApplicability(
        _ options: [OptionArgument], to operation: Operation
    ) throws(UsageError) {
        for argument in options where !argument.definition.operations.contains(operation) {
            let definition = argument.definition
            throw UsageError(
                .optionNotApplicable, option: definition.option, value: operation.option,
                problem: "\(definition.option) has no use with \(operation.option)",
                accepted: "\(definition.option) with \(definition.operationOptions.joined(separator: ", "))")
        }
    }
}
