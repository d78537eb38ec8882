import DICOM
import DICOMNode
import DICOMProtocol

/// `--find` and `--worklist`: C-FIND, each answer written as it arrives; several queries on one association.
final class FindCommand {
    private let run: CommandRun
    private var count = 0
    private var isLimited = false

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let invocation = run.invocation
        guard let queries = QueryPreparation.all(run, purpose: .query, sopClass: \.findSOPClass),
            let output = makeOutput(queries)
        else { return }
        run.withAssociation(for: queries.flatMap { FindSCU.needs($0.sopClass) }) {
            association throws(AssociationError) in
            association.willRead = { output.pause() }
            for query in queries where output.failure == nil && !isLimited && run.exitCode != .interrupted {
                let result = try FindSCU.find(
                    on: association, sopClass: query.sopClass, identifier: query.identifier,
                    priority: invocation.priority,
                    onAnswer: { match in self.take(match, output) })
                settle(result)
            }
        }
        output.finish()
        if let failure = output.failure { run.fail(.localFiles, failure) }
    }

    /// Nil: it cannot be made; reported.
    private func makeOutput(_ queries: [QueryPreparation]) -> AnswerOutput? {
        let invocation = run.invocation
        let isTerminal = run.environment.terminalWidth != nil
        // Without anything asked for a table would have no columns to speak of; the text shows what the server answers.
        let asks = !invocation.keys.isEmpty || !invocation.returnKeys.isEmpty || invocation.queryPath != nil
        let format = !invocation.isFormatGiven && isTerminal && asks ? .table : invocation.format
        let layout = AnswerLayout(
            title: invocation.operation == .worklist ? "WL Find Response" : "Find Response",
            columns: format.hasColumns
                ? AnswerColumn.columns(of: invocation, identifiers: queries.map(\.identifier)) : [],
            terminalWidth: run.environment.terminalWidth,
            assumedCharacterSet: SpecificCharacterSet(
                tolerating: invocation.assumedCharacterSet.map { $0.split(separator: "\\").map { String($0) } } ?? []),
            escapesNonASCII: run.environment.localeEncoding != nil)
        do throws(AnswerWriterError) {
            let writer = try format.writer(layout) { () throws(AnswerWriterError) in
                try FileAnswerWriter(
                    folder: invocation.outputDirectory, existing: invocation.existingFile,
                    sopClass: invocation.informationModel.findSOPClass, newUID: { [run] in run.newUID() },
                    report: { [run] in run.diagnostics.reportWritten($0, $1) })
            }
            return AnswerOutput(writer, to: run.output)
        } catch {
            run.fail(.localFiles, error.message)
            return nil
        }
    }

    private func take(_ match: FindSCU.Match, _ output: AnswerOutput) -> ExchangeControl {
        count += 1
        guard !match.bytes.isEmpty || match.omittedLength != nil else {
            run.fail(.incomplete, Message("\(run.peerName): answer \(count) has no data set"))
            return .goOn
        }
        do throws(DataSetError) {
            let answer = Answer(
                bytes: match.bytes, transferSyntax: match.transferSyntax, dataSet: try match.identifier())
            guard output.take(answer, number: count) else { return .cancel }
        } catch {
            run.fail(
                .incomplete,
                Message("\(run.peerName): answer \(count) cannot be read", error.description))
        }
        guard let limit = run.invocation.limit, count >= limit else { return .goOn }
        isLimited = true
        return .cancel
    }

    /// PS3.4 has no such status for most queries; where a server uses one, there may be more than it answered.
    private func warn(of command: CommandSet, _ status: DIMSEStatus) {
        let service: ServiceKind = run.invocation.operation == .worklist ? .worklist : .find
        let message = Message(
            "\(run.peerName): C-FIND ended with a warning after \(answers)", command.reason(for: service),
            peerText: command.errorComment, code: status.description, hint: .listCutShort)
        if run.invocation.failOn == .warning {
            run.fail(.incomplete, message)
        } else {
            run.diagnostics.warning(message)
        }
    }

    private var answers: String { count == 1 ? "1 answer" : "\(count) answers" }

    private func settle(_ result: ExchangeResult) {
        if result.wasInterrupted { return run.fail(.interrupted, Message("interrupted after \(answers)")) }
        if isLimited {
            run.diagnostics.note(Message("stopped after \(answers) as --limit asks; there may be more"))
        }
        guard let command = result.final?.command, let status = command.status else { return }
        switch status.kind {
        case .success, .warning:
            run.diagnostics.verbose("\(run.peerName): \(answers)")
            run.diagnostics.verbose("Find was successful.")
            if status.kind == .warning { warn(of: command, status) }
        case .cancel where result.wasCancelled:
            break
        default:
            run.fail(
                .failureStatus,
                Message(
                    refusal: command, of: "C-FIND", by: run.peerName,
                    service: run.invocation.operation == .worklist ? .worklist : .find,
                    hint: status.kind == .cancel ? .listCutShort : nil))
        }
    }
}
