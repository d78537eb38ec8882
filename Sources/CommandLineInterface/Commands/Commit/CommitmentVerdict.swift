import DICOM
import DICOMNode
import DICOMProtocol
import System

/// An instance whose storage is to be committed, and its file here, if any.
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
        // The same instance in two files is requested once, wherever the second lies.
        for candidate in self where seen.insert(candidate.reference.sopInstanceUID).inserted {
            let key = grouping == .study ? candidate.studyInstanceUID : candidate.seriesInstanceUID
            if members[key] == nil { order.append(key) }
            members[key, default: []].append(candidate)
        }
        return order.flatMap { groups(members[$0] ?? []) }
    }
}

/// The answer of a server about one instance that it was asked to commit to.
enum CommitmentVerdict: Equatable {
    case committed(transactionUID: UID)
    /// The server has refused, or has reported on others and not on this one.
    case failed(why: String, code: String?, transactionUID: UID?)
    /// No report yet.
    case pending(transactionUID: UID?)

    var transactionUID: UID? {
        switch self {
        case .committed(let uid): uid
        case .failed(_, _, let uid), .pending(let uid): uid
        }
    }
}

extension CommitmentTransaction {
    /// One verdict for each reference. An instance that a report leaves out counts as failed.
    var verdicts: [(SOPInstanceReference, CommitmentVerdict)] {
        let uid = request.transactionUID
        var verdicts: [UID: CommitmentVerdict] = [:]
        for reference in outcome.committed { verdicts[reference.sopInstanceUID] = .committed(transactionUID: uid) }
        for failure in outcome.failed {
            verdicts[failure.reference.sopInstanceUID] = .failed(
                why: failure.reason?.meaning ?? "the server gave no reason", code: failure.reason?.description,
                transactionUID: uid)
        }
        for reference in outcome.classMismatches {
            verdicts[reference.sopInstanceUID] = .failed(
                why: "the server committed to it under another SOP class", code: nil, transactionUID: uid)
        }
        for reference in outcome.unanswered {
            verdicts[reference.sopInstanceUID] =
                isReported
                ? .failed(why: "the server's report does not mention it", code: nil, transactionUID: uid)
                : .pending(transactionUID: uid)
        }
        return request.references.map { ($0, verdicts[$0.sopInstanceUID] ?? .pending(transactionUID: uid)) }
    }
}

extension CommitmentCandidate {
    func journalEntry(_ verdict: CommitmentVerdict) -> JournalEntry {
        var entry = JournalEntry()
        entry.set(.time, JournalEntry.now)
        if let path { entry.set(path: path) }
        entry.set(.sopClassUID, reference.sopClassUID)
        entry.set(.sopInstanceUID, reference.sopInstanceUID)
        entry.set(.transactionUID, verdict.transactionUID)
        switch verdict {
        case .committed: entry.set(.committed)
        case .pending: entry.set(.unanswered)
        case .failed(let why, let code, _):
            entry.set(.uncommitted)
            entry.set(.status, code)
            entry.set(.error, why)
        }
        return entry
    }
}
