import DICOM
import DICOMNode
import DICOMProtocol

/// An instance whose storage is to be committed, and where we know it from.
struct CommitmentCandidate {
    let reference: SOPInstanceReference
    /// The file that holds it here.
    var path: FilePath?
    var studyInstanceUID: UID?
    var seriesInstanceUID: UID?

    init(_ reference: SOPInstanceReference, path: FilePath? = nil, study: UID? = nil, series: UID? = nil) {
        self.reference = reference
        self.path = path
        studyInstanceUID = study
        seriesInstanceUID = series
    }

    init(_ file: InstanceFile) {
        self.init(
            SOPInstanceReference(sopClassUID: file.sopClassUID, sopInstanceUID: file.sopInstanceUID), path: file.path,
            study: file.studyInstanceUID, series: file.seriesInstanceUID)
    }
}

extension [CommitmentCandidate] {
    /// One list of references for each transaction, in the order in which studies or series were met first.
    func transactions(_ options: CommitmentOptions) -> [[SOPInstanceReference]] {
        func groups(_ candidates: some Sequence<CommitmentCandidate>) -> [[SOPInstanceReference]] {
            StorageCommitmentRequest.groups(candidates.map(\.reference), of: options.maximumReferences)
        }
        guard let grouping = options.grouping else { return groups(self) }
        var order: [UID?] = []
        var members: [UID?: [CommitmentCandidate]] = [:]
        var seen: Set<UID> = []
        // The same instance in two files is asked for once, wherever the second lies.
        for candidate in self where seen.insert(candidate.reference.sopInstanceUID).inserted {
            let key = grouping == .study ? candidate.studyInstanceUID : candidate.seriesInstanceUID
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(candidate)
        }
        return order.flatMap { groups(members[$0] ?? []) }
    }
}
