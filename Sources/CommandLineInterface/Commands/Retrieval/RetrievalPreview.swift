import DICOM
import DICOMNode
import DICOMProtocol

/// `--dry-run`: shows what would be retrieved, with the number of instances, in a form that `--from-list` takes.
final class RetrievalPreview {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func show(_ plan: RetrievalPlan) {
        let columns = run.invocation.informationModel.levels.map(InformationModel.uniqueKey(of:))
        var total = 0
        var isWhole = true
        do throws(ByteSinkError) {
            if run.events == nil {
                try run.output.write(CSVText.line(columns.map(QueryKeyParser.keyword) + [Self.countColumn]))
            }
            for target in plan.targets {
                let count = count(target)
                total += count ?? 0
                isWhole = isWhole && count != nil
                if let events = run.events {
                    write(target, count, events)
                } else {
                    let values = columns.map { target.identifier.strings($0).joined(separator: "\\") }
                    try run.output.write(CSVText.line(values + [count.map { String($0) } ?? ""]))
                }
                if (run.cancellation?.level ?? .none) > .none { break }
            }
        } catch {
            return run.fail(.localFiles, Message("standard output", error.description))
        }
        for line in plan.unmatchedLines {
            run.fail(.incomplete, Message("line \(line)", "the server has nothing that matches"))
        }
        run.summary.set(.expected, isWhole ? total : nil)
        run.diagnostics.note(
            Message(
                "\(run.peerName): \(plan.targets.count) requests to be made, "
                    + (isWhole ? "\(total) instances" : "\(total) instances or more; the server does not list all")))
    }

    /// Read by people and passed over by `--from-list`: rows with unique keys need no other.
    private static let countColumn = "NumberOfStudyRelatedInstances"

    private func count(_ target: RetrievalTarget) -> Int? {
        do throws(AssociationError) {
            return try ExpectedInstances.list(run, target).uids?.count
        } catch {
            run.fail(error)
            return nil
        }
    }

    private func write(_ target: RetrievalTarget, _ count: Int?, _ events: EventWriter) {
        var event = RunEvent(.missing)
        event.set(.patientID, target.identifier.string(.patientID))
        event.set(.studyInstanceUID, target.identifier.string(.studyInstanceUID))
        event.set(.seriesInstanceUID, target.identifier.string(.seriesInstanceUID))
        event.set(.sopInstanceUID, target.identifier.strings(.sopInstanceUID).joined(separator: "\\"))
        event.set(.expected, count)
        events.write(event)
    }
}
