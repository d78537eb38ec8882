import DICOM
import DICOMNode
import DICOMProtocol

/// `--find` and `--worklist`: C-FIND, each answer written as it arrives.
final class FindCommand {
    private let run: CommandRun
    private let writer: any AnswerWriter
    private var count = 0
    private var outputError: ByteSinkError?
    private var isLimited = false

    init(_ run: CommandRun) {
        self.run = run
        writer = AnswerWriters.make(for: run.invocation, output: run.output)
    }

    func perform() {
        let model = run.invocation.informationModel
        guard let query = QueryPreparation(run, sopClass: model.findSOPClass, purpose: .query) else { return }
        run.withAssociation(for: FindSCU.needs(query.sopClass)) { association throws(AssociationError) in
            let result = try FindSCU.find(
                on: association, sopClass: query.sopClass, identifier: query.identifier,
                priority: run.invocation.priority,
                onAnswer: { answer, syntax in self.take(answer, syntax) })
            settle(result)
        }
        do throws(ByteSinkError) { try writer.finish() } catch { outputError = outputError ?? error }
        if let outputError { run.fail(.localFiles, Message("standard output", outputError.description)) }
    }

    private func take(_ answer: ArraySlice<UInt8>, _ syntax: TransferSyntax) -> ExchangeControl {
        count += 1
        do throws(DataSetError) {
            let dataSet = try DataSetDecoder(syntax).decode(answer)
            do throws(ByteSinkError) { try writer.write(dataSet, number: count) } catch {
                // Nobody reads any more, or the disk is full: the rest of the answers would be for nothing.
                outputError = error
                return .cancel
            }
        } catch {
            run.fail(
                .incomplete,
                Message("\(run.peerName): answer \(count) cannot be read", error.description))
        }
        guard let limit = run.invocation.limit, count >= limit else { return .goOn }
        isLimited = true
        return .cancel
    }

    private func settle(_ result: ExchangeResult) {
        if result.wasInterrupted { return run.fail(.interrupted, Message("interrupted after \(count) answers")) }
        if isLimited {
            run.diagnostics.note(Message("stopped after \(count) answers as --limit asks; there may be more"))
        }
        guard let command = result.final?.command, let status = command.status else { return }
        switch status.kind {
        case .success, .warning:
            run.diagnostics.verbose("Find was successful.")
        case .cancel where result.wasCancelled:
            break
        default:
            run.fail(
                .failureStatus,
                StatusMessage.refusal(
                    of: "C-FIND", by: run.peerName, command, run.invocation.operation == .worklist ? .worklist : .find))
        }
    }
}
