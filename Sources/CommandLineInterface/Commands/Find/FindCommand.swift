import DICOM
import DICOMNode
import DICOMProtocol

/// `--find` and `--worklist`: C-FIND of one peer or of several, one after the other; each match is written as it arrives, unless
/// all are sorted. Several queries go over one association.
final class FindCommand {
    /// A peer that is queried, with the options that hold for it.
    struct Target {
        let options: FindOptions
        let network: Network
        let outcome: RunOutcome
    }

    private let targets: [Target]
    private let environment: Environment
    /// The options of what is printed, which is one output for all peers.
    private let options: FindOptions
    private let outcome: RunOutcome
    /// Matches that were accepted, over all queries of the run.
    private var count = 0
    /// The matches that wait to be sorted.
    private var held: [Match] = []
    /// True if the limit of matches was reached.
    private var isLimited = false
    private let start = ContinuousClock.now

    /// - Parameter targets: one at least; the first one decides what the output looks like.
    init?(_ targets: [Target], _ environment: Environment) {
        guard let first = targets.first else { return nil }
        self.targets = targets
        self.environment = environment
        options = first.options
        outcome = first.outcome
    }

    func perform() {
        do throws(RunFailure) {
            var queries: [[Query]] = []
            for target in targets {
                queries.append(
                    try QueryPreparation(target.options.query, target.network, environment)
                        .queries(for: \.findSOPClass))
            }
            let output = try makeOutput(for: queries.flatMap(\.self))
            for (target, queries) in zip(targets, queries) where mayGoOn(output) { find(queries, target, output) }
            writeHeld(to: output)
            if format != .count || targets.allSatisfy({ $0.outcome.exitCode == .success }) { output.finish() }
            if let failure = output.failure { throw failure }
            if count == 0, targets.allSatisfy({ $0.outcome.exitCode == .success }) { try reportNoMatch() }
        } catch {
            outcome.fail(error)
        }
    }

    private func mayGoOn(_ output: MatchOutput) -> Bool {
        output.failure == nil && !output.isReaderGone && !isLimited
            && targets.allSatisfy { $0.outcome.exitCode != .interrupted }
    }

    private func find(_ queries: [Query], _ target: Target, _ output: MatchOutput) {
        let matches = MatchFilter(target)
        defer { matches.report() }
        var rest = queries[...]
        do throws(AssociationError) {
            try target.network.retrying { () throws(AssociationError) in
                matches.beginAttempt()
                try find(&rest, target, matches, output)
            }
        } catch {
            target.outcome.fail(error, calling: target.network.server)
        }
        acceptOpen(matches, output)
    }

    /// Runs the queries on one association, and takes those that were answered to their end off the rest.
    private func find(
        _ rest: inout ArraySlice<Query>, _ target: Target, _ matches: MatchFilter, _ output: MatchOutput
    ) throws(AssociationError) {
        try target.network.withAssociation(for: rest.flatMap { FindSCU.needs($0.model.findSOPClass) }) {
            association throws(AssociationError) in
            while let query = rest.first, mayGoOn(output) {
                matches.begin(query)
                let result = try exchange(query.identifier, query, target, association, output) { response in
                    self.accept(matches.match(in: response), of: matches, to: output)
                }
                if !result.wasInterrupted { try lookUp(matches, query, target, association, output) }
                acceptOpen(matches, output)
                report(result, target)
                rest.removeFirst()
                matches.end()
            }
        }
    }

