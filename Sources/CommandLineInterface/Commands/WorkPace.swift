import DICOM
import DICOMNode
import System

/// When a run may begin its next study: within the hours that it has, and so many a minute.
///
/// Whoever goes through studies asks before each, and waits while the answer is `.later`. A study that was begun is finished,
/// whatever the time; one that needed nothing gives its turn back.
final class WorkPace: StudyPace {
    private let hours: WeeklyHours?
    /// Seconds from the beginning of a study to that of the next one.
    private let interval: Double
    /// After which nothing is begun, and the limit of the run.
    private let lastBeginning: Deadline
    private let end: Deadline
    private let clock: LocalClock
    private let seconds: @Sendable () -> Double
    private let beginning: Int
    private let diagnostics: Diagnostics
    private let progress: ProgressLine?
    /// The work of the run, done and in all, in whichever unit; nil while it is not known.
    private let work = Locked<(@Sendable () -> RunStatus.Work?)?>(nil)
    private let state = Locked(State())

    private struct State {
        /// Hashes of the UIDs: a million studies take 16 MB.
        var begun: Set<UInt64> = []
        /// The second of the stopwatch before which no study begins.
        var nextBeginning = 0.0
        /// True if the wait for the hours was told.
        var isWaitTold = false
    }

    /// Seconds of a wait for the next of so many a minute that a person need not be told of.
    private static let shortWait = 2.0

    /// Nil without options that ask for it.
    ///
    /// - Parameters:
    ///   - lastBeginning: after which nothing is begun.
    ///   - end: the limit of the run.
    ///   - seconds: a stopwatch.
    init?(
        _ connection: ConnectionOptions, lastBeginning: Deadline, end: Deadline, _ diagnostics: Diagnostics,
        _ progress: ProgressLine?, clock: LocalClock = .system, seconds: (@Sendable () -> Double)? = nil
    ) {
        guard connection.hours != nil || connection.studiesPerMinute != nil else { return nil }
        hours = connection.hours
        interval = connection.studiesPerMinute.map { 60 / Double($0) } ?? 0
        self.lastBeginning = lastBeginning
        self.end = end
        self.clock = clock
        let watch = Stopwatch()
        self.seconds = seconds ?? { watch.seconds }
        beginning = clock.now()
        self.diagnostics = diagnostics
        self.progress = progress
    }

    /// Says how the work is known, for the time at which it ends.
    func estimate(by work: @escaping @Sendable () -> RunStatus.Work?) { self.work.withLock { $0 = work } }

    /// The work is over, and known no longer.
    func endEstimate() { work.withLock { $0 = nil } }

    // MARK: Turns

    func hasBegun(_ study: UID) -> Bool { state.withLock { $0.begun.contains(Self.hash(study)) } }

    var turn: StudyTurn { state.withLock { turn($0) } }

    func begin(_ study: UID) -> StudyTurn {
        state.withLock { state in
            let hash = Self.hash(study)
            guard !state.begun.contains(hash) else { return .now }
            let turn = turn(state)
            guard turn == .now else { return turn }
            state.begun.insert(hash)
            state.nextBeginning = max(state.nextBeginning, seconds()) + interval
            state.isWaitTold = false
            return .now
        }
    }

    /// Gives the turn of a study back for which nothing had to be done, as after an earlier run.
    func giveBack(_ study: UID) {
        state.withLock { state in
            guard state.begun.remove(Self.hash(study)) != nil else { return }
            state.nextBeginning -= interval
        }
    }

    private func turn(_ state: State) -> StudyTurn {
        if let closed = turnOfHours { return closed }
        let left = state.nextBeginning - seconds()
        return left > 0 ? .later(.after(seconds: left)) : .now
    }

    /// Nil within the hours, and without any.
    private var turnOfHours: StudyTurn? {
        guard let opening else { return nil }
        let deadline = Deadline.after(seconds: Double(opening - clock.now()))
        return opening < .max && deadline < lastBeginning.earlier(end) ? .later(deadline) : .never
    }

    /// The time at which the hours begin; nil within them, and without any.
    private var opening: Int? {
        let now = clock.now()
        guard let hours, !hours.contains(now, clock) else { return nil }
        return hours.nextChange(after: now, clock) ?? .max
    }

    private static func hash(_ study: UID) -> UInt64 { FNV1a.hash(study.string.utf8) }

    // MARK: Waits

    /// Waits for the hours, before the server is asked for anything.
    func waitForHours(_ cancellation: Cancellation) {
        while case .later(let time) = turnOfHours, !wait(until: time, cancellation) {}
    }

    /// The longest sleep in seconds: the clock may be set meanwhile, or the machine sleep.
    private static let longestSleep = 1.0

    func wait(until time: Deadline, _ cancellation: Cancellation) -> Bool {
        show(time)
        return cancellation.wait(until: time.earlier(.after(seconds: Self.longestSleep)))
    }

    private func show(_ time: Deadline) {
        let left = time.secondsLeft ?? 0
        guard let waiting else {
            if left > Self.shortWait {
                progress?.show(
                    "next study in \(Quantity.clock(seconds: left)) (\(OptionName.perMinute))", afterSeconds: 1)
            }
            return
        }
        let isNew = state.withLock { state in
            defer { state.isWaitTold = true }
            return !state.isWaitTold
        }
        if isNew {
            let end = endOfWork.map { "; at the rate so far all is done about \($0)" } ?? ""
            diagnostics.note(Message("\(waiting): no study is begun outside of \(OptionName.hours) \(hoursText)\(end)"))
        }
        progress?.show("\(waiting) (\(OptionName.hours)), \(Quantity.clock(seconds: left)) left", afterSeconds: 1)
    }

    private var hoursText: String { hours.map { CommandLineText.quoted($0.description) } ?? "" }

    /// `waiting until 19:00`; nil within the hours, and where nothing is begun any more.
    var waiting: String? {
        guard let opening, turnOfHours != .never else { return nil }
        return "waiting until \(clock.text(opening, today: clock.now()))"
    }

    /// Why no further study is begun in this run; nil if some may be.
    var ending: String? {
        guard let opening, turnOfHours == .never else { return nil }
        let limit = lastBeginning < end ? OptionName.until : .totalTimeout
        let begin =
            opening < .max ? " begin again at \(clock.text(opening, today: clock.now()))" : " do not begin again"
        return "the hours (\(OptionName.hours) \(hoursText))\(begin), and the run ends before (\(limit))"
    }

    // MARK: Estimates

    /// The seconds of the run within the hours.
    private var activeSeconds: Double {
        guard let hours else { return seconds() }
        return Double(hours.seconds(from: beginning, to: clock.now(), clock))
    }

    /// The time at which all is done, if it goes on as so far; nil if nothing tells.
    var endOfWork: String? {
        guard let work = work.withLock({ $0 })?(), let left = work.secondsLeft(after: activeSeconds) else { return nil }
        let now = clock.now()
        let end = hours.map { $0.end(of: left, from: now, clock) } ?? now + Int(min(left, 1e9))
        return end.map { clock.text($0, today: now) }
    }
}
