import DICOMNode
import DICOMProtocol

/// What happens at our port while reports are waited for: it tells afterwards why none came, and lets an association end in
/// order before the port is closed.
final class CommitmentCalls: Sendable {
    private struct State {
        var accepted = 0
        var open = 0
        /// The first title, other than ours, that somebody called.
        var otherTitle: AETitle?
    }

    private let state = ConditionLock(State())

    /// How long a peer gets to release its association after its last report, in seconds.
    private static let farewellSeconds = 5.0

    func watch(_ event: AssociationServer.Event) {
        state.withLock { state in
            switch event {
            case .accepted:
                state.accepted += 1
                state.open += 1
            case .ended, .failed: state.open -= 1
            case .rejected(let request, let reject, _):
                if reject == .calledAETitleNotRecognized, state.otherTitle == nil {
                    state.otherTitle = request.calledAETitle
                }
            case .stranger, .turnedAway: break
            }
        }
    }

    /// Waits for the associations that are open to end: a server whose last report is cut off may take it for undelivered.
    func awaitEnds() {
        _ = state.wait(until: .after(seconds: Self.farewellSeconds)) { $0.open <= 0 }
    }

    /// Why nothing came, as far as the port can tell; nil if somebody has called.
    func hint(calling: AETitle, port: UInt16) -> Hint.Commitment? {
        let (accepted, otherTitle) = state.withLock { ($0.accepted, $0.otherTitle) }
        guard accepted == 0 else { return nil }
        if let otherTitle { return .calledByOtherAETitle(otherTitle.string, ours: calling.string) }
        return .neverCalledBack(calling: calling.string, port: port)
    }
}
