import Testing

@testable import DICOMNode

/// What is chosen for servers that are made up: what one answers in a second follows from the load alone.
struct LoadControlTests {
    /// A run on a server, event by event, in a time of its own.
    private struct Run {
        var control: LoadControl
        var time = 0.0
        /// The associations that are open.
        var open: Int
        /// The most that the server accepts.
        var mostAssociations = 64
        /// The window that it grants.
        var granted = 8
        private(set) var refusals = 0
        private(set) var answers = 0
        /// The loads in use, in their order.
        private(set) var loads: [AssociationLoad] = []

        init(associations: LoadChoice = .automatic, window: LoadChoice = .automatic, granted: Int = 8) {
            control = LoadControl(associations: associations, window: window)
            open = control.load.associations
            self.granted = granted
            control.opened(window: granted)
            loads = [control.load]
        }

        /// Goes on until so many more instances are answered, at a rate in instances a second.
        mutating func answer(_ count: Int, of bytes: UInt64 = 20_000, at rate: (AssociationLoad) -> Double) {
            for _ in 0..<count {
                adapt()
                var load = control.load
                load.associations = open
                time += 1 / rate(load)
                control.answered(bytes: bytes, at: time)
                answers += 1
                if loads.last != control.load { loads.append(control.load) }
            }
        }

        /// Opens and closes associations as the control has it.
        private mutating func adapt() {
            while open < control.load.associations {
                if open >= mostAssociations {
                    refusals += 1
                    control.refused(remaining: open, at: time)
                } else {
                    open += 1
                    control.opened(window: granted)
                }
            }
            open = control.load.associations
        }
    }

    private static func load(_ associations: Int, _ window: Int) -> AssociationLoad {
        AssociationLoad(associations: associations, window: window)
    }

    /// A server that is far away: each instance takes ten milliseconds, whatever else is on its way.
    private static func far(_ load: AssociationLoad) -> Double { 100 * Double(load.associations * load.window) }

    @Test func `a far server gets eight associations with a window of eight`() {
        var run = Run()
        run.answer(2000, at: Self.far)
        #expect(run.control.chosen == Self.load(8, 8))
        // The window first, which costs the server least.
        #expect(run.loads.prefix(6) == [(1, 1), (1, 2), (1, 3), (1, 5), (1, 8), (2, 8)].map(Self.load)[...])
        #expect(run.loads.allSatisfy { $0.associations <= 8 && $0.window <= 8 })
    }

    @Test func `it is found out soon enough for a small study`() {
        var run = Run()
        run.answer(300, at: Self.far)
        let alone = 300 / Self.far(Self.load(1, 1))
        #expect(run.time < alone / 6)
        var withoutWindow = Run(granted: 1)
        withoutWindow.answer(300, at: Self.far)
        #expect(withoutWindow.time < alone / 5)
        #expect(withoutWindow.control.chosen == Self.load(8, 1))
    }

    @Test func `a number that was given stays`() {
        var run = Run(associations: .fixed(3))
        run.answer(2000, at: Self.far)
        #expect(run.control.chosen == Self.load(3, 8))
        var other = Run(window: .fixed(4))
        other.answer(2000, at: Self.far)
        #expect(other.control.chosen == Self.load(8, 4))
    }

    @Test func `a window that is not granted is not tried`() {
        var run = Run(granted: 1)
        run.answer(2000, at: Self.far)
        #expect(run.loads.allSatisfy { $0.window == 1 })
        // Without a limit it is ours.
        var unlimited = Run(granted: 0)
        unlimited.answer(2000, at: Self.far)
        #expect(unlimited.control.chosen == Self.load(8, 8))
    }

    @Test func `a server that gains nothing from the second of anything keeps one`() {
        var run = Run()
        run.answer(20_000) { _ in 1000 }
        #expect(run.control.chosen == Self.load(1, 1))
        #expect(run.loads.allSatisfy { $0.associations <= 2 && $0.window <= 2 })
        // Tried again, more and more seldom.
        #expect(run.loads.count { $0 == Self.load(2, 1) } == 3)
        run.answer(1_000_000) { _ in 1000 }
        #expect(run.loads.count { $0 == Self.load(2, 1) } <= 9)
    }

    @Test func `associations are of use where a window is not`() {
        var run = Run()
        run.answer(4000) { 100 * Double(min($0.associations, 4)) }
        #expect(run.control.chosen.window == 1)
        // At most half as many again as are of use.
        #expect((4...5).contains(run.control.chosen.associations))
        run.answer(10_000) { 100 * Double(min($0.associations, 4)) }
        #expect((4...5).contains(run.control.chosen.associations))
    }

