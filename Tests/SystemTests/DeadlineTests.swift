import Testing

@testable import System

struct DeadlineTests {
    @Test func `a deadline that never comes waits for ever`() {
        #expect(Deadline.never.pollMilliseconds() == -1)
        #expect(!Deadline.never.isPast)
        #expect(Deadline.never.secondsLeft == nil)
    }

    @Test(arguments: [0.0, -1.0, -Double.infinity, Double.nan])
    func `no time at all is past at once`(seconds: Double) {
        let deadline = Deadline.after(seconds: seconds)
        #expect(deadline.isPast)
        #expect(deadline.pollMilliseconds() == 0)
        #expect(deadline.secondsLeft == 0)
    }

    @Test(arguments: [1e10, Double.greatestFiniteMagnitude, Double.infinity])
    func `more than a century is never`(seconds: Double) {
        #expect(Deadline.after(seconds: seconds) == .never)
    }

    @Test func `a wait is rounded up so that it does not end before its deadline`() {
        #expect(Deadline.after(seconds: 0.0005).pollMilliseconds() <= 1)
        let minute = Deadline.after(seconds: 60).pollMilliseconds()
        #expect(minute > 59_000 && minute <= 60_000)
    }

    @Test func `a wait longer than poll can express is cut to what it can`() {
        #expect(Deadline.after(seconds: 2e9).pollMilliseconds() == .max)
    }

    @Test func `the earlier of two deadlines wins`() {
        let soon = Deadline.after(seconds: 10)
        #expect(soon.earlier(.never) == soon)
        #expect(Deadline.never.earlier(soon) == soon)
        #expect(soon.earlier(.after(.seconds(20))) == soon)
    }
}
