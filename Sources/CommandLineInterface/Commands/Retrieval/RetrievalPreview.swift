import DICOM
import DICOMNode
import DICOMProtocol

/// `--dry-run`: shows what would be retrieved, with the number of instances, in a form that `--from-list` takes.
final class RetrievalPreview {
    private let options: RetrieveOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func show(_ plan: RetrievalPlan) {
        let columns = options.query.informationModel.levels.map(InformationModel.uniqueKey(of:))
        var total = 0
        var isWhole = true
        do throws(ByteSinkError) {
            if outcome.events == nil {
                try environment.standardOutput.write(
                    CSVText.line(columns.map(DataDictionary.keyword) + [Self.countColumn]))
            }
            for target in plan.targets {
                let count = count(target)
                total += count ?? 0
                isWhole = isWhole && count != nil
                if let events = outcome.events {
                    write(target, count, events)
                } else {
                    let values = columns.map { target.identifier.strings($0).joined(separator: "\\") }
                    try environment.standardOutput.write(CSVText.line(values + [count.map { String($0) } ?? ""]))
                }
                if network.cancellation.isRaised { break }
            }
        } catch {
            return outcome.fail(.localFiles, Message("standard output", error.description))
        }
        for line in plan.unmatchedLines {
            outcome.fail(.incomplete, Message("line \(line)", "the server has nothing that matches"))
        }
        outcome.summary.set(.expected, isWhole ? total : nil)
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): \(plan.targets.count) requests to be made, "
                    + (isWhole ? "\(total) instances" : "\(total) instances or more; the server does not list all")))
    }

    /// Read by people and passed over by `--from-list`: rows with unique keys need no other.
    private static let countColumn = "NumberOfStudyRelatedInstances"

    private func count(_ target: RetrievalTarget) -> Int? {
        do throws(AssociationError) {
            return try ExpectedInstances.list(network, options.query.informationModel, target).uids?.count
        } catch {
            outcome.fail(error, calling: network.server)
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
