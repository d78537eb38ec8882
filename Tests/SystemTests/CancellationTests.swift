import Glibc
import Testing

@testable import System

struct CancellationTests {
    private func isReadable(_ descriptor: CInt) -> Bool {
        var polled = pollfd(fd: descriptor, events: CShort(POLLIN), revents: 0)
        return poll(&polled, 1, 0) == 1
    }

    @Test func `nothing is readable before it is raised`() throws {
        let cancellation = try Cancellation()
        #expect(cancellation.level == .none)
        #expect(!isReadable(cancellation.descriptor(for: .graceful)))
        #expect(!isReadable(cancellation.descriptor(for: .abort)))
    }

    @Test func `the graceful step leaves those asleep who wait for the abort`() throws {
        let cancellation = try Cancellation()
        cancellation.raise()
        #expect(cancellation.level == .graceful)
        #expect(isReadable(cancellation.descriptor))
        #expect(!isReadable(cancellation.descriptor(for: .abort)))
        cancellation.raise()
        #expect(cancellation.level == .abort)
        #expect(isReadable(cancellation.descriptor(for: .abort)))
    }

    @Test func `an abort at once wakes everybody`() throws {
        let cancellation = try Cancellation()
        cancellation.raise(to: .abort)
        #expect(isReadable(cancellation.descriptor(for: .graceful)))
        #expect(isReadable(cancellation.descriptor(for: .abort)))
    }

    @Test func `a level never falls`() throws {
        let cancellation = try Cancellation()
        cancellation.raise(to: .abort)
        cancellation.raise(to: .graceful)
        cancellation.raise(to: .none)
        #expect(cancellation.level == .abort)
    }

    @Test func `several threads wake from one raise`() throws {
        let cancellation = try Cancellation()
        let threads = try (0..<4).map { number in
            try PosixThread(name: "waiter-\(number)") {
                var polled = pollfd(fd: cancellation.descriptor, events: CShort(POLLIN), revents: 0)
                while poll(&polled, 1, -1) == -1 {}
            }
        }
        cancellation.raise()
        for thread in threads { thread.join() }
        #expect(isReadable(cancellation.descriptor))
    }

    @Test func `the third signal ends the process with 130`() async {
        await #expect(processExitsWith: .exitCode(130)) {
            let cancellation = try Cancellation()
            for _ in 0..<3 { SignalThread.signalArrived(raising: cancellation) }
        }
    }
}
