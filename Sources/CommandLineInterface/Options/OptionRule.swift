/// A rule about an option and others: data of its definition, checked by ``OptionDraft/check(_:typed:)``.
package enum OptionRule: Sendable, Equatable {
    /// Another option must be given too, unless a third one is.
    case requires(OptionName, unless: OptionName? = nil)
    /// None of the others may be typed beside it.
    case excludes([OptionName])
    /// The option is of use only where the condition holds.
    case only(when: Condition)

    /// A state of all values in which alone an option is of use.
    package enum Condition: Sendable, Equatable {
        /// TLS is on.
        case secured
        /// The peer is named by a URL.
        case overHTTP
        /// A C-GET may become a C-MOVE.
        case getMayMove
        /// Instances are received here, not at a third party.
        case receivesHere
        /// Instances are received here, or the third party is asked for them.
        case waitsForInstances
        /// The stored instances are verified by storage commitment.
        case commitsAfterStore
        /// The format is one that the operation has.
        case formatOfOperation
        /// The format of a query has columns.
        case formatWithColumns
        /// The format of a query is a table.
        case formatOfTable
        /// The format of a query can show groups.
        case formatWithGroups
        /// A query writes files.
        case formatOfFiles
        /// The format is that of a monitoring plugin.
        case formatOfPlugin
        /// Metrics are written or printed.
        case writesMetrics
        /// The value is a number, unless the operation is one of these, which can find out one.
        case numberUnless(OperationSet)
    }
}

extension OptionDraft {
    /// Checks the rules of the options that were given.
    ///
    /// - Parameters:
    ///   - given: from every source; an option of the configuration that the operation has no use for is passed over.
    ///   - typed: those of the command line.
    /// - Throws: the first rule that is broken, with the options named.
    func check(_ given: [OptionArgument], typed: [OptionArgument]) throws(UsageError) {
        let names = given.map(\.definition.name)
        if let web = connection.web { try checkOverHTTP(web, typed) }
        try checkExclusions(typed)
        for argument in typed {
            for case .only(let condition) in argument.definition.rules where !holds(condition, for: argument) {
                throw refusal(of: argument, condition)
            }
        }
        for definition in given.map(\.definition) {
            for case .requires(let other, let exception) in definition.rules
            where !names.contains(other) && exception.map({ names.contains($0) }) != true {
                let placeholder = OptionTable.definition(other)?.value.placeholder
                throw UsageError(
                    .missingOption, option: other, value: definition.option,
                    problem: "\(definition.option) needs \(other)",
                    accepted: placeholder.map { "\(other) \($0)" } ?? "\(other)")
            }
        }
    }

    /// Checks that no option of the command line excludes another.
    ///
    /// - Throws: the first pair that does.
    func checkExclusions(_ typed: [OptionArgument]) throws(UsageError) {
        for argument in typed {
            for case .excludes(let others) in argument.definition.rules {
                guard let other = typed.first(where: { others.contains($0.definition.name) })?.definition.name else {
                    continue
                }
                throw UsageError(
                    .conflictingOptions, option: other, value: argument.definition.option,
                    problem: "\(argument.definition.option) and \(other) exclude each other", accepted: "one of them")
            }
        }
    }

    private func holds(_ condition: OptionRule.Condition, for argument: OptionArgument) -> Bool {
        switch condition {
        case .secured: usesTLS || otherSide?.usesTLS == true
        case .overHTTP: connection.web != nil || otherSide?.isOverHTTP == true
        case .getMayMove:
            // Of two peers it is for the one that has associations.
            ![.get, .copy].contains(operation) || retrieve.fallsBackToMove
                || (operation == .copy && (verification == .commit || connection.web != nil))
        case .receivesHere: operation != .move || receivesMovedInstances
        case .waitsForInstances:
            switch operation {
            case .get: retrieve.fallsBackToMove
            case .move: receivesMovedInstances || verification != nil
            default: true
            }
        case .commitsAfterStore:
            switch operation {
            case .store: verification == .commit
            // A port is of use for either.
            case .copy: verification == .commit || retrieve.fallsBackToMove || connection.web != nil
            default: true
            }
        case .formatOfOperation: format?.isAvailable(for: operation) != false
        case .formatWithColumns: format?.hasColumns != false || operation == .compare
        case .formatOfTable: format == nil || format == .table
        case .formatWithGroups: format.map { $0.hasColumns || $0 == .json || $0 == .jsonl } != false
        case .formatOfFiles: !operation.isQuery || format == .dcm
        case .formatOfPlugin: format == .nagios
        case .writesMetrics: monitoring.metricsPath != nil || format == .prometheus
        case .numberUnless(let operations): operations.contains(operation) || !argument.asksForAuto
        }
    }

