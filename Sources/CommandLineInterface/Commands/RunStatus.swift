import DICOM
import DICOMNode
import Synchronization
import System

/// Where a run stands, for whoever asks by a signal. Its operation says what it counts.
final class RunStatus: Sendable {
    /// Work that is done, and all of it, in whichever unit.
    struct Work: Sendable {
        let done: Double
        let whole: Double

        /// The seconds until all is done, if it goes on as in those so far; nil if nothing tells.
        func secondsLeft(after seconds: Double) -> Double? {
            guard done > 0, whole >= done, seconds > 0 else { return nil }
            return (whole - done) / done * seconds
        }
    }

    struct Standing: Sendable {
        /// What was done, such as `12 of 400 studies`.
        var counts: [String] = []
        var bytes: UInt64 = 0
        var work: Work?
        /// The names of what is under way.
        var underWay: [String] = []
        /// The name of what came last, where it is not known what is under way.
        var latest: String?

        init() {}
    }

    private let watch = Stopwatch()
    private let standing = Locked<(@Sendable () -> Standing)?>(nil)
    private let matches = Atomic<Int>(0)

    private static let shownNames = 3

    /// Says how the operation knows where it stands. Several threads may ask.
    func provide(_ standing: @escaping @Sendable () -> Standing) { self.standing.withLock { $0 = standing } }

    /// The operation knows no longer where it stands.
    func end() { standing.withLock { $0 = nil } }

    /// Counts a match of a query.
    func countMatch() { matches.wrappingAdd(1, ordering: .relaxed) }

    var matchCount: Int { matches.load(ordering: .relaxed) }

    /// As `--get PACS@host:104: 12 of 400 studies, 340 instances, 120.3 MB (4.0 MB/s); under way: study 1.2.3; running for 0:30`.
    func line(_ name: String, _ pace: WorkPace?) -> String {
        let standing = standing.withLock { $0 }?() ?? Standing()
        let seconds = watch.seconds
        var counts = standing.counts
        if standing.bytes > 0 {
            counts.append("\(Quantity.size(standing.bytes)) (\(Quantity.rate(standing.bytes, seconds: seconds)))")
        }
        var parts = counts.isEmpty ? [] : [counts.joined(separator: ", ")]
        if !standing.underWay.isEmpty {
            let more = standing.underWay.count - Self.shownNames
            let names = standing.underWay.prefix(Self.shownNames).joined(separator: ", ")
            parts.append("under way: \(names)\(more > 0 ? " and \(more) more" : "")")
        }
        if let latest = standing.latest { parts.append("last: \(latest)") }
        if let waiting = pace?.waiting { parts.append("\(waiting) (\(OptionName.hours))") }
        var time = "running for \(Quantity.clock(seconds: seconds))"
        if let pace {
            if let end = pace.endOfWork { time += ", done about \(end)" }
        } else if let left = standing.work?.secondsLeft(after: seconds) {
            time += ", about \(Quantity.clock(seconds: left)) left"
        }
        return "\(name): \((parts + [time]).joined(separator: "; "))"
    }
}

/// The runs that can be asked where they stand.
package final class StatusBoard: Sendable {
    private struct State {
        var runs: [(id: Int, tell: @Sendable () -> Void)] = []
        var lastID = 0
        var isTelling = false
        /// True if somebody has asked before there was a run.
        var isAsked = false
    }

    private let state = Locked(State())

    package init() {}

    /// Adds a run, which tells where it stands when it is asked.
    func add(_ tell: @escaping @Sendable () -> Void) -> Int {
        let (id, isAsked) = state.withLock { state in
            state.lastID += 1
            state.runs.append((state.lastID, tell))
            defer { state.isAsked = false }
            return (state.lastID, state.isAsked)
        }
        if isAsked { ask() }
        return id
    }

    func remove(_ id: Int) { state.withLock { state in state.runs.removeAll { $0.id == id } } }

    /// Lets each run tell where it stands, on a thread of its own: a reader may be slow, and the thread that asks has signals to
    /// take. One that asks before there is a run is told when there is, and one that asks while it is told no more.
    package func ask() {
        let runs = state.withLock { state -> [@Sendable () -> Void] in
            guard !state.isTelling else { return [] }
            state.isAsked = state.runs.isEmpty
            state.isTelling = !state.isAsked
            return state.runs.map(\.tell)
        }
        guard !runs.isEmpty else { return }
        do throws(SystemError) {
            _ = try PosixThread(name: "status") { [self] in
                for tell in runs { tell() }
                state.withLock { $0.isTelling = false }
            }
        } catch {
            // The work matters more than the word about it.
            state.withLock { $0.isTelling = false }
        }
    }
}
