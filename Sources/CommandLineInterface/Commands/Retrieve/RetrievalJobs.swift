import DICOMNode
import System

/// The associations that the retrievals of a run may use at once. Each retrieval has one; those that no other is waiting for request parts
/// of what is going on.
///
/// Their number is given, or found out while the run goes on (``LoadControl``): then retrievals begin, and parts are requested, as far
/// as there may be associations for them, and no further ones once there are too many.
final class RetrievalJobs: Sendable {
    private struct State {
        /// The retrievals that go on.
        var running = 0
        /// The associations beside theirs.
        var beside = 0
        /// The targets that no retrieval has begun.
        var waiting = 0
        /// The retrievals that wait for the time at which they may go on: the others may use their associations.
        var pausing = 0
        let fixed: Int
        /// Nil: their number is fixed.
        var control: LoadControl?

        var limit: Int { control?.load.associations ?? fixed }
        var inUse: Int { running + beside }
        var isCrowded: Bool { inUse > limit }
        /// The retrievals that may go on at once, those among them that are still to begin.
        var retrievals: Int { max(1, running + (pausing > 0 ? 0 : waiting)) }
        /// So many of a number of associations are for one retrieval.
        func share(of number: Int) -> Int { (number + retrievals - 1) / retrievals }
    }

    /// The given number, or that it is found out.
    let choice: LoadChoice
    private let report: @Sendable (AssociationLoad) -> Void
    private let state: ConditionLock<State>
    private let watch = Stopwatch()

    /// - Parameter report: told of each change of a number that is found out.
    init(_ choice: LoadChoice, report: @escaping @Sendable (AssociationLoad) -> Void) {
        self.choice = choice
        self.report = report
        state = ConditionLock(
            State(
                fixed: choice.maximum,
                control: choice == .automatic ? LoadControl(associations: choice, window: .fixed(1)) : nil))
    }

    /// The number of associations that retrievals, and parts of them, have or are about to take.
    var inUse: Int { state.withLock { $0.inUse } }

    /// The number of associations that there may be now.
    var limit: Int { state.withLock { $0.limit } }

    /// What the server has turned out to gain from; nil if the number was given.
    var found: AssociationLoad? { state.withLock { $0.control?.chosen } }

    // MARK: Retrievals

    /// The run has so many targets.
    func expect(_ count: Int) { state.withLock { $0.waiting = count } }

    /// One of the targets is begun by a retrieval that goes on.
    func beginTarget() { state.withLock { $0.waiting -= 1 } }

    /// Waits until one more retrieval may go on; returns false if there is no target for it, or the run is to end.
    func begin(_ cancellation: Cancellation) -> Bool {
        while !cancellation.isRaised {
            _ = state.wait(until: .after(Self.look)) { $0.waiting == 0 || $0.inUse < $0.limit }
            let hasBegun: Bool? = state.withLock { state in
                guard state.waiting > 0 else { return false }
                guard state.inUse < state.limit else { return nil }
                state.running += 1
                return true
            }
            if let hasBegun { return hasBegun }
        }
        return false
    }

    /// A retrieval has ended, and no other follows on its association.
    func end() { state.withLock { $0.running -= 1 } }

    /// A retrieval waits until it may go on.
    func beginPause() {
        state.withLock { state in
            state.running -= 1
            state.pausing += 1
        }
    }

    func endPause() { state.withLock { $0.pausing -= 1 } }

    /// Ends a retrieval if more associations are in use than may be; returns false if it is to go on.
    func stepAside() -> Bool {
        state.withLock { state in
            guard state.isCrowded else { return false }
            state.running -= 1
            return true
        }
    }

    /// The time between two looks at the cancellation.
    private static let look = Duration.milliseconds(100)

    // MARK: Parts

    /// The number of associations that may request parts of what one retrieval is for.
    var share: Int { state.withLock { $0.share(of: choice.maximum) } }

    /// Waits for an association beside that of a retrieval, which has some; returns false once it needs none.
    func take(beside number: () -> Int, while isNeeded: () -> Bool) -> Bool {
        while isNeeded() {
            // What it is needed for ends without an event, where the last part is requested by another.
            _ = state.wait(until: .after(Self.lookAtParts)) { state in
                !isNeeded()
                    || (state.retrievals + state.beside < state.limit && number() < state.share(of: state.limit))
            }
            let hasTaken = state.withLock { state in
                guard state.retrievals + state.beside < state.limit, number() < state.share(of: state.limit) else {
                    return false
                }
                state.beside += 1
                return true
            }
            if hasTaken { return true }
        }
        return false
    }

    private static let lookAtParts = Duration.milliseconds(20)

    /// The association is free again.
    func giveBack() { state.withLock { $0.beside -= 1 } }

    /// Whoever waits for an association looks whether it still needs one.
    func lookAgain() { state.withLock { _ in } }

    /// True if more associations are in use than may be.
    var areTooMany: Bool { choice == .automatic && state.withLock { $0.isCrowded } }

    // MARK: What the server does

    /// An association, or a connection in its place, is there for work.
    ///
    /// - Parameter number: those that work now; nil if nobody knows.
    func opened(inUse number: Int? = nil) {
        adjust { control in
            guard control.awaitsAssociation, number.map({ $0 >= control.load.associations }) ?? true else { return }
            control.opened(window: 0)
        }
    }

    /// An instance of so many bytes has come, or was sent to a third party.
    func received(bytes: UInt64) { adjust { [watch] in $0.answered(bytes: bytes, at: watch.seconds) } }

    /// The server has ended an association, or has no resources for a request.
    func failed() { adjust { [watch] in $0.failed(at: watch.seconds) } }

    /// An association was not opened, and so many are left.
    func refused(remaining: Int) { adjust { [watch] in $0.refused(remaining: remaining, at: watch.seconds) } }

    private func adjust(_ event: (inout LoadControl) -> Void) {
        guard choice == .automatic else { return }
        var changed: AssociationLoad?
        state.change { state in
            changed = state.control.adjust(event)
            return changed != nil
        }
        if let changed { report(changed) }
    }
}