    @Test func `a server that rejects the third association has two`() {
        var run = Run(granted: 1)
        run.mostAssociations = 2
        run.answer(400, at: Self.far)
        #expect(run.control.chosen == Self.load(2, 1))
        #expect(run.refusals == 1)
        // A night long: not more often than every ten minutes in the end.
        run.answer(200 * 3600, at: Self.far)
        #expect(run.control.chosen == Self.load(2, 1))
        #expect((2...14).contains(run.refusals))
        // It has room now.
        run.mostAssociations = 8
        run.answer(200 * 1200, at: Self.far)
        #expect(run.control.chosen.associations > 2)
    }

    @Test func `a server that rejects one of several that are tried has the others`() {
        var run = Run(granted: 1)
        run.mostAssociations = 4
        run.answer(100, at: Self.far)
        #expect(run.loads.contains(Self.load(3, 1)))
        #expect(run.control.chosen == Self.load(4, 1))
        #expect(run.refusals == 1)
    }

    @Test func `an association that is refused after a failure brings back none of those that were given up`() {
        var run = Run()
        run.answer(10_000, at: Self.far)
        run.control.failed(at: run.time)
        #expect(run.control.load == Self.load(4, 8))
        run.control.refused(remaining: 7, at: run.time)
        #expect(run.control.load == Self.load(4, 8))
        #expect(run.control.chosen == Self.load(4, 8))
        run.control.refused(remaining: 3, at: run.time)
        #expect(run.control.load == Self.load(3, 8))
        run.control.refused(remaining: 0, at: run.time)
        #expect(run.control.load == Self.load(1, 8))
    }

    @Test func `a server that slows with more has what it was fastest with`() {
        var run = Run(granted: 1)
        run.answer(3000) { [100, 180, 150, 120, 100, 90, 80, 70][$0.associations - 1] }
        #expect(run.control.chosen == Self.load(2, 1))
        #expect(run.loads.allSatisfy { $0.associations <= 3 })
    }

    @Test func `a server that becomes slow has less, until it is fast again`() {
        var run = Run()
        run.answer(10_000, at: Self.far)
        #expect(run.control.chosen == Self.load(8, 8))
        let others = { (load: AssociationLoad) in 3000 / Double(load.associations) }
        run.answer(20_000, at: others)
        #expect(run.control.chosen.associations < 8)
        run.answer(2_000_000, at: Self.far)
        #expect(run.control.chosen == Self.load(8, 8))
    }

    @Test func `a server that fails after a while has half, and many failures at once are one`() {
        var run = Run()
        run.answer(10_000, at: Self.far)
        for _ in 0..<20 { run.control.failed(at: run.time) }
        #expect(run.control.chosen == Self.load(4, 8))
        run.answer(100, at: Self.far)
        #expect(run.control.chosen == Self.load(4, 8))
        for expected in [Self.load(2, 8), Self.load(1, 8), Self.load(1, 4), Self.load(1, 2), Self.load(1, 1)] {
            // Something is measured between two failures.
            run.answer(20_000, at: { _ in 10_000 })
            run.control.failed(at: run.time)
            #expect(run.control.chosen == expected)
        }
        run.control.failed(at: run.time)
        #expect(run.control.load == Self.load(1, 1))
        run.answer(1_000_000, at: Self.far)
        #expect(run.control.chosen == Self.load(8, 8))
    }

    @Test func `large files are measured by their bytes, and small ones by their number`() {
        var run = Run(granted: 1)
        // As much as one association brings by the network: 10 MB a second.
        run.answer(200, of: 10_000_000) { _ in 1 }
        #expect(run.control.chosen == Self.load(1, 1))
        var small = Run(granted: 1)
        small.answer(2000, of: 500, at: Self.far)
        #expect(small.control.chosen == Self.load(8, 1))
    }

    @Test func `nothing is judged while an association opens`() {
        var control = LoadControl(associations: .automatic, window: .fixed(1))
        control.opened(window: 1)
        for number in 1...5 { control.answered(bytes: 1, at: Double(number)) }
        #expect(control.load == Self.load(2, 1))
        #expect(control.chosen == Self.load(1, 1))
        for number in 6...500 { control.answered(bytes: 1, at: Double(number)) }
        #expect(control.load == Self.load(2, 1))
        control.refused(remaining: 1, at: 500)
        #expect(control.load == Self.load(1, 1))
    }
}
