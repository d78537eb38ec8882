import DICOM
import DICOMNode
import DICOMProtocol

/// What became of one instance that a server was asked to keep.
enum CommitmentVerdict: Equatable {
    case committed(transactionUID: UID)
    /// The server has said no, or has reported on others and not on this one.
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
    /// One verdict for each reference. What a report leaves out is failed: nobody may rely on it.
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
