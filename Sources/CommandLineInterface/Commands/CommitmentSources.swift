import DICOM
import DICOMNode
import DICOMProtocol

/// Where the references of a storage commitment request come from.
struct CommitmentSources {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func candidates() -> [CommitmentCandidate] { fromFiles() }

    private func fromFiles() -> [CommitmentCandidate] {
        var batches = InstanceBatches(run)
        var candidates: [CommitmentCandidate] = []
        let note: (InstanceBatches.Note) -> Void = { [run] note in InputNotes.report(note, run) }
        var batch = batches.next(note: note)
        while !batch.isEmpty {
            candidates += batch.map { CommitmentCandidate($0) }
            batch = batches.next(note: note)
        }
        return candidates
    }
}
