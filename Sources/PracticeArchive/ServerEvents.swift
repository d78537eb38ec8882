import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Turns what happens at the port into events, and remembers who is behind an address while its association lasts.
final class ServerEvents: Sendable {
    private let titles = Locked<[String: String]>([:])

    func event(_ event: AssociationServer.Event) -> ArchiveEvent {
        switch event {
        case .accepted(let request, let accept, let peer):
            let name = "\(request.callingAETitle)@\(peer)"
            titles.withLock { $0[peer] = name }
            let count = request.presentationContexts.count
            return ArchiveEvent(
                peer: name,
                "associates, calls \(request.calledAETitle), proposes \(count) context\(count == 1 ? "" : "s")"
                    + Self.refusals(request, accept))
        case .rejected(let request, let reject, let peer):
            return ArchiveEvent(
                peer: "\(request.callingAETitle)@\(peer)", "rejected: \(reject.reason)", isTrouble: true)
        case .stranger(let peer, _):
            return ArchiveEvent(peer: peer, "connected and did not associate", isTrouble: true)
        case .ended(let peer): return ArchiveEvent(peer: forget(peer), "released")
        case .failed(let peer, let error):
            return ArchiveEvent(
                peer: forget(peer), "association ended: \(ArchiveEvent.text(error))", isTrouble: true)
        case .turnedAway(let peer):
            return ArchiveEvent(peer: peer, "turned away: too many connections", isTrouble: true)
        }
    }

    /// What was refused and why, by SOP class, in the order of the proposal; empty where all was taken.
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

    /// A line is to be read, and a client may propose 128 contexts that nobody has heard of.
    private static let maximumRefusals = 4

    private func forget(_ peer: String) -> String { titles.withLock { $0.removeValue(forKey: peer) } ?? peer }
}