    private func refusal(of argument: OptionArgument, _ condition: OptionRule.Condition) -> UsageError {
        let option = argument.definition.name
        let unusable = "\(option) does not apply to"
        let format = "\(OptionName.format) \(format?.rawValue ?? "")"
        switch condition {
        case .secured:
            return UsageError(
                .missingOption, option: option, problem: "\(option) has no effect without \(OptionName.tls)",
                accepted: "\(OptionName.tls) with it")
        case .overHTTP:
            return UsageError(
                .conflictingOptions, option: option, problem: "\(option) applies to HTTP alone, and HOST is no URL",
                accepted: "\(option) with http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
        case .getMayMove:
            return UsageError(
                .optionNotApplicable, option: option, value: "\(operation.option)",
                problem: "\(unusable) \(operation.option), unless with \(OptionName.orMove)",
                accepted: "\(OptionName.move), or \(OptionName.orMove) beside \(operation.option)")
        case .receivesHere:
            let destination = "\(OptionName.moveDestination) \(effectiveMoveDestination)"
            return UsageError(
                .conflictingOptions, option: option, value: "\(OptionName.moveDestination)",
                problem: "\(unusable) \(destination): nothing is received here",
                accepted: option == .journal || option == .resume
                    ? "\(OptionName.report) FILE for what became of each request, or \(Operation.copy.option), whose instances come here"
                    : nil)
        case .waitsForInstances where operation == .get: return refusal(of: argument, .getMayMove)
        case .waitsForInstances:
            let destination = "\(OptionName.moveDestination) \(effectiveMoveDestination)"
            return UsageError(
                .conflictingOptions, option: option, value: "\(OptionName.moveDestination)",
                problem: "\(unusable) \(destination): nothing is waited for",
                accepted: "\(OptionName.verify) \(StoreVerificationMethod.find.rawValue) beside it")
        case .commitsAfterStore:
            let others = argument.definition.operations.subtracting([.store, OperationSet(operation)]).operations.map(
                \.option.description)
            let accepted =
                others + ["\(operation.option) \(OptionName.verify) \(StoreVerificationMethod.commit.rawValue)"]
            return UsageError(
                .optionNotApplicable, option: option, value: "\(operation.option)",
                problem: "\(unusable) \(operation.option)",
                accepted: "\(option) with \(accepted.joined(separator: ", "))")
        case .formatOfOperation:
            return UsageError(
                .conflictingOptions, option: option, value: argument.text,
                problem: "\(format) does not apply to \(operation.option)",
                accepted: ResultFormat.accepted(for: operation))
        case .formatWithColumns:
            return UsageError(
                .conflictingOptions, option: option, value: self.format?.rawValue, problem: "\(unusable) \(format)",
                accepted: "\(option) with \(OptionName.format) table, csv or tsv")
        case .formatOfTable:
            return UsageError(
                .conflictingOptions, option: option, value: self.format?.rawValue, problem: "\(unusable) \(format)",
                accepted: "\(option) with \(OptionName.format) \(ResultFormat.table.rawValue)")
        case .formatWithGroups:
            return UsageError(
                .conflictingOptions, option: option, value: self.format?.rawValue, problem: "\(unusable) \(format)",
                accepted: "\(option) with \(OptionName.format) table, csv, tsv, json or jsonl")
        case .formatOfPlugin:
            let plugin = "\(OptionName.format) \(ResultFormat.nagios.rawValue)"
            return UsageError(
                .missingOption, option: option, value: argument.text,
                problem: "\(option) has no effect without \(plugin)",
                accepted: "\(option) with \(plugin)")
        case .writesMetrics:
            return UsageError(
                .missingOption, option: option, value: argument.text,
                problem: "\(option) has no effect without \(OptionName.metrics)",
                accepted: "\(OptionName.metrics) FILE, or \(OptionName.format) \(ResultFormat.prometheus.rawValue)")
        case .numberUnless(let others):
            return UsageError(
                .conflictingOptions, option: option, value: argument.text,
                problem: "\(option) \(argument.text) does not apply to \(operation.option)",
                accepted: "\(option) N, or \(option) \(OptionValue.auto) with "
                    + others.operations.map(\.option.description).joined(separator: ", "))
        case .formatOfFiles:
            let files = "\(OptionName.format) \(ResultFormat.dcm.rawValue)"
            return UsageError(
                .conflictingOptions, option: option, value: argument.text,
                problem: "\(unusable) \(operation.option), unless with \(files)", accepted: "\(option) with \(files)")
        }
    }
}
