import DICOM
import Glibc

/// The files that wait for one of several associations, with each study kept on one of them: servers put studies together, and some
/// stumble when two associations write to one study at a time.
///
/// Bounded, so that the walk through a large tree does not run ahead of the network and fill memory.
final class StudyQueue: @unchecked Sendable {
    // Unchecked: all state below is only touched with `mutex` held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let capacity: Int

    /// What waits, by study; the empty UID holds those of which none is known, which belong to nobody.
    private var waiting: [UID: [PendingInstance]] = [:]
    /// The studies that have files waiting, in the order of their first.
    private var order: [UID] = []
    private var count = 0
    /// Which worker has a study at hand.
    private var owners: [UID: Int] = [:]
    private var isClosed = false
    private var isAbandoned = false

    /// Files handed out at once: enough to keep an association busy, few enough to share.
    private static let maximumTaken = 64
    private static let unknown = UID("")

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Waits while the queue is full. False when nobody takes anything any more: the files were not taken.
    func push(_ files: [InstanceFile]) -> Bool {
        locked {
            while count >= capacity, !isAbandoned { pthread_cond_wait(changed, mutex) }
            guard !isAbandoned else { return false }
            for file in files { add(PendingInstance(file)) }
            return true
        }
    }

    /// Takes files back from a worker that ends; they are given to others.
    func putBack(_ files: [PendingInstance], from worker: Int) {
        locked {
            for file in files { add(file) }
            owners = owners.filter { $0.value != worker }
        }
    }

    private func add(_ pending: PendingInstance) {
        let study = pending.file.studyInstanceUID ?? Self.unknown
        if waiting[study] == nil { order.append(study) }
        waiting[study, default: []].append(pending)
        count += 1
    }

    /// Waits until there is something that this worker could take; false when there will be nothing more.
    func waitForWork(_ worker: Int) -> Bool {
        locked {
            while true {
                if available(to: worker) != nil { return true }
                if isAbandoned || (isClosed && count == 0) { return false }
                pthread_cond_wait(changed, mutex)
            }
        }
    }

    /// The next files for a worker: those of the study it has at hand, else of one that nobody has. Empty: there are none now.
    func take(_ worker: Int) -> [PendingInstance] {
        locked {
            let study = available(to: worker)
            owners = owners.filter { $0.value != worker }
            guard let study, var files = waiting[study] else { return [] }
            if study != Self.unknown { owners[study] = worker }
            let taken = Array(files.prefix(Self.maximumTaken))
            files.removeFirst(taken.count)
            count -= taken.count
            if files.isEmpty {
                waiting[study] = nil
                order.removeAll { $0 == study }
            } else {
                waiting[study] = files
            }
            return taken
        }
    }

    /// A worker has no study at hand any more.
    func letGo(_ worker: Int) { locked { owners = owners.filter { $0.value != worker } } }

    private func available(to worker: Int) -> UID? {
        if let own = owners.first(where: { $0.value == worker })?.key, waiting[own] != nil { return own }
        return order.first { owners[$0] == nil || owners[$0] == worker }
    }

    /// Whether work is left or may still come.
    var isFinished: Bool { locked { isClosed && count == 0 } }

    /// No more files come.
    func close() { locked { isClosed = true } }

    /// Nobody takes anything any more; gives back what nobody took.
    func abandon() -> [PendingInstance] {
        locked {
            isAbandoned = true
            let left = order.flatMap { waiting[$0] ?? [] }
            waiting = [:]
            order = []
            count = 0
            return left
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return body()
    }
}
