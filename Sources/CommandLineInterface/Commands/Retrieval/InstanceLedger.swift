import DICOM
import DICOMNode

/// What one retrieval should bring and what it has brought. Several threads write into it.
final class InstanceLedger: Sendable {
    struct Tally: Sendable {
        var written = 0
        var skipped = 0
        /// Could not be kept here; asking again would not help.
        var refusedHere = 0
        /// Lost with their association in the middle.
        var cutOff = 0
        /// Not among those that the peer listed.
        var unlisted = 0
        /// Listed and on disk, or without a list all that are on disk.
        var held = 0

        /// What arrived whole, also a second time.
        var arrived: Int { written + skipped }
        var attempts: Int { arrived + refusedHere + cutOff }
    }

    private struct State {
        var tally = Tally()
        /// Of every listed instance, whether it is on disk; nil without a list. The one thing that grows with the number of instances.
        var expected: [UID: Bool]?
        var refused: Set<UID> = []
    }

    private let state: ConditionLock<State>

    /// - Parameter held: listed instances that are on disk from an earlier run.
    init(expected: [UID]?, held: (UID) -> Bool = { _ in false }) {
        var state = State()
        if let expected {
            var table: [UID: Bool] = [:]
            table.reserveCapacity(expected.count)
            for uid in expected {
                let isHeld = held(uid)
                if table.updateValue(isHeld, forKey: uid) == nil, isHeld { state.tally.held += 1 }
            }
            state.expected = table
        }
        self.state = ConditionLock(state)
    }

    var now: Tally { state.withLock { $0.tally } }

    /// How many different instances were listed.
    var expectedCount: Int? { state.withLock { $0.expected?.count } }

    func expects(_ uid: UID) -> Bool { state.withLock { $0.expected?[uid] != nil } }

    func record(_ instance: ReceivedInstance) {
        let uid = instance.sopInstanceUID
        state.withLock { state in
            switch instance.outcome {
            case .stored(let outcome):
                if outcome.kind == .skipped { state.tally.skipped += 1 } else { state.tally.written += 1 }
                guard state.expected != nil else {
                    state.tally.held += 1
                    return
                }
                guard let isHeld = state.expected?[uid] else {
                    state.tally.unlisted += 1
                    return
                }
                if !isHeld {
                    state.expected?[uid] = true
                    state.tally.held += 1
                }
            case .failed:
                state.tally.refusedHere += 1
                state.refused.insert(uid)
            case .cutOff: state.tally.cutOff += 1
            }
        }
    }

    /// Of these series, the instances that are not on disk; without those that could not be kept here, if it is to ask again.
    func missing(of series: [InstanceListing.Series], toAskAgain: Bool) -> [InstanceListing.Series] {
        state.withLock { state in
            series.compactMap { series in
                let uids = series.sopInstanceUIDs.filter { uid in
                    state.expected?[uid] == false && !(toAskAgain && state.refused.contains(uid))
                }
                return uids.isEmpty ? nil : series.reduced(to: uids)
            }
        }
    }

    /// Waits until so many have arrived, or failed to. False: the deadline passed first.
    func wait(forAttempts count: Int, until deadline: Deadline) -> Bool {
        state.wait(until: deadline) { $0.tally.attempts >= count }
    }
}
