import DICOMNode
import System
import Testing

@testable import CommandLineInterface

struct RetrievalJobsTests {
    private let cancellation: Cancellation

    init() throws { cancellation = try Cancellation() }

    private func jobs(_ choice: LoadChoice, targets: Int) -> RetrievalJobs {
        let jobs = RetrievalJobs(choice) { _ in }
        jobs.expect(targets)
        return jobs
    }

    /// Lets a server gain so much from each association that there may be so many.
    private func grow(_ jobs: RetrievalJobs, to limit: Int) {
        let end = Deadline.after(seconds: 60)
        while jobs.limit < limit, !end.isPast {
            let before = jobs.limit
            // So much that it is faster, whatever else this machine is busy with.
            while jobs.limit == before, !end.isPast { jobs.received(bytes: 1 << (30 * UInt64(before - 1))) }
            jobs.opened(inUse: jobs.limit)
        }
    }

    @Test func `each retrieval has an association, and what nobody waits for requests parts`() {
        let jobs = jobs(.fixed(4), targets: 2)
        #expect(jobs.begin(cancellation))
        jobs.beginTarget()
        // The other one is still to begin: two for each.
        #expect(jobs.share == 2)
        #expect(jobs.take(beside: { 1 }, while: { true }))
        #expect(jobs.begin(cancellation))
        jobs.beginTarget()
        #expect(jobs.share == 2)
        #expect(jobs.take(beside: { 1 }, while: { true }))
        // All are in use.
        var looks = 0
        #expect(
            !jobs.take(beside: { 1 }) {
                looks += 1
                return looks < 3
            })
        jobs.end()
        #expect(jobs.share == 4)
        #expect(jobs.take(beside: { 2 }, while: { true }))
        #expect(!jobs.begin(cancellation))
        #expect(jobs.found == nil && !jobs.stepAside())
    }

    @Test func `who has ended, or waits for a time, uses no association`() {
        let jobs = jobs(.fixed(4), targets: 3)
        for _ in 0..<3 {
            #expect(jobs.begin(cancellation))
            jobs.beginTarget()
        }
        #expect(jobs.take(beside: { 1 }, while: { true }))
        #expect(jobs.inUse == 4)
        jobs.giveBack()
        jobs.beginPause()
        #expect(jobs.inUse == 2)
        jobs.end()
        #expect(jobs.inUse == 1)
    }

    @Test func `more retrievals than associations leave none for parts`() {
        let jobs = jobs(.fixed(2), targets: 5)
        #expect(jobs.begin(cancellation))
        jobs.beginTarget()
        #expect(jobs.share == 1)
        // One that waits for its time lends its own.
        jobs.beginPause()
        #expect(jobs.begin(cancellation))
        #expect(jobs.share == 2)
    }

    @Test func `what is found out begins with one, and steps aside when the server fails`() {
        let jobs = jobs(.automatic, targets: 20)
        #expect(jobs.limit == 1)
        #expect(jobs.begin(cancellation))
        jobs.beginTarget()
        #expect(!jobs.stepAside())
        grow(jobs, to: 3)
        #expect(jobs.limit == 3)
        for _ in 0..<2 {
            #expect(jobs.begin(cancellation))
            jobs.beginTarget()
        }
        jobs.refused(remaining: 2)
        #expect(jobs.limit == 2 && jobs.areTooMany)
        #expect(jobs.stepAside())
        #expect(!jobs.stepAside() && !jobs.areTooMany)
        #expect(jobs.found?.associations == 2)
        jobs.failed()
        #expect(jobs.limit == 1 && jobs.areTooMany)
        #expect(jobs.stepAside())
        // So many are open, and no more than one may be in use.
        jobs.refused(remaining: 2)
        #expect(jobs.limit == 1 && !jobs.areTooMany)
    }

    @Test func `one stays when the server fails, however many it has left`() {
        let jobs = jobs(.automatic, targets: 20)
        #expect(jobs.begin(cancellation))
        jobs.failed()
        #expect(jobs.limit == 1 && !jobs.areTooMany)
        jobs.refused(remaining: 3)
        #expect(jobs.limit == 1)
    }

    @Test func `a run that is to end begins nothing more`() {
        let jobs = jobs(.automatic, targets: 3)
        cancellation.raise(to: .graceful)
        #expect(!jobs.begin(cancellation))
    }
}
