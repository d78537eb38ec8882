package import DICOM
package import DICOMProtocol
package import System

/// The outcome of one file that was to be stored at a peer.
package struct StoreResult: Sendable {
    package let file: InstanceFile
    package let outcome: Outcome
    /// The number of attempts.
    package let attempts: Int

    package init(file: InstanceFile, outcome: Outcome, attempts: Int) {
        self.file = file
        self.outcome = outcome
        self.attempts = attempts
    }

    package enum Outcome: Sendable {
        /// The peer answered; success, warning or failure is in the status.
        case answered(CommandSet, InstanceFile.Changes)
        /// The peer takes neither the file's transfer syntax nor one that it could be rewritten in without loss.
        case noContext(Refusal)
        /// The file itself: gone, truncated, changed.
        case unreadable(FileProblem)
        /// Sent, wholly or in part, when the association ended: it is not known whether the peer has it.
        case unanswered(AssociationError)
        /// The answer over HTTP does not say that it is stored.
        case refused(WebError)
        /// Not sent, because the run ended before it.
        case notSent(AssociationError)
        /// Not sent, because another one failed and the run was to stop at that.
        case stopped
    }

    /// The reason why no presentation context was found for a file.
    package struct Refusal: Sendable {
        /// The syntaxes in which the peer takes the SOP class; empty: it does not take the class at all.
        package let accepted: [TransferSyntax]
        /// The peer's reason for the file's own syntax.
        package let reason: String
    }

    package var status: DIMSEStatus? {
        if case .answered(let command, _) = outcome { command.status } else { nil }
    }

    /// True if the peer responded that it has stored the instance.
    package var isStored: Bool { status.map { $0.kind == .success || $0.kind == .warning } ?? false }

    /// True if the peer may have failed because it got one study on several associations: for want of a resource, in processing, or for
    /// a reason of its own (CxxxH).
    var mayBeOfSharing: Bool {
        guard let status else { return false }
        return status.isTransient || status == .processingFailure || status.rawValue >> 12 == 0xC
    }

    /// True if a later attempt may succeed.
    package var isTransient: Bool {
        switch outcome {
        case .answered(let command, _): command.status?.isTransient ?? false
        case .unanswered(let error), .notSent(let error): error.isTransient
        case .refused(let error): error.isTransient
        case .noContext, .unreadable, .stopped: false
        }
    }
}

/// A file that is to be stored at a peer, and its attempts so far.
package struct PendingInstance: Sendable {
    package let file: InstanceFile
    /// The number of times that it was sent, wholly or in part.
    package var attempts = 0
    /// The outcome of the last attempt; nil before the first.
    package var lastOutcome: StoreResult.Outcome?
    /// Not to be tried again before this.
    package var notBefore = Deadline.now
    /// True if the server has failed with it while several associations sent its study, so that it is sent again alone.
    var wasTakenBack = false

    package init(_ file: InstanceFile) { self.file = file }

    /// Returns the final outcome: its own last one, or the error that ended the work before its turn.
    package func result(endedBy outcome: StoreResult.Outcome) -> StoreResult {
        StoreResult(file: file, outcome: lastOutcome ?? outcome, attempts: attempts)
    }
}

/// The number of retries after transient failures, and the pauses before them.
package struct RetryPolicy: Sendable, Equatable {
    /// The number of retries after the first attempt.
    package var retries = 0
    /// The first pause, in seconds; each further one is twice as long.
    package var delay = 2.0
    /// The time after which no attempt is begun.
    package var lastAttempt = Deadline.never

    /// A server that was down for an hour should not be waited for another one once it is back.
    private static let longestPause = 300.0

    package init() {}

    package init(retries: Int, delay: Double) {
        self.retries = retries
        self.delay = delay
    }

    /// True if there may be another attempt after a number of failures in a row, from 1, and the pause before it.
    ///
    /// - Parameter wanted: the pause in seconds that the peer asks for; nil for our own.
    package func allowsAttempt(after failures: Int, wanted: Double? = nil) -> Bool {
        failures <= retries && leavesTime(forPauseAfter: failures, wanted: wanted)
    }

    /// True if the pause after a number of failures in a row, from 1, is over before the last time that something may be begun.
    ///
    /// - Parameter wanted: the pause in seconds that the peer asks for; nil for our own.
    package func leavesTime(forPauseAfter failures: Int, wanted: Double? = nil) -> Bool {
        lastAttempt.secondsLeft.map { $0 > pause(after: failures, wanted: wanted) } ?? true
    }

    /// The seconds to wait after a number of failures in a row, from 1.
    ///
    /// - Parameter wanted: the pause that the peer asks for, which counts instead of ours.
    package func pause(after failures: Int, wanted: Double? = nil) -> Double {
        if let wanted { return wanted }
        var pause = delay
        var left = failures - 1
        while left > 0, pause < Self.longestPause {
            pause *= 2
            left -= 1
        }
        return min(pause, max(Self.longestPause, delay))
    }
}

extension AssociationError {
    package var isInterruption: Bool { if case .interrupted = self { true } else { false } }

    /// True if the peer has ended the association, at once.
    var isByPeer: Bool {
        switch self {
        case .abortedByPeer, .releasedByPeer, .connectionLost(.closed), .connectionLost(.reset): true
        default: false
        }
    }

    /// The seconds after which the peer wants to be asked again, if it says so.
    package var retryAfter: Double? { if case .web(let error) = self { error.retryAfter } else { nil } }

    /// True if a later attempt may succeed: the peer was lost, busy or slow, and did not refuse.
    package var isTransient: Bool {
        switch self {
        case .unreachable(let error):
            switch error {
            case .refused, .noRoute, .timedOut, .reset, .closed: true
            default: false
            }
        case .connectionLost, .abortedByPeer, .releasedByPeer, .timedOut: true
        case .rejected(let reject): reject.isTransient
        case .web(let error): error.isTransient
        default: false
        }
    }
}

extension FileProblem {
    package init(_ path: FilePath, _ reason: DataSetSourceError) {
        switch reason {
        case .changed(let detail): self.init(path, .changed, detail)
        case .unreadable(let error): self.init(reading: path, error)
        case .unconvertible(let error): self.init(path, .malformed, error.description)
        }
    }
}
