import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMNode

struct LaterAttemptsTests {
    private static func instance(_ folder: TemporaryFolder, attempts: Int = 1) throws -> PendingInstance {
        try folder.write(SampleInstance.file(), to: "a.dcm")
        var instance = PendingInstance(try InstanceFile.open(folder["a.dcm"]).file)
        instance.attempts = attempts
        return instance
    }

    private static func result(_ instance: PendingInstance, _ code: WebError.Code) -> StoreResult {
        StoreResult(
            file: instance.file, outcome: .refused(WebError(code, "no")), attempts: instance.attempts)
    }

    @Test func `an instance is kept while attempts are left and its failure may pass`() throws {
        let folder = try TemporaryFolder()
        var later = LaterAttempts(RetryPolicy(retries: 2, delay: 100))
        for (attempts, code, isKept) in [
            (1, WebError.Code.status(503), true), (2, .status(503), true), (3, .status(503), false),
            (1, .status(404), false),
        ] {
            let instance = try Self.instance(folder, attempts: attempts)
            let wasKept = later.keep(instance, after: Self.result(instance, code))
            #expect(wasKept == isKept)
        }
        #expect(later.count == 2)
        let due = later.takeDue()
        #expect(due.isEmpty)
        let all = later.takeAll()
        #expect(all.map(\.attempts) == [1, 2] && later.isEmpty)
        #expect(all.allSatisfy { if case .refused? = $0.lastOutcome { true } else { false } })
    }

    @Test func `those whose pause is over are taken once`() throws {
        let folder = try TemporaryFolder()
        var later = LaterAttempts(RetryPolicy(retries: 2, delay: 100))
        let instance = try Self.instance(folder)
        for wanted in [0.0, nil] {
            _ = later.keep(instance, after: Self.result(instance, .status(503)), wanted: wanted)
        }
        let (due, again) = (later.takeDue(), later.takeDue())
        #expect(due.count == 1 && again.isEmpty && later.count == 1)
    }

    @Test func `a pause joins those that are due little later, and no others`() throws {
        let folder = try TemporaryFolder()
        var later = LaterAttempts(RetryPolicy(retries: 2, delay: 100))
        #expect(later.pause(isLast: true) == nil)
        let instance = try Self.instance(folder)
        for wanted in [1000.0, 1040, 1500] {
            _ = later.keep(instance, after: Self.result(instance, .status(503)), wanted: wanted)
        }
        let end = try #require(later.pause(isLast: true)?.secondsLeft)
        #expect(end > 1000 && end <= 1040)
        // New instances may come meanwhile.
        #expect(later.pause(isLast: false) == nil)
    }

    @Test func `beyond a thousand a pause is made before new ones are sent`() throws {
        let folder = try TemporaryFolder()
        var later = LaterAttempts(RetryPolicy(retries: 1, delay: 100))
        let instance = try Self.instance(folder)
        for _ in 0..<1001 { _ = later.keep(instance, after: Self.result(instance, .status(503))) }
        #expect(later.pause(isLast: false) != nil)
    }

    @Test func `nothing is kept for a time at which nothing may be begun`() throws {
        let folder = try TemporaryFolder()
        var policy = RetryPolicy(retries: 5, delay: 1)
        policy.lastAttempt = .after(seconds: 1000)
        var later = LaterAttempts(policy)
        let instance = try Self.instance(folder)
        let kept = [500.0, 2000].map { later.keep(instance, after: Self.result(instance, .status(503)), wanted: $0) }
        #expect(kept == [true, false])
        #expect(policy.leavesTime(forPauseAfter: 1) && !policy.leavesTime(forPauseAfter: 1, wanted: 2000))
    }
}
