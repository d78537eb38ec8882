import DICOM
import DICOMNode
import DICOMProtocol

/// `--find` and `--worklist`: C-FIND, each match written as it arrives; several queries on one association.
final class FindCommand {
    private let options: FindOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    /// Over all queries of the run.
    private var count = 0
    /// True if the limit of matches was reached.
    private var isLimited = false
    private var doubts = MatchDoubts()
    /// The matches of the query that is under way, by digest; counted only if it may be repeated.
    private var received: [[UInt8]: Int] = [:]
    /// Those of its attempts before, which come again.
    private var repeated: [[UInt8]: Int] = [:]
    private let start = ContinuousClock.now

    init(_ options: FindOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        do throws(RunFailure) {
            let queries = try QueryPreparation(options.query, network, environment).queries(for: \.findSOPClass)
            let output = try makeOutput(for: queries)
            do throws(AssociationError) {
                try find(queries, output)
            } catch {
                outcome.fail(error, calling: network.server)
            }
            output.finish()
            reportDoubts()
            if let failure = output.failure { throw failure }
            if count == 0, outcome.exitCode == .success { try reportNoMatch() }
        } catch {
            outcome.fail(error)
        }
    }

    private func find(_ queries: [Query], _ output: MatchOutput) throws(AssociationError) {
        var rest = queries[...]
        try network.retrying { () throws(AssociationError) in
            repeated = received
            try find(&rest, output)
        }
    }

    /// Runs the queries on one association, and takes those that were answered to their end off the rest.
    private func find(_ rest: inout ArraySlice<Query>, _ output: MatchOutput) throws(AssociationError) {
        try network.withAssociation(for: rest.flatMap { FindSCU.needs($0.model.findSOPClass) }) {
            association throws(AssociationError) in
            while let query = rest.first, output.failure == nil, !output.isReaderGone, !isLimited,
                outcome.exitCode != .interrupted
            {
                let review =
                    options.query.trustsServer
                    ? nil
                    : MatchReview(
                        of: query.identifier, model: query.model, level: query.level,
                        negotiation: network.connection.queryNegotiation)
                let result = try FindSCU.find(
                    on: association, sopClass: query.model.findSOPClass, identifier: query.identifier,
                    priority: options.query.priority,
                    beforeBlockingRead: { output.flush() },
                    onMatch: { match in self.write(match, review, to: output) })
                report(result)
                rest.removeFirst()
                received = [:]
                repeated = [:]
            }
        }
    }

    /// Returns true if a match is one of those that an attempt before this one has brought: it was written then.
    private func isRepeated(_ match: FindSCU.Match) -> Bool {
        guard network.connection.retry.retries > 0 else { return false }
        var sum = SHA256()
        match.bytes.withUnsafeBytes { sum.update($0) }
        let digest = sum.digest()
        received[digest, default: 0] += 1
        guard let count = repeated[digest], count > 0 else { return false }
        repeated[digest] = count - 1
        received[digest, default: 1] -= 1
        return true
    }

    // MARK: Matches

    private func makeOutput(for queries: [Query]) throws(RunFailure) -> MatchOutput {
        let format = format
        let layout = MatchLayout(
            title: options.query.isWorklist ? "WL Find Response" : "Find Response",
            columns: format.hasColumns
                ? MatchColumn.columns(of: options, queries: queries) : [],
            table: tableStyle(for: queries),
            assumedCharacterSet: SpecificCharacterSet(
                tolerating: options.assumedCharacterSet.map { $0.split(separator: "\\").map { String($0) } } ?? []),
            escapesNonASCII: environment.localeEncoding != nil)
        let writer = try format.writer(layout) { () throws(RunFailure) in
            try FileMatchWriter(
                folder: options.outputDirectory, existing: options.existingFile,
                sopClass: options.query.informationModel.findSOPClass, newUID: { [network] in network.newUID() },
                report: { [outcome] in outcome.diagnostics.reportWritten($0, $1) })
        }
        return MatchOutput(writer, to: environment.standardOutput)
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

    private func write(_ match: FindSCU.Match, _ review: MatchReview?, to output: MatchOutput) -> ExchangeControl {
        guard !isRepeated(match) else { return .goOn }
        count += 1
        if match.hasUnsupportedKeys { network.warnOfUnsupportedKeys() }
        guard !match.bytes.isEmpty || match.omittedLength != nil else {
            outcome.fail(.incomplete, Message("\(network.peerName): match \(count) has no data set"))
            return .goOn
        }
        do throws(DataSetError) {
            let dataSet = try match.identifier()
            if let verdict = review?.verdict(of: dataSet) {
                doubts.record(verdict)
                if case .contradicted = verdict {
                    count -= 1
                    return .goOn
                }
            }
            let decoded = Match(bytes: match.bytes, transferSyntax: match.transferSyntax, dataSet: dataSet)
            guard output.write(decoded, number: count) else { return .cancel }
        } catch {
            outcome.fail(
                .incomplete,
                Message("\(network.peerName): match \(count) cannot be read", error.description))
        }
        guard let limit = options.limit, count >= limit else { return .goOn }
        isLimited = true
        return .cancel
    }

    // MARK: The end of a query

    /// Says on a terminal that there is no match; a script sees it by the empty output.
    ///
    /// - Throws: ``RunFailure`` if that is to be a failure.
    private func reportNoMatch() throws(RunFailure) {
        let message = Message("\(network.peerName): no match", nil, hint: .noMatch)
        if options.query.failsIfNone { throw RunFailure(.incomplete, message) }
        if environment.terminalWidth != nil { outcome.diagnostics.note(message) }
    }

    private func reportDoubts() {
        let peerName = network.peerName
        for warning in doubts.contradictions(of: peerName) { outcome.diagnostics.warning(warning) }
        if let problem = doubts.unconfirmedProblem(of: peerName, consequence: "it was not compared") {
            outcome.diagnostics.warning(problem)
        }
    }

    private var matches: String { Quantity.count(count, "match") }

    private func report(_ result: ExchangeResult) {
        if result.wasInterrupted { return outcome.fail(.interrupted, Message("interrupted after \(matches)")) }
        if isLimited {
            outcome.diagnostics.note(Message("stopped after \(matches) as \(OptionName.limit) asks; there may be more"))
        }
        guard let response = result.final?.command, let status = response.status else { return }
        switch status.kind {
        case .success, .warning:
            outcome.diagnostics.verbose("\(network.peerName): \(matches)")
            outcome.diagnostics.verbose("Find was successful.")
            if status.kind == .warning { warn(of: response, status) }
        case .cancel where result.wasCancelled:
            break
        default:
            outcome.fail(
                .failureStatus,
                Message(
                    refusal: response, of: "C-FIND", by: network.peerName, service: service,
                    hint: nil))
        }
    }

    /// By PS3.4 most queries have no such status; a server that uses one may have more matches than it sent.
    private func warn(of response: CommandSet, _ status: DIMSEStatus) {
        let message = Message(
            "\(network.peerName): C-FIND ended with a warning after \(matches)", response.reason(for: service),
            peerText: response.errorComment, code: status.description, hint: .listCutShort)
        if options.failOn == .warning {
            outcome.fail(.incomplete, message)
        } else {
            outcome.diagnostics.warning(message)
        }
    }

    private var service: ServiceKind { options.query.isWorklist ? .worklist : .find }
}