    private func exchange(
        _ identifier: DataSet, _ query: Query, _ target: Target, _ association: Association, _ output: MatchOutput,
        onMatch: (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        try FindSCU.find(
            on: association, sopClass: query.model.findSOPClass, identifier: identifier,
            priority: target.options.query.priority, beforeBlockingRead: { output.flush() }, onMatch: onMatch)
    }

    /// Looks up what matches leave open, and accepts those that contradict no key.
    private func lookUp(
        _ matches: MatchFilter, _ query: Query, _ target: Target, _ association: Association, _ output: MatchOutput
    ) throws(AssociationError) {
        try matches.open?.lookUp(
            ask: { (identifier, record) throws(AssociationError) in
                guard self.mayGoOn(output) else { return nil }
                let result = try self.exchange(identifier, query, target, association, output) { response in
                    record(response)
                    return .goOn
                }
                return result.wasInterrupted ? nil : result.final?.command.status ?? .processingFailure
            },
            again: { matches.openMatch(in: $0) },
            settled: { match, verdict in
                guard let match = matches.judged(match, verdict) else { return }
                _ = self.accept(match, output)
            })
    }

    /// Accepts the matches that were not looked up.
    private func acceptOpen(_ matches: MatchFilter, _ output: MatchOutput) {
        while mayGoOn(output), let open = matches.open?.removeFirst() {
            guard let match = matches.judged(open.match, .unconfirmed(open.keys)) else { continue }
            _ = accept(match, output)
        }
    }

    // MARK: Matches

    private func accept(_ match: Match?, of matches: MatchFilter, to output: MatchOutput) -> ExchangeControl {
        if let match { return accept(match, output) }
        guard options.limit != nil, matches.isRepeating else { return .goOn }
        outcome.diagnostics.warning(
            Message("the server repeats its responses", "the query is ended before \(OptionName.limit) is reached"))
        isLimited = true
        return .cancel
    }

    private func accept(_ match: Match, _ output: MatchOutput) -> ExchangeControl {
        count += 1
        guard options.query.sortKeys.isEmpty else {
            held.append(match)
            return .goOn
        }
        guard output.write(match, number: count) else { return .cancel }
        guard let limit = options.limit, count >= limit else { return .goOn }
        isLimited = true
        return .cancel
    }

    /// Sorts the matches that were held back, and writes as many as the limit allows.
    private func writeHeld(to output: MatchOutput) {
        guard !held.isEmpty else { return }
        let sorted = MatchOrder(options.query.sortKeys).sorted(held, by: \.dataSet)
        for (index, match) in sorted.prefix(options.limit ?? .max).enumerated() {
            guard output.write(match, number: index + 1) else { return }
        }
    }

    // MARK: Output

    private func makeOutput(for queries: [Query]) throws(RunFailure) -> MatchOutput {
        let layout = MatchLayout(
            title: options.query.isWorklist ? "WL Find Response" : "Find Response",
            columns: columns(for: queries),
            showsNodes: targets.count > 1,
            table: tableStyle(for: queries),
            assumedCharacterSet: MatchText(options).assumed,
            escapesNonASCII: environment.localeEncoding != nil)
        let files = { [options, network = targets[0].network, outcome] () throws(RunFailure) -> any MatchWriter in
            try FileMatchWriter(
                folder: options.outputDirectory, existing: options.existingFile,
                sopClass: options.query.informationModel.findSOPClass, newUID: { network.newUID() },
                report: { outcome.diagnostics.reportWritten($0, $1) })
        }
        let writer =
            options.groupKeys.isEmpty
            ? try format.writer(layout, files: files)
            : GroupedMatchWriter(layout, format, keepsOrder: !options.query.sortKeys.isEmpty)
        return MatchOutput(writer, to: environment.standardOutput)
    }

    private func columns(for queries: [Query]) -> [MatchColumn] {
        let node = targets.count > 1 ? [MatchColumn.node] : []
        if !options.groupKeys.isEmpty { return node + options.groupKeys.map { MatchColumn(path: $0.tags) } }
        return format.hasColumns ? node + MatchColumn.columns(of: options, queries: queries) : []
    }

    private func tableStyle(for queries: [Query]) -> TableStyle {
        var style = TableStyle()
        style.terminalWidth = environment.terminalWidth
        style.isWide = options.isWide
        style.usesColor = environment.usesColor(options.color)
        style.keepsOrder = !options.columns.isEmpty
        if environment.terminalWidth != nil, let query = queries.first {
            style.summary = TableSummary(query.model, query.level, start: start)
        }
        return style
    }

    /// The format that was chosen, or else a table on a terminal.
    private var format: ResultFormat {
        !options.isFormatGiven && environment.terminalWidth != nil ? .table : options.format
    }

    // MARK: The end of a query

    /// Says on a terminal that there is no match; a script sees it by the empty output.
    ///
    /// - Throws: ``RunFailure`` if that is to be a failure.
    private func reportNoMatch() throws(RunFailure) {
        let names = targets.map(\.network.peerName).joined(separator: ", ")
        let message = Message("\(names): no match", nil, hint: .noMatch(options.query.likelyMistakes))
        if options.query.failsIfNone { throw RunFailure(.incomplete, message) }
        if environment.terminalWidth != nil { outcome.diagnostics.note(message) }
    }

    private func report(_ result: ExchangeResult, _ target: Target) {
        let (outcome, peerName) = (target.outcome, target.network.peerName)
        let counted = Quantity.count(count, "match")
        if result.wasInterrupted { return outcome.fail(.interrupted, Message("interrupted after \(counted)")) }
        if isLimited {
            outcome.diagnostics.note(Message("stopped after \(counted) as \(OptionName.limit) asks; there may be more"))
        }
        guard let response = result.final?.command, let status = response.status else { return }
        switch status.kind {
        case .success, .warning:
            outcome.diagnostics.verbose("\(peerName): \(counted)")
            outcome.diagnostics.verbose("Find was successful.")
            if status.kind == .warning { warn(of: response, status, target) }
        case .cancel where result.wasCancelled:
            break
        default:
            outcome.fail(
                .failureStatus,
                Message(
                    refusal: response, of: "C-FIND", by: peerName, service: service,
                    hint: nil))
        }
    }

    /// By PS3.4 most queries have no such status; a server that uses one may have more matches than it sent.
    private func warn(of response: CommandSet, _ status: DIMSEStatus, _ target: Target) {
        let message = Message(
            "\(target.network.peerName): C-FIND ended with a warning after \(Quantity.count(count, "match"))",
            response.reason(for: service), peerText: response.errorComment, code: status.description,
            hint: .listCutShort)
        if options.failOn == .warning {
            target.outcome.fail(.incomplete, message)
        } else {
            target.outcome.diagnostics.warning(message)
        }
    }

    private var service: ServiceKind { options.query.isWorklist ? .worklist : .find }
}
