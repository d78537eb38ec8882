import DICOM
import DICOMNode
import DICOMProtocol

/// `--find` and `--worklist`: C-FIND, each match written as it arrives; several queries on one association.
final class FindCommand {
    private let options: FindOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private var count = 0
    private var isLimited = false

    init(_ options: FindOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        guard
            let queries = QueryPreparation.all(
                options.query, network, outcome, environment, purpose: .query, sopClass: \.findSOPClass),
            let output = makeOutput(queries)
        else { return }
        do throws(AssociationError) {
            try network.withAssociation(for: queries.flatMap { FindSCU.needs($0.sopClass) }) {
                association throws(AssociationError) in
                for query in queries where output.failure == nil && !isLimited && outcome.exitCode != .interrupted {
                    let result = try FindSCU.find(
                        on: association, sopClass: query.sopClass, identifier: query.identifier,
                        priority: options.query.priority,
                        beforeBlockingRead: { output.flush() }, onMatch: { match in self.take(match, output) })
                    settle(result)
                }
            }
        } catch {
            outcome.fail(error, calling: network.server)
        }
        output.finish()
        if let failure = output.failure { outcome.fail(.localFiles, failure) }
    }

    /// Nil: it cannot be made; reported.
    private func makeOutput(_ queries: [QueryPreparation]) -> MatchOutput? {
        let isTerminal = environment.terminalWidth != nil
        // Without keys a table would have hardly a column; the text shows whatever the server returns.
        let asks = !options.query.keys.isEmpty || !options.query.returnKeys.isEmpty || options.query.queryPath != nil
        let format = !options.isFormatGiven && isTerminal && asks ? .table : options.format
        let layout = MatchLayout(
            title: options.query.isWorklist ? "WL Find Response" : "Find Response",
            columns: format.hasColumns
                ? MatchColumn.columns(of: options, identifiers: queries.map(\.identifier)) : [],
            terminalWidth: environment.terminalWidth,
            assumedCharacterSet: SpecificCharacterSet(
                tolerating: options.assumedCharacterSet.map { $0.split(separator: "\\").map { String($0) } } ?? []),
            escapesNonASCII: environment.localeEncoding != nil)
        do throws(MatchWriterError) {
            let writer = try format.writer(layout) { () throws(MatchWriterError) in
                try FileMatchWriter(
                    folder: options.outputDirectory, existing: options.existingFile,
                    sopClass: options.query.informationModel.findSOPClass, newUID: { [network] in network.newUID() },
                    report: { [outcome] in outcome.diagnostics.reportWritten($0, $1) })
            }
            return MatchOutput(writer, to: environment.standardOutput)
        } catch {
            outcome.fail(.localFiles, error.message)
            return nil
        }
    }

    private func take(_ match: FindSCU.Match, _ output: MatchOutput) -> ExchangeControl {
        count += 1
        guard !match.bytes.isEmpty || match.omittedLength != nil else {
            outcome.fail(.incomplete, Message("\(network.peerName): match \(count) has no data set"))
            return .goOn
        }
        do throws(DataSetError) {
            let decoded = Match(
                bytes: match.bytes, transferSyntax: match.transferSyntax, dataSet: try match.identifier())
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

    /// PS3.4 has no such status for most queries; where a server uses one, there may be more matches than it sent.
    private func warn(of command: CommandSet, _ status: DIMSEStatus) {
        let service: ServiceKind = options.query.isWorklist ? .worklist : .find
        let message = Message(
            "\(network.peerName): C-FIND ended with a warning after \(matches)", command.reason(for: service),
            peerText: command.errorComment, code: status.description, hint: .listCutShort)
        if options.failOn == .warning {
            outcome.fail(.incomplete, message)
        } else {
            outcome.diagnostics.warning(message)
        }
    }

    private var matches: String { Quantity.count(count, "match") }

    private func settle(_ result: ExchangeResult) {
        if result.wasInterrupted { return outcome.fail(.interrupted, Message("interrupted after \(matches)")) }
        if isLimited {
            outcome.diagnostics.note(Message("stopped after \(matches) as --limit asks; there may be more"))
        }
        guard let command = result.final?.command, let status = command.status else { return }
        switch status.kind {
        case .success, .warning:
            outcome.diagnostics.verbose("\(network.peerName): \(matches)")
            outcome.diagnostics.verbose("Find was successful.")
            if status.kind == .warning { warn(of: command, status) }
        case .cancel where result.wasCancelled:
            break
        default:
            outcome.fail(
                .failureStatus,
                Message(
                    refusal: command, of: "C-FIND", by: network.peerName,
                    service: network.operation == .worklist ? .worklist : .find,
                    hint: status.kind == .cancel ? .listCutShort : nil))
        }
    }
}
