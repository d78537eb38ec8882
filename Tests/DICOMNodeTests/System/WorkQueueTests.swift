import Synchronization
import Testing

@testable import DICOMNode

struct WorkQueueTests {
    @Test func `elements come out in the order they went in`() {
        let queue = WorkQueue<Int>(capacity: 10)
        for number in 0..<10 { queue.push(number) }
        queue.close()
        var taken: [Int] = []
        while let number = queue.pop() { taken.append(number) }
        #expect(taken == Array(0..<10))
    }

    @Test func `a closed queue takes nothing and gives what it holds`() {
        let queue = WorkQueue<String>(capacity: 2)
        #expect(queue.push("kept"))
        queue.close()
        #expect(!queue.push("late"))
        #expect(queue.pop() == "kept")
        #expect(queue.pop() == nil)
    }

    @Test func `what nobody took is given back`() {
        let queue = WorkQueue<Int>(capacity: 5)
        for number in 0..<5 { queue.push(number) }
        #expect(queue.pop() == 0)
        #expect(queue.closeAndDrain() == [1, 2, 3, 4])
        #expect(queue.pop() == nil)
    }

    @Test(arguments: [1, 3])
    func `workers share all the work, however small the queue`(capacity: Int) throws {
        let queue = WorkQueue<Int>(capacity: capacity)
        let sum = Locked(0)
        let workers = try WorkerThreads(count: 4, name: "worker") { _ in
            while let number = queue.pop() { sum.withLock { $0 += number } }
        }
        for number in 1...1000 { queue.push(number) }
        queue.close()
        workers.join()
        #expect(sum.withLock { $0 } == 500_500)
    }

    @Test func `closing wakes one who waits for room`() throws {
        let queue = WorkQueue<Int>(capacity: 1)
        queue.push(1)
        let flag = Box(Atomic<Bool>(true))
        let thread = try PosixThread(name: "producer") {
            flag.value.store(queue.push(2), ordering: .releasing)
        }
        queue.close()
        thread.join()
        let wasTaken = flag.value.load(ordering: .acquiring)
        #expect(!wasTaken)
    }

    @Test func `joining twice is harmless`() throws {
        let ran = Box(Atomic<Bool>(false))
        let thread = try PosixThread(name: "a name that is longer than the system takes") {
            ran.value.store(true, ordering: .releasing)
        }
        thread.join()
        thread.join()
        let hasRun = ran.value.load(ordering: .acquiring)
        #expect(hasRun)
    }

    /// Carries what cannot be copied into a closure.
    private final class Box<Value: ~Copyable & Sendable>: Sendable {
        let value: Value
        init(_ value: consuming Value) { self.value = value }
    }
}
