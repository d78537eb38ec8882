import DICOM
import DICOMNode
import DICOMProtocol

/// One thing that happened at the archive, for a line of its log. No values of patients are in it.
package struct ArchiveEvent: Sendable {
    /// Who did it: `TITLE@address:port`.
    package let peer: String
    /// What, in words.
    package let text: String
    /// Whether it went wrong, on purpose or not.
    package let isTrouble: Bool

    package init(peer: String, _ text: String, isTrouble: Bool = false) {
        self.peer = peer
        self.text = text
        self.isTrouble = isTrouble
    }
}

/// Tells events; shared by all threads of the archive.
typealias ArchiveReport = @Sendable (ArchiveEvent) -> Void

extension Association {
    /// The peer as events name it.
    var eventPeer: String {
        "\(isRequestor ? request.calledAETitle : request.callingAETitle)@\(peerDescription)"
    }
}

extension ArchiveEvent {
    static func text(_ error: AssociationError) -> String {
        switch error {
        case .abortedByPeer: "aborted by the peer"
        case .connectionLost: "connection lost"
        case .unreachable(let reason): "cannot be reached: \(reason.description)"
        case .rejected(let reject): "rejected: \(reject.reason)"
        case .interrupted: "stopped"
        case .timedOut(let what): "time limit passed while waiting for \(what)"
        case .protocolViolation(let violation): "protocol broken: \(violation.description)"
        case .releasedByPeer: "released"
        case .noPresentationContext: "no presentation context accepted"
        default: "\(error)"
        }
    }
}
