/// How many of something are in use at a time.
package enum LoadChoice: Sendable, Equatable {
    case fixed(Int)
    /// As many as are of use, by ``LoadControl``.
    case automatic

    /// The number; nil if it is found out.
    package var number: Int? { if case .fixed(let number) = self { number } else { nil } }

    /// The most that there may be.
    package var maximum: Int { number ?? LoadControl.maximum }
}

/// What is in use at a time.
package struct AssociationLoad: Sendable, Equatable {
    /// The number of associations.
    package var associations: Int
    /// The number of instances that may be unanswered on each: the asynchronous operations window (PS3.7 D.3.3.3).
    package var window: Int

    package init(associations: Int, window: Int) { (self.associations, self.window) = (associations, window) }

    fileprivate subscript(part: LoadControl.Part) -> Int {
        get { part == .associations ? associations : window }
        set { if part == .associations { associations = newValue } else { window = newValue } }
    }
}

/// Finds out how many associations, and how many unanswered instances on each, a server gains from.
///
/// It begins with one of each, and grows first the window, which costs the server least, then the associations: by half each time
/// until the first time that nothing is gained, one by one after it. What brings less than a third of what it could is taken back.
/// So is one of what there is when instances go more slowly than before, and half of it when the server has no room for an instance
/// or an association fails; an association that is refused stays away. After each of these nothing more is tried for a while, which
/// is twice as long each time.
///
/// It has no clock: each event comes with its time, in seconds from any beginning.
package struct LoadControl: Sendable {
    /// The most associations and the widest window that are tried.
    package static let maximum = 8

    fileprivate enum Part: Int, Sendable { case window, associations }

    /// What keeps a part from growing.
    private struct Limit {
        let isAdjusted: Bool
        var maximum: Int
        /// True once something was taken back: it grows one by one.
        var isCareful = false
        /// Not to grow before this time.
        var heldUntil = 0.0
        /// The seconds of the next hold.
        var hold = LoadControl.firstHold

        init(_ choice: LoadChoice) {
            isAdjusted = choice == .automatic
            maximum = choice.maximum
        }
    }

    /// Growth that has not proved itself.
    private struct Trial {
        let part: Part
        let before: AssociationLoad
        let rateBefore: Double
        /// True after a first look that has shown no gain.
        var isSecondLook = false
    }

    /// What was answered while one load was in use.
    private struct Sample {
        let start: Double
        var count = 0
        var work = 0.0
    }

    /// An instance costs as much as so many bytes, however small it is.
    private static let workPerInstance = 65_536.0
    private static let firstHold = 5.0
    private static let longestHold = 600.0
    /// What an addition has to bring of what it could: of two associations in place of one, a third more.
    private static let leastShareOfGain = 1.0 / 3
    /// The share of its rate below which a server has become slow.
    private static let slow = 0.7
    /// The shortest sample in seconds, while it grows at first and later.
    private static let (shortestAtFirst, shortestLater) = (0.01, 1.0)

    /// What may be in use now.
    package private(set) var load: AssociationLoad
    /// What has proved itself.
    package private(set) var chosen: AssociationLoad
    private var limits: [Limit]
    private var trial: Trial?
    private var sample: Sample?
    /// Work in a second with what has proved itself; nil before it was measured.
    private var rate: Double?
    private var slowSamples = 0
    /// True while an association that may be open is not.
    package private(set) var awaitsAssociation = false
    /// True until something was measured after a failure: many fail together.
    private var hasFailed = false
    /// True once nothing more could be tried.
    private var isSteady = false

    package init(associations: LoadChoice, window: LoadChoice) {
        load = AssociationLoad(associations: associations.number ?? 1, window: window.number ?? 1)
        chosen = load
        limits = [Limit(window), Limit(associations)]
    }

    // MARK: Events

    /// An association is open, and the peer has granted a window; 0 is one without a limit.
    package mutating func opened(window granted: Int) {
        if granted > 0 {
            limits[Part.window.rawValue].maximum = min(limits[Part.window.rawValue].maximum, granted)
            load.window = min(load.window, granted)
            chosen.window = min(chosen.window, granted)
        }
        awaitsAssociation = false
        sample = nil
    }

    /// An instance of so many bytes was answered, with whatever status but one of a peer that has no room.
    package mutating func answered(bytes: UInt64, at time: Double) {
        guard !awaitsAssociation else { return }
        guard var current = sample else {
            sample = Sample(start: time)
            return
        }
        current.count += 1
        current.work += Double(bytes) + Self.workPerInstance
        let seconds = time - current.start
        let shortest = isSteady ? Self.shortestLater : Self.shortestAtFirst
        guard current.count >= max(4, 2 * load.associations * load.window), seconds >= shortest else {
            sample = current
            return
        }
        let before = load
        judge(current.work / seconds, at: time)
        // What comes next is the answer to what was sent before, unless nothing has changed.
        sample = load == before ? Sample(start: time) : nil
    }

    /// The peer had no room for an instance, or has ended an association.
    package mutating func failed(at time: Double) {
        guard !hasFailed else { return }
        hasFailed = true
        let part: Part =
            load.associations > 1 && limits[Part.associations.rawValue].isAdjusted ? .associations : .window
        if limits[part.rawValue].isAdjusted { load[part] = max(1, load[part] / 2) }
        hold(.window, at: time)
        hold(.associations, at: time)
        accept(rate: nil)
        awaitsAssociation = false
    }

    /// An association was not opened, or did not answer any more, and so many are left. This never raises the number in use: a
    /// failure may have halved it meanwhile.
    package mutating func refused(remaining: Int, at time: Double) {
        let before = trial?.before ?? load
        let left = max(1, min(load.associations, remaining))
        load = before
        if limits[Part.associations.rawValue].isAdjusted { load.associations = left }
        hold(.associations, at: time)
        accept(rate: load == before ? rate : nil)
        awaitsAssociation = false
    }

    // MARK: Growth

    private mutating func judge(_ measured: Double, at time: Double) {
        hasFailed = false
        if let trial {
            let possible = Double(load[trial.part]) / Double(trial.before[trial.part]) - 1
            if measured >= trial.rateBefore * (1 + possible * Self.leastShareOfGain) {
                accept(rate: measured)
                limits[trial.part.rawValue].hold = Self.firstHold
            } else if !trial.isSecondLook {
                self.trial?.isSecondLook = true
                return
            } else {
                load = trial.before
                hold(trial.part, at: time)
                accept(rate: trial.rateBefore)
            }
        } else if let rate, measured < rate * Self.slow {
            slowSamples += 1
            guard slowSamples > 1 else { return }
            stepBack(at: time)
            accept(rate: measured)
            return
        } else {
            rate = rate.map { ($0 * 3 + measured) / 4 } ?? measured
            slowSamples = 0
        }
        grow(at: time)
    }

    /// Tries more of something, if there is anything that may grow.
    private mutating func grow(at time: Double) {
        guard let rate else { return }
        for part in [Part.window, .associations] {
            let limit = limits[part.rawValue]
            guard limit.isAdjusted, load[part] < limit.maximum, time >= limit.heldUntil else { continue }
            trial = Trial(part: part, before: load, rateBefore: rate)
            load[part] = min(limit.maximum, load[part] + (limit.isCareful ? 1 : (load[part] + 1) / 2))
            awaitsAssociation = part == .associations
            return
        }
        isSteady = true
    }

    /// The server has become slow: others may need it.
    private mutating func stepBack(at time: Double) {
        for part in [Part.associations, .window] where limits[part.rawValue].isAdjusted && load[part] > 1 {
            load[part] -= 1
            hold(.window, at: time)
            hold(.associations, at: time)
            return
        }
    }

    private mutating func hold(_ part: Part, at time: Double) {
        limits[part.rawValue].isCareful = true
        limits[part.rawValue].heldUntil = time + limits[part.rawValue].hold
        limits[part.rawValue].hold = min(limits[part.rawValue].hold * 2, Self.longestHold)
    }

    /// What is in use is what is compared with from now on.
    private mutating func accept(rate measured: Double?) {
        chosen = load
        trial = nil
        rate = measured
        slowSamples = 0
        sample = nil
    }
}

extension LoadControl? {
    /// Tells the control of an event, if there is one; returns what may be in use from now on, if that has changed.
    package mutating func adjust(_ event: (inout LoadControl) -> Void) -> AssociationLoad? {
        guard var control = self else { return nil }
        let before = control.load
        event(&control)
        self = control
        return control.load == before ? nil : control.load
    }
}

/// Tells the control of a run what a sender meets, and the sender what it may do; each does nothing where nothing is adjusted.
package struct LoadMeter: Sendable {
    /// The number of instances that may be unanswered on an association now; nil: as many as the peer has granted.
    var window: @Sendable () -> Int? = { nil }
    /// An association, or what takes its place, is open, with a window; 0 is one without a limit.
    package var opened: @Sendable (_ window: Int) -> Void = { _ in }
    /// An instance of so many bytes was answered, with whatever status but one of a peer that has no room.
    package var answered: @Sendable (_ bytes: UInt64) -> Void = { _ in }
    /// The peer had no room for an instance, or has ended an association.
    package var failed: @Sendable () -> Void = {}

    package init() {}
}
