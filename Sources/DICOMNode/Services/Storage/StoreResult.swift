package import DICOM
package import DICOMProtocol

/// What became of one file that was to be stored at a peer.
package struct StoreResult: Sendable {
    package let file: InstanceFile
    package let outcome: Outcome
    /// How often it was tried.
    package let attempts: Int

    package enum Outcome: Sendable {
        /// The peer answered; success, warning or failure is in the status.
        case answered(CommandSet, rewrittenAs: TransferSyntax?)
        /// The peer takes neither the file's transfer syntax nor one that it could be rewritten in without loss.
        case noContext(Refusal)
        /// The file itself: gone, truncated, changed.
        case unreadable(FileProblem)
        /// Sent, wholly or in part, when the association ended: whether the peer has it is not known.
        case unanswered(AssociationError)
        /// Not sent, because of what ended the run before it.
        case notSent(AssociationError)
        /// Not sent, because another one failed and the run was to stop at that.
        case stopped
    }

    /// Why no presentation context was found for a file.
    package struct Refusal: Sendable {
        /// The syntaxes in which the peer takes the SOP class; empty: it does not take the class at all.
        package let accepted: [TransferSyntax]
        /// The peer's reason for the file's own syntax.
        package let reason: String
    }

    package var status: DIMSEStatus? {
        if case .answered(let command, _) = outcome { command.status } else { nil }
    }

    /// Whether the peer has said that it holds the instance.
    package var isStored: Bool { status.map { $0.kind == .success || $0.kind == .warning } ?? false }

    /// Whether trying again later may help.
    package var isTransient: Bool {
        switch outcome {
        case .answered(let command, _): command.status?.isTransient ?? false
        case .unanswered(let error), .notSent(let error): error.isTransient
        case .noContext, .unreadable, .stopped: false
        }
    }
}

extension AssociationError {
    /// Whether the same may succeed a little later: the peer was lost, busy or slow, not unwilling.
    package var isTransient: Bool {
        switch self {
        case .unreachable(let error):
            switch error {
            case .refused, .noRoute, .timedOut, .reset, .closed: true
            default: false
            }
        case .connectionLost, .abortedByPeer, .releasedByPeer, .timedOut: true
        case .rejected(let reject): reject.isTransient
        default: false
        }
    }
}
