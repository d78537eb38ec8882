import DICOM
import DICOMNode
package import DICOMProtocol
import System

/// An event of the archive, for a line of its log. It has no patient data.
package struct ArchiveEvent: Sendable {
    /// The peer: `TITLE@address:port`.
    package let peer: String
    /// The event in words.
    package let text: String
    /// True for a failure, injected or not.
    package let isTrouble: Bool
    /// The destination of a C-MOVE that the archive would have to know, for a hint.
    package var unknownDestination: AETitle?

    package init(peer: String, _ text: String, isTrouble: Bool = false) {
        self.peer = peer
        self.text = text
        self.isTrouble = isTrouble
    }
}

/// Reports an event; called by all threads of the archive.
typealias ArchiveReport = @Sendable (ArchiveEvent) -> Void

extension Association {
    /// The peer as events name it: `TITLE@address:port`.
    var eventPeer: String {
        "\(isRequestor ? request.calledAETitle : request.callingAETitle)@\(peerDescription)"
    }
}

extension ArchiveEvent {
    static func text(_ error: AssociationError) -> String {
        switch error {
        case .abortedByPeer: "aborted by the peer"
        case .connectionLost(let reason):
            if case .tls = reason { reason.description } else { "connection lost" }
        case .unreachable(let reason): "cannot be reached: \(reason.description)"
        case .rejected(let reject): "rejected: \(reject.reason)"
        case .interrupted: "stopped"
        case .timedOut(let what): "time limit passed while waiting for \(what)"
        case .protocolViolation(let violation): "protocol violation: \(violation.description)"
        case .releasedByPeer: "released"
        case .noPresentationContext: "no presentation context accepted"
        default: "\(error)"
        }
    }
}

/// Turns events of the server into events of the archive, with the AE title behind an address while its association
/// lasts.
final class ServerEvents: Sendable {
    private let titles = Locked<[String: String]>([:])

    func event(_ event: AssociationServer.Event) -> ArchiveEvent {
        switch event {
        case .accepted(let request, let accept, let peer):
            let name = "\(request.callingAETitle)@\(peer)"
            titles.withLock { $0[peer] = name }
            let count = request.presentationContexts.count
            let surplus = request.surplusContextCount
            return ArchiveEvent(
                peer: name,
                "associates, calls \(request.calledAETitle), proposes \(count) context\(count == 1 ? "" : "s")"
                    + (surplus == 0 ? "" : " and \(surplus) more that repeat an id and are ignored")
                    + Self.refusals(request, accept))
        case .rejected(let request, let reject, let peer):
            return ArchiveEvent(
                peer: "\(request.callingAETitle)@\(peer)", "rejected: \(reject.reason)", isTrouble: true)
        case .stranger(let peer, .protocolViolation(let violation)):
            return ArchiveEvent(peer: peer, "request not understood: \(violation.description)", isTrouble: true)
        case .stranger(let peer, let error):
            return ArchiveEvent(
                peer: peer, "connected and did not associate: \(ArchiveEvent.text(error))", isTrouble: true)
        case .ended(let peer): return ArchiveEvent(peer: forget(peer), "released")
        case .failed(let peer, let error):
            return ArchiveEvent(
                peer: forget(peer), "association ended: \(ArchiveEvent.text(error))", isTrouble: true)
        case .turnedAway(let peer):
            return ArchiveEvent(peer: peer, "rejected: too many connections", isTrouble: true)
        case .refusedForMemory(let request, let peer):
            return ArchiveEvent(
                peer: titles.withLock { $0[peer] } ?? peer, Self.beyondMemory(request), isTrouble: true)
        }
    }

    /// A request that was dropped, in words.
    static func beyondMemory(_ request: CommandSet) -> String {
        let name = request.commandField.map { "\($0)" } ?? "a message"
        return
            "\(name): refused (\(request.outOfResources)), all associations together hold too much that was sent to them"
    }

    /// The refused SOP classes with their transfer syntaxes, in the order of the proposal; empty if all were accepted.
    private static func refusals(_ request: AssociateRequest, _ accept: AssociateAccept) -> String {
        var refused: [String] = []
        for proposal in request.presentationContexts {
            guard let result = accept.presentationContexts.first(where: { $0.id == proposal.id })?.result,
                result != .acceptance
            else { continue }
            let name = UIDRegistry.name(of: proposal.abstractSyntax) ?? proposal.abstractSyntax.string
            let syntaxes = proposal.transferSyntaxes.map { UIDRegistry.name(of: $0) ?? $0.string }
            let isSyntax = result == .transferSyntaxesNotSupported
            let text = isSyntax ? "\(name) in \(syntaxes.joined(separator: ", "))" : name
            if !refused.contains(text) { refused.append(text) }
        }
        guard !refused.isEmpty else { return "" }
        let shown = refused.prefix(maximumRefusals).joined(separator: "; ")
        let more = refused.count - maximumRefusals
        return ", refused: \(shown)" + (more > 0 ? " and \(more) more" : "")
    }

    /// A client may propose 128 unsupported contexts, and the line has to stay readable.
    private static let maximumRefusals = 4

    private func forget(_ peer: String) -> String { titles.withLock { $0.removeValue(forKey: peer) } ?? peer }
}
