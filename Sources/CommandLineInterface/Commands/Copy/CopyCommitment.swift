import DICOM
import DICOMNode
import DICOMProtocol
import System

/// `--verify commit` of a copy: the new archive is asked for storage commitment of each study once it was sent, of one study at a time.
final class CopyCommitment: Sendable {
    private let options: CommitmentOptions
    private let destination: Network
    private let outcome: RunOutcome
    /// Held while reports of one study are waited for: they come to one port.
    private let turn = ConditionLock(false)

    init(_ options: CommitmentOptions, _ destination: Network, _ outcome: RunOutcome) {
        self.options = options
        self.destination = destination
        self.outcome = outcome
    }

    /// Those of the instances that the new archive commits to; one whose SOP class nobody tells cannot be asked for.
    func committed(_ instances: [CopiedInstance]) -> Set<UID> {
        verdicts(on: instances.filter { $0.sopClassUID != nil }).reduce(into: []) { committed, one in
            if case .committed = one.value { committed.insert(one.key) }
        }
    }

    /// Asks for the commitment to instances; returns the verdicts, which a server that cannot be asked leaves out.
    func verdicts(on instances: [CopiedInstance]) -> [UID: CommitmentVerdict] {
        guard !instances.isEmpty, !destination.cancellation.isRaised else { return [:] }
        turn.withLock(when: { !$0 }) { $0 = true }
        defer { turn.withLock { $0 = false } }
        guard let exchange = CommitmentExchange(options, destination, outcome) else { return [:] }
        let candidates = instances.compactMap { instance in
            instance.sopClassUID.map { sopClass in
                CommitmentCandidate(
                    SOPInstanceReference(sopClassUID: sopClass, sopInstanceUID: instance.sopInstanceUID),
                    study: instance.studyInstanceUID, series: instance.seriesInstanceUID)
            }
        }
        exchange.request(candidates.transactions(options))
        let verdicts = exchange.verdicts
        exchange.finish()
        return verdicts
    }
}
