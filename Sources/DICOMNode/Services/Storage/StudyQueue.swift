import DICOM
import System

/// The files that wait for one of several associations. Each study is sent on one of them: some servers fail if two
/// associations write to one study at a time.
///
/// Bounded, so that the walk through a large tree does not run ahead of the network and fill memory.
package final class StudyQueue: Sendable {
    private let capacity: Int
    private let maximumTaken: Int
    private let demand: StorageDemand
    private let state: ConditionLock<State>

    /// Files handed out at once: enough to keep an association busy, few enough to share.
    private static let maximumShared = 64
    private static let unknown = UID("")

    private struct State {
        let keepsStudies: Bool
        /// The waiting files, by study; the empty UID holds those whose study is unknown, which any worker may take.
        var waiting: [UID: [PendingInstance]] = [:]
        /// The studies that have files waiting, in the order of their first.
        var order: [UID] = []
        var count = 0
        /// The worker that is sending a study.
        var owners: [UID: Int] = [:]
        var isClosed = false
        var isAbandoned = false

        /// True if no work is left and none will come.
        var isFinished: Bool { isClosed && count == 0 }

        mutating func add(_ pending: PendingInstance) {
            let study = keepsStudies ? pending.file.studyInstanceUID ?? StudyQueue.unknown : StudyQueue.unknown
            if waiting[study] == nil { order.append(study) }
            waiting[study, default: []].append(pending)
            count += 1
        }

        mutating func letGo(_ worker: Int) { owners = owners.filter { $0.value != worker } }

        /// The study from which a worker may take: its current one, otherwise the first that no worker has.
        func available(to worker: Int) -> UID? {
            if let own = owners.first(where: { $0.value == worker })?.key, waiting[own] != nil { return own }
            return order.first { owners[$0] == nil || owners[$0] == worker }
        }
    }

    /// - Parameters:
    ///   - workers: The number of workers; a single one gets the files in their order of arrival.
    ///   - demand: Notes the files that come.
    init(capacity: Int, workers: Int, demand: StorageDemand = StorageDemand()) {
        self.demand = demand
        self.capacity = max(capacity, 1)
        maximumTaken = workers == 1 ? self.capacity : Self.maximumShared
        state = ConditionLock(State(keepsStudies: workers > 1))
    }

    /// Adds files, which go to the association that is free first; waits while the queue is full. Returns false, without
    /// taking the files, after the workers have ended.
    package func push(_ files: [InstanceFile]) -> Bool {
        for file in files { demand.note(file) }
        return state.withLock(when: { $0.count < capacity || $0.isAbandoned }) { state in
            guard !state.isAbandoned else { return false }
            for file in files { state.add(PendingInstance(file)) }
            return true
        }
    }

    /// Takes files back from a worker that ends; they are given to others.
    func putBack(_ files: [PendingInstance], from worker: Int) {
        state.withLock { state in
            for file in files { state.add(file) }
            state.letGo(worker)
        }
    }

    /// Waits until there is something that this worker could take; false when there will be nothing more.
    func waitForWork(_ worker: Int) -> Bool {
        state.withLock(when: { $0.available(to: worker) != nil || $0.isAbandoned || $0.isFinished }) { state in
            state.available(to: worker) != nil
        }
    }

    /// The next files for a worker: those of the study it has at hand, else of one that nobody has. Empty: there are
    /// none now.
    func take(_ worker: Int) -> [PendingInstance] {
        state.withLock { state in
            let study = state.available(to: worker)
            state.letGo(worker)
            guard let study, var files = state.waiting[study] else { return [] }
            if study != Self.unknown { state.owners[study] = worker }
            let taken = Array(files.prefix(maximumTaken))
            files.removeFirst(taken.count)
            state.count -= taken.count
            if files.isEmpty {
                state.waiting[study] = nil
                state.order.removeAll { $0 == study }
            } else {
                state.waiting[study] = files
            }
            return taken
        }
    }

    /// A worker has no study at hand any more.
    func letGo(_ worker: Int) { state.withLock { $0.letGo(worker) } }

    /// True if no work is left and none will come.
    var isFinished: Bool { state.withLock { $0.isFinished } }

    /// No more files come.
    func close() { state.withLock { $0.isClosed = true } }

    /// Ends the queue; returns the files that no worker took.
    func abandon() -> [PendingInstance] {
        state.withLock { state in
            state.isAbandoned = true
            let left = state.order.flatMap { state.waiting[$0] ?? [] }
            state.waiting = [:]
            state.order = []
            state.count = 0
            return left
        }
    }
}
