import DICOMNode
import DICOMProtocol

/// Turns what happens at the port into events, and remembers who is behind an address while its association lasts.
final class ServerEvents: Sendable {
    private let titles = Locked<[String: String]>([:])

    func event(_ event: AssociationServer.Event) -> ArchiveEvent {
        switch event {
        case .accepted(let request, let peer):
            let name = "\(request.callingAETitle)@\(peer)"
            titles.withLock { $0[peer] = name }
            let count = request.presentationContexts.count
            return ArchiveEvent(
                peer: name,
                "associates, calls \(request.calledAETitle), proposes \(count) context\(count == 1 ? "" : "s")")
        case .rejected(let request, let reject, let peer):
            return ArchiveEvent(
                peer: "\(request.callingAETitle)@\(peer)", "rejected: \(reject.reasonDescription)", isTrouble: true)
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

    private func forget(_ peer: String) -> String { titles.withLock { $0.removeValue(forKey: peer) } ?? peer }
}
