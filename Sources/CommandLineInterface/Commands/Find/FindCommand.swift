import DICOM
import DICOMNode
import DICOMProtocol
import System

/// `--find` and `--worklist`: C-FIND, or QIDO-RS over HTTP, of one peer or of several, one after the other; each match is written as it arrives, unless
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
    private let watch = Stopwatch()
    /// True if matches contradicted keys.
    private var hasLeftOut = false

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
                let preparation = QueryPreparation(target.options.query, target.network, environment)
                let found = try preparation.queries()
                try preparation.prepare(found, \.findSOPClass)
                queries.append(found)
            }
            let output = try makeOutput(for: queries.flatMap(\.self))
            for (target, queries) in zip(targets, queries) where mayGoOn(output) {
                let before = output.count
                find(queries, target, output)
                target.outcome.summary.set(.count, output.count - before)
            }
            let isComplete = targets.allSatisfy { $0.outcome.exitCode == .success }
            output.finish(isComplete: isComplete || format != .count)
            // Sorted matches are counted again, as many as the limit leaves.
            if targets.count == 1, !queries.isEmpty { outcome.summary.set(.count, output.count) }
            if let failure = output.failure { throw failure }
            if output.count == 0, isComplete { try reportNoMatch() }
        } catch {
            outcome.fail(error)
        }
    }

    private func mayGoOn(_ output: MatchOutput) -> Bool {
        output.mayGoOn && targets.allSatisfy { $0.outcome.exitCode != .interrupted }
    }

    /// Runs the queries of a peer on one association, or over HTTP; those that are not answered to their end are sent again on another one, if
    /// that is wanted.
    private func find(_ queries: [Query], _ target: Target, _ output: MatchOutput) {
        let matches = MatchFilter(target)
        defer {
            matches.report()
            hasLeftOut = hasLeftOut || matches.hasLeftOut
        }
        let division = ListDivision(
            target.options.query.split, ordinary: .off, target.network, target.outcome, today: environment.today)
        var rest = queries[...]
        target.outcome.status.provide { [status = target.outcome.status] in
            var standing = RunStatus.Standing()
            standing.counts = [Quantity.count(status.matchCount, "match")]
            return standing
        }
        do throws(AssociationError) {
            try target.network.retrying { () throws(AssociationError) in
                matches.beginAttempt()
                try target.network.withQuerySession(for: rest.map(\.model.findSOPClass)) {
                    opened throws(AssociationError) in
                    let session = division.session(opened)
                    while let query = rest.first, mayGoOn(output) {
                        matches.begin(query, on: session)
                        let result = try session.find(
                            sopClass: query.model.findSOPClass, identifier: query.identifier,
                            priority: target.options.query.priority, beforeBlockingRead: { output.flush() },
                            onMatch: { response in
                                guard let match = matches.match(in: response) else {
                                    return self.controlOfRepetition(matches, output)
                                }
                                target.outcome.status.countMatch()
                                return output.accept(match)
                            })
                        if !result.wasInterrupted { try lookUp(matches, query, target, session, output) }
                        acceptOpen(matches, output)
                        report(result, of: query, target, output, about: matches)
                        rest.removeFirst()
                        if result.status == .success {
                            noteCharacterSet(matches, query, target)
                            division.noteRoundNumber(matches.count, option: target.options.query.split)
                        }
                        matches.end()
                    }
                }
            }
        } catch {
            var server = target.network.server
            server.hasKeys = target.options.query.hasKeys
            target.outcome.fail(error, calling: server)
        }
        acceptOpen(matches, output)
    }

    /// More matches than a server has left that took the character set for a key.
    private static let fewMatches = 100

    /// Tells who looks closely that the few matches all are in the character set that the query names without need: a server that
    /// matches it as a key answers so, but others do as well, so that it is no warning.
    private func noteCharacterSet(_ matches: MatchFilter, _ query: Query, _ target: Target) {
        guard let count = matches.countInQuerySet, (1...Self.fewMatches).contains(count) else { return }
        let set = query.identifier.strings(.specificCharacterSet).joined(separator: "\\")
        target.outcome.diagnostics.report(
            .verbose,
            Message(
                "\(target.network.peerName): the query names the character set \(set), and so does every match",
                "some servers match it as a key, and have more without it", hint: .characterSetIsKey))
    }

    /// Looks up what matches leave open, and accepts those that contradict no key.
    private func lookUp(
        _ matches: MatchFilter, _ query: Query, _ target: Target, _ session: any QuerySession, _ output: MatchOutput
    ) throws(AssociationError) {
        defer { matches.noteLookups() }
        try matches.open?.lookUp(
            ask: { (identifier, record) throws(AssociationError) in
                guard self.mayGoOn(output) else { return nil }
                let result = try session.find(
                    sopClass: query.model.findSOPClass, identifier: identifier,
                    priority: target.options.query.priority, beforeBlockingRead: { output.flush() },
                    onMatch: { response in
                        record(response)
                        return .goOn
                    })
                return result.wasInterrupted ? nil : result.final?.command.status ?? .processingFailure
            },
            again: { matches.openMatch(in: $0) },
            settled: { match, verdict in
                guard let match = matches.judged(match, verdict, isLookedUp: true) else { return }
                _ = output.accept(match)
            })
    }

    /// Accepts the matches that were not looked up.
    private func acceptOpen(_ matches: MatchFilter, _ output: MatchOutput) {
        while mayGoOn(output), let open = matches.open?.removeFirst() {
            guard let match = matches.judged(open.match, open.verdict) else { continue }
            _ = output.accept(match)
        }
    }

    /// Ends a query whose responses only repeat others, if it waits for a number of matches.
    private func controlOfRepetition(_ matches: MatchFilter, _ output: MatchOutput) -> ExchangeControl {
        guard options.limit != nil, matches.isRepeating else { return .goOn }
        outcome.diagnostics.warning(
            Message("the server repeats its responses", "the query is ended before \(OptionName.limit) is reached"))
        output.stop()
        return .cancel
    }

    // MARK: Output

    private func makeOutput(for queries: [Query]) throws(RunFailure) -> MatchOutput {
        let uniqueKey = queries.first.flatMap { query in
            query.model == .modalityWorklist ? nil : InformationModel.uniqueKey(of: query.level)
        }
        let layout = MatchLayout(
            title: options.query.isWorklist ? "WL Find Response" : "Find Response",
            columns: columns(for: queries),
            named: options.namedAttributes,
            constants: Set(queries.count == 1 ? options.query.keys.filter(\.isOneValue).map(\.tags) : []),
            identity: uniqueKey == .sopInstanceUID ? [.sopInstanceUID] : [],
            fallback: uniqueKey.map { [$0] } ?? [],
            showsNodes: targets.count > 1,
            table: tableStyle(for: queries),
            assumedCharacterSet: MatchText(options).assumed,
            escapesNonASCII: environment.localeEncoding != nil)
        let files = { [options, network = targets[0].network, outcome] () throws(RunFailure) -> any MatchWriter in
            try FileMatchWriter(
                folder: options.outputDirectory, existing: options.existingFile,
                sopClass: options.query.informationModel.findSOPClass, newUID: { network.newUID() },
                report: { outcome.reportWritten($0, $1) })
        }
        let writer =
            options.groupKeys.isEmpty
            ? try format.writer(layout, files: files)
            : GroupedMatchWriter(layout, format, keepsOrder: !options.query.sortKeys.isEmpty)
        return MatchOutput(
            writer, to: environment.standardOutput, order: options.query.sortKeys, limit: options.limit)
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
        // gdcmscu's command lines ask for nothing but their keys; what comes back all the same is worth a look.
        style.showsFurther = environment.terminalWidth != nil && !options.query.asksForMore
        if environment.terminalWidth != nil, let query = queries.first {
            style.summary = TableSummary(query.model, query.level, watch: watch)
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
        let ungranted = targets.reduce(QueryNegotiation()) { $0.union($1.network.ungranted) }
        // Matches that were left out have their own remedy.
        let message = Message(
            "\(names): no match", nil,
            hint: hasLeftOut ? nil : .noMatch(options.query.likelyMistakes(ungranted: ungranted)))
        if options.query.failsIfNone { throw RunFailure(.incomplete, message) }
        if environment.terminalWidth != nil { outcome.diagnostics.note(message) }
    }

    /// - Parameter matches: those that a comment may be about.
    private func report(
        _ result: ExchangeResult, of query: Query, _ target: Target, _ output: MatchOutput, about matches: MatchFilter
    ) {
        let (outcome, peerName) = (target.outcome, target.network.peerName)
        let counted = Quantity.count(output.count, "match")
        if result.wasInterrupted { return outcome.fail(.interrupted, Message("interrupted after \(counted)")) }
        if output.isLimited {
            outcome.diagnostics.note(Message("stopped after \(counted) as \(OptionName.limit) asks; there may be more"))
        }
        guard let final = result.final?.command, let status = final.status else { return }
        let response = outcome.diagnostics.redaction.hidingPatientData(in: final, about: matches.recentDataSets)
        switch status.kind {
        case .success, .warning:
            outcome.diagnostics.verbose("\(peerName): \(counted)")
            outcome.diagnostics.verbose("Find was successful.")
            if status.kind == .warning { warn(of: response, status, target, after: counted) }
        case .cancel where result.wasCancelled:
            break
        default:
            outcome.fail(
                .failureStatus,
                Message(
                    refusal: response, of: "C-FIND", by: peerName, service: service,
                    hint: options.query.hint(
                        for: status, refusing: query,
                        isDivided: target.options.query.split.map { $0 != .off } ?? false))
            )
        }
    }

    /// By PS3.4 most queries have no such status; a server that uses one may have more matches than it sent.
    private func warn(of response: CommandSet, _ status: DIMSEStatus, _ target: Target, after counted: String) {
        let message = Message(
            "\(target.network.peerName): C-FIND ended with a warning after \(counted)",
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
