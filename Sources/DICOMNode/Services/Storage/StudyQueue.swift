import DICOM
import System

/// The files that wait for one of several associations, which share the largest unit of which there are enough: studies; when all
/// files have been found, or there is no room for more, series of studies that others have; then instances of a series.
///
/// A study is kept together while there are others, as some servers fail if two associations write to one at a time; a server
/// that shows it gets each study on one association from then on.
///
/// Bounded, so that the walk through a large tree does not run ahead of the network and fill memory.
package final class StudyQueue: Sendable {
    private let capacity: Int
    private let demand: StorageDemand
    private let pace: (any StudyPace)?
    private let state: ConditionLock<State>

    /// Files handed out at once: enough to keep an association busy, few enough to share.
    private static let taken = 10...64
    private static let unknown = UID("")

    /// A series of a study; empty UIDs where they are unknown.
    private struct Unit: Hashable {
        let study: UID
        let series: UID

        init(_ file: InstanceFile) {
            study = file.studyInstanceUID ?? StudyQueue.unknown
            series = file.seriesInstanceUID ?? StudyQueue.unknown
        }

        init(_ study: UID, _ series: UID) { (self.study, self.series) = (study, series) }
    }

    /// Files of one series, in the order of their arrival.
    private struct Files {
        private var files: [PendingInstance] = []
        private var next = 0

        var count: Int { files.count - next }

        mutating func append(_ pending: PendingInstance) { files.append(pending) }

        mutating func take(_ maximum: Int) -> [PendingInstance] {
            let taken = Array(files[next...].prefix(maximum))
            next += taken.count
            // Those that were taken are let go of by and by.
            if next * 2 >= files.count {
                files.removeFirst(next)
                next = 0
            }
            return taken
        }

        var all: ArraySlice<PendingInstance> { files[next...] }
    }

    private struct Study {
        var series: [UID: Files] = [:]
        /// The series in the order of their first file.
        var order: [UID] = []
        var count = 0
    }

    private struct State {
        let workers: Int
        let pace: (any StudyPace)?
        /// The waiting files; the empty UID holds those whose study is unknown, which any worker may take.
        var waiting: [UID: Study] = [:]
        /// The studies that have files waiting, in the order of their first.
        var order: [UID] = []
        var count = 0
        /// What each worker has at hand, the latest last: series whose files it sends, or has sent and awaits answers for.
        var claims: [Int: [Unit]] = [:]
        /// The workers that wait for work: all that they have sent was answered.
        var idle: Set<Int> = []
        var hasBeenFull = false
        /// True once the server has failed with what several associations sent of one study.
        var keepsStudies = false
        /// The studies of which several workers have had files.
        var shared: Set<UID> = []
        var isClosed = false
        var isAbandoned = false

        /// True if no work is left and none will come.
        var isFinished: Bool { isClosed && count == 0 }

        mutating func add(_ pending: PendingInstance) {
            // A single worker gets all in the order of arrival, unless a study has to wait for its turn.
            let isKeptApart = workers > 1 || pace != nil
            let unit = isKeptApart ? Unit(pending.file) : Unit(StudyQueue.unknown, StudyQueue.unknown)
            if waiting[unit.study] == nil { order.append(unit.study) }
            if waiting[unit.study]?.series[unit.series] == nil {
                waiting[unit.study, default: Study()].order.append(unit.series)
            }
            waiting[unit.study]?.series[unit.series, default: Files()].append(pending)
            waiting[unit.study]?.count += 1
            count += 1
        }

        private func isClaimed(_ study: UID, byOthersThan worker: Int) -> Bool {
            study != StudyQueue.unknown
                && claims.contains { other, units in
                    // A study that comes bit by bit stays with its worker, unless several have had it.
                    other != worker && !(keepsStudies && idle.contains(other)) && units.contains { $0.study == study }
                }
        }

        private func isClaimed(_ unit: Unit, byOthersThan worker: Int) -> Bool {
            claims.contains { $0.key != worker && $0.value.contains(unit) }
        }

        /// What a worker may take from: all of a study, or one series of it.
        ///
        /// - Parameter isOffered: the studies that come into question.
        func available(
            to worker: Int, among isOffered: (UID) -> Bool = { _ in true }
        ) -> (study: UID, series: UID?)? {
            let own = claims[worker]?.last.flatMap { isOffered($0.study) ? $0 : nil }
            if let own, waiting[own.study] != nil, !isClaimed(own.study, byOthersThan: worker) {
                return (own.study, nil)
            }
            let free = order.first { isOffered($0) && !isClaimed($0, byOthersThan: worker) }
            if let free { return (free, nil) }
            // Not before it is known that there are not enough studies for all.
            guard !keepsStudies, isClosed || hasBeenFull else { return nil }
            if let own, waiting[own.study]?.series[own.series] != nil { return (own.study, own.series) }
            for study in order where isOffered(study) {
                let series = waiting[study]?.order.first { !isClaimed(Unit(study, $0), byOthersThan: worker) }
                if let series { return (study, series) }
            }
            return order.first(where: isOffered).map { ($0, waiting[$0]?.order.first) }
        }

        /// What a worker takes from. A new study is begun by it, if one may begin now; before that what was begun is brought on.
        private func choice(for worker: Int) -> (study: UID, series: UID?)? {
            guard let pace else { return available(to: worker) }
            let begun = available(to: worker) { pace.hasBegun($0) }
            if let begun, begun.series == nil { return begun }
            if let new = order.first(where: { !pace.hasBegun($0) }), pace.begin(new) == .now { return (new, nil) }
            return begun
        }

        /// True if a study that was begun has something for this worker.
        func hasBegunWork(for worker: Int) -> Bool {
            guard let pace else { return true }
            return available(to: worker) { pace.hasBegun($0) } != nil
        }

        private mutating func claim(_ unit: Unit, for worker: Int) {
            guard workers > 1 else { return }
            claims[worker]?.removeAll { $0 == unit }
            claims[worker, default: []].append(unit)
        }

        /// Takes files, as many as leave something for the others.
        mutating func take(_ worker: Int) -> [PendingInstance] {
            // Removed, as what is changed while it is held twice is copied as a whole.
            guard let (study, only) = choice(for: worker), var files = waiting.removeValue(forKey: study) else {
                return []
            }
            var maximum = count
            if workers > 1 {
                let inUnit = only.flatMap { files.series[$0]?.count } ?? files.count
                maximum = min(max(inUnit / (2 * workers), StudyQueue.taken.lowerBound), StudyQueue.taken.upperBound)
            }
            var taken: [PendingInstance] = []
            if isClaimed(study, byOthersThan: worker) { shared.insert(study) }
            for series in only.map({ [$0] }) ?? files.order where taken.count < maximum {
                guard var inSeries = files.series.removeValue(forKey: series) else { continue }
                taken += inSeries.take(maximum - taken.count)
                if inSeries.count > 0 {
                    files.series[series] = inSeries
                } else {
                    files.order.removeAll { $0 == series }
                }
                claim(Unit(study, series), for: worker)
            }
            files.count -= taken.count
            count -= taken.count
            if files.count > 0 { waiting[study] = files } else { order.removeAll { $0 == study } }
            return taken
        }
    }

    /// - Parameters:
    ///   - workers: The number of workers; a single one gets the files in their order of arrival.
    ///   - demand: Notes the files that come.
    ///   - pace: decides when a further study may begin; nil lets all begin at once.
    init(
        capacity: Int, workers: Int, demand: StorageDemand = StorageDemand(), pace: (any StudyPace)? = nil
    ) {
        self.demand = demand
        self.pace = pace
        self.capacity = max(capacity, 1)
        state = ConditionLock(State(workers: workers, pace: pace))
    }

    /// Adds files, which go to the association that is free first; waits while the queue is full. Returns false, without
    /// taking the files, after the workers have ended.
    package func push(_ files: [InstanceFile]) -> Bool {
        for file in files { demand.note(file) }
        return state.withLock(when: { $0.count < capacity || $0.isAbandoned }) { state in
            guard !state.isAbandoned else { return false }
            for file in files { state.add(PendingInstance(file)) }
            if state.count >= capacity { state.hasBeenFull = true }
            return true
        }
    }

    /// There are fewer studies than workers, however many files come: they share what there is.
    package func shareStudies() { state.withLock { $0.hasBeenFull = true } }

    /// Takes files back from a worker that ends; they are given to others.
    func putBack(_ files: [PendingInstance], from worker: Int) {
        state.withLock { state in
            for file in files { state.add(file) }
            state.claims[worker] = nil
        }
    }

    /// Takes a file back that the server has failed with, if several associations have sent its study: it is sent again, and each study
    /// on one association from now on. Nil: the file was not sent so, or has been taken back before.
    ///
    /// - Returns: true for the first file.
    func takeBack(_ pending: PendingInstance) -> Bool? {
        state.withLock { state in
            guard !pending.wasTakenBack, !state.isAbandoned, state.shared.contains(Unit(pending.file).study) else {
                return nil
            }
            defer { state.keepsStudies = true }
            var again = pending
            again.wasTakenBack = true
            state.add(again)
            return !state.keepsStudies
        }
    }

    /// What a worker has waited for.
    enum Supply: Sendable {
        case files
        /// None, and none will come.
        case end
        /// None yet.
        case nothingYet
    }

    /// Waits until there is something that this worker could take, or there will be nothing more, or the deadline passes.
    func waitForWork(_ worker: Int, until deadline: Deadline = .never) -> Supply {
        state.withLock { _ = $0.idle.insert(worker) }
        _ = state.wait(until: deadline) { $0.available(to: worker) != nil || $0.isAbandoned || $0.isFinished }
        return state.withLock { state in
            state.idle.remove(worker)
            if state.available(to: worker) != nil { return .files }
            return state.isAbandoned || state.isFinished ? .end : .nothingYet
        }
    }

    /// Whether a worker that there is something for may take it now: `.later` if there is only what has not begun and must wait,
    /// `.never` if that does not begin in this run, and nothing else can come.
    func turn(of worker: Int) -> StudyTurn {
        guard let pace else { return .now }
        let (hasWork, isAll) = state.withLock { ($0.hasBegunWork(for: worker), $0.isClosed || $0.count >= capacity) }
        guard !hasWork else { return .now }
        let turn = pace.turn
        // More of what was begun may still be found.
        return turn == .never && !isAll ? .later(.after(seconds: 1)) : turn
    }

    /// The next files for a worker: those of the study it has at hand, else of one that nobody has, else a part of one. Empty: there
    /// are none now.
    ///
    /// - Parameter unanswered: the files that the worker awaits answers for; it has nothing else at hand any more.
    func take(_ worker: Int, unanswered: [InstanceFile] = []) -> [PendingInstance] {
        state.withLock { state in
            let taken = state.take(worker)
            if state.workers > 1 {
                let kept = Set((unanswered + taken.map(\.file)).map { Unit($0) })
                state.claims[worker]?.removeAll { !kept.contains($0) }
            }
            return taken
        }
    }

    /// A worker has no study at hand any more.
    func letGo(_ worker: Int) { state.withLock { $0.claims[worker] = nil } }

    /// True if there is no room for more files.
    package var isFull: Bool { state.withLock { $0.count >= capacity } }

    /// True if no work is left and none will come.
    var isFinished: Bool { state.withLock { $0.isFinished } }

    /// No more files come.
    func close() { state.withLock { $0.isClosed = true } }

    /// Ends the queue; returns the files that no worker took.
    func abandon() -> [PendingInstance] {
        state.withLock { state in
            state.isAbandoned = true
            let left = state.order.flatMap { study -> [PendingInstance] in
                guard let files = state.waiting[study] else { return [] }
                return files.order.flatMap { files.series[$0]?.all ?? [] }
            }
            state.waiting = [:]
            state.order = []
            state.count = 0
            return left
        }
    }
}
