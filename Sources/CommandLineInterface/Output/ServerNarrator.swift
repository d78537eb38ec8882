import DICOMNode
import DICOMProtocol

/// Tells what happens at the receiver's port: strangers are told apart from peers, and neither is an error of ours.
struct ServerNarrator: Sendable {
    private let diagnostics: Diagnostics

    init(diagnostics: Diagnostics) { self.diagnostics = diagnostics }

    var narrate: @Sendable (AssociationServer.Event) -> Void {
        { [diagnostics] event in
            switch event {
            case .accepted(let request, _, let peer):
                diagnostics.verbose("\(request.callingAETitle)@\(peer) associates to send")
            case .rejected(let request, let reject, let peer):
                diagnostics.note(
                    Message(
                        "\(request.callingAETitle)@\(peer) called \(request.calledAETitle) and was rejected",
                        reject.reasonDescription))
            case .stranger(let peer, let error):
                diagnostics.note(Message("\(peer) connected and did not associate", Self.text(error)))
            case .ended(let peer): diagnostics.verbose("\(peer) released its association")
            case .failed(let peer, let error):
                diagnostics.warning(Message("association with \(peer) ended", Self.text(error)))
            case .turnedAway(let peer): diagnostics.warning(Message("\(peer) turned away", "too many connections"))
            }
        }
    }

    private static func text(_ error: AssociationError) -> String {
        switch error {
        case .connectionLost(let reason), .unreachable(let reason): reason.description
        case .abortedByPeer(let abort): "aborted by the peer: \(abort)"
        case .releasedByPeer: "released"
        case .protocolViolation(let violation): violation.description
        case .timedOut(let what): "time limit passed while waiting for \(what)"
        case .interrupted: "ended with the operation"
        case .rejected(let reject): "\(reject)"
        case .identityUnconfirmed, .noPresentationContext, .sourceUnreadable, .sourceCutShort, .unsendable: "\(error)"
        }
    }
}
