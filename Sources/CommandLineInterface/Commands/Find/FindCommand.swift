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
    }

    /// Runs the queries on one association, and takes those that were answered to their end off the rest.
    private func find(
        _ rest: inout ArraySlice<Query>, _ target: Target, _ matches: MatchFilter, _ output: MatchOutput
    ) throws(AssociationError) {
        try target.network.withAssociation(for: rest.flatMap { FindSCU.needs($0.model.findSOPClass) }) {
            association throws(AssociationError) in
            while let query = rest.first, mayGoOn(output) {
                matches.begin(query)
                let result = try FindSCU.find(
                    on: association, sopClass: query.model.findSOPClass, identifier: query.identifier,
                    priority: target.options.query.priority,
                    beforeBlockingRead: { output.flush() },
                    onMatch: { response in self.accept(matches.match(in: response), of: matches, to: output) })
                report(result, target)
                rest.removeFirst()
                matches.end()
            }
        }
    }

    // MARK: Matches

    private func accept(_ match: Match?, of matches: MatchFilter, to output: MatchOutput) -> ExchangeControl {
        guard let match else {
            guard options.limit != nil, matches.isRepeating else { return .goOn }
            outcome.diagnostics.warning(
                Message("the server repeats its responses", "the query is ended before \(OptionName.limit) is reached"))
            isLimited = true
            return .cancel
        }
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

/// The matches among the responses of a peer: each that can be read, contradicts no key, and was not there before.
private final class MatchFilter {
    private let target: FindCommand.Target
    /// Nil if the server is trusted.
    private var review: MatchReview?
    private var doubts = MatchDoubts()
    private var text: MatchText
    /// The attribute that tells entities apart, by its path.
    private var identity: [Tag] = []
    /// The number of equal responses to the query that is under way, by digest: some servers send a study once for each of
    /// its instances.
    private var received: [Int: Int] = [:]
    /// Those of the attempts before, which come again.
    private var expected: [Int: Int] = [:]
    private var repeated = 0
    private var repeatedInARow = 0
    /// No study has so many instances that a server could answer once for each of them.
    private static let maximumRepeatedInARow = 20_000
    private var responses = 0

    init(_ target: FindCommand.Target) {
        self.target = target
        text = MatchText(target.options)
    }

    /// A query that was not answered to its end is sent again: its matches were accepted before.
    func beginAttempt() { expected = received }

    /// The query was answered to its end.
    func end() {
        received = [:]
        expected = [:]
    }

    /// The responses that follow are those to this query.
    func begin(_ query: Query) {
        identity =
            query.model == .modalityWorklist
            ? [.scheduledProcedureStepSequence, .scheduledProcedureStepID]
            : [InformationModel.uniqueKey(of: query.level)]
        guard !target.options.query.trustsServer else { return }
        review = MatchReview(
            of: query.identifier, model: query.model, level: query.level,
            negotiation: target.network.connection.queryNegotiation)
    }

    /// Returns nil for a response that is not a match, and reports one that cannot be read.
    func match(in response: FindSCU.Match) -> Match? {
        let digest = digest(of: response.bytes)
        if let count = expected[digest], count > 0 {
            expected[digest] = count - 1
            return nil
        }
        let isNew = received.updateValue((received[digest] ?? 0) + 1, forKey: digest) == nil
        responses += 1
        if response.hasUnsupportedKeys { target.network.warnOfUnsupportedKeys() }
        let name = "\(target.network.peerName): match \(responses)"
        guard !response.bytes.isEmpty || response.omittedLength != nil else {
            target.outcome.fail(.incomplete, Message("\(name) has no data set"))
            return nil
        }
        do throws(DataSetError) {
            let dataSet = text.named(try response.identifier())
            if !isNew, hasIdentity(dataSet) {
                repeated += 1
                repeatedInARow += 1
                return nil
            }
            repeatedInARow = 0
            if let verdict = review?.verdict(of: dataSet) {
                doubts.record(verdict)
                if case .contradicted = verdict { return nil }
            }
            text.count(dataSet)
            return Match(
                bytes: response.bytes, transferSyntax: response.transferSyntax, dataSet: dataSet,
                node: target.network.peerName)
        } catch {
            target.outcome.fail(.incomplete, Message("\(name) cannot be read", error.description))
            return nil
        }
    }

    /// True if the server goes on with what it has sent: a limit of matches may never be reached.
    var isRepeating: Bool { repeatedInARow >= Self.maximumRepeatedInARow }

    private func digest(of bytes: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    /// Returns true if equal responses are about one entity: two studies of a patient are equal where only the name was asked for.
    private func hasIdentity(_ dataSet: DataSet) -> Bool {
        var value: [UInt8] = []
        ElementText.append(identity[...], of: dataSet, to: &value)
        return !value.isEmpty
    }

    /// Reports what was left out, and what no response confirms.
    func report() {
        let (peerName, diagnostics) = (target.network.peerName, target.outcome.diagnostics)
        if let problem = text.problem(of: peerName) { diagnostics.warning(problem) }
        if repeated > 0 { diagnostics.verbose("\(peerName): \(Quantity.count(repeated, "response")) sent again") }
        for warning in doubts.contradictions(of: peerName) { diagnostics.warning(warning) }
        if let problem = doubts.unconfirmedProblem(of: peerName, consequence: "it was not compared") {
            diagnostics.warning(problem)
        }
    }
}
