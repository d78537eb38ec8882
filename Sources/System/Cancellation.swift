import Glibc
import Synchronization

/// A request to stop, with two levels that any number of threads can wait for.
///
/// The graceful level asks for an orderly end (C-CANCEL, finish the instance, release), the second for an immediate one
/// (A-ABORT). Each level has its own descriptor, so that a thread that has acted on the first can sleep until the
/// second. A level never falls.
package final class Cancellation: Sendable {
    package enum Level: Int, Sendable, Comparable, AtomicRepresentable {
        case none, graceful, abort

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    private let current = Atomic<Level>(.none)
    /// Nil for ``never``.
    private let pipes: Pipes?
    private let children = Locked<[Cancellation]>([])

    private final class Pipes: Sendable {
        let graceful: FileDescriptor.Pipe
        let abort: FileDescriptor.Pipe

        init() throws(SystemError) {
            graceful = try FileDescriptor.pipe()
            abort = try FileDescriptor.pipe()
        }
    }

    /// A cancellation that is never raised.
    package static let never = Cancellation(pipes: nil)

    /// Makes a cancellation that was not raised yet.
    ///
    /// - Throws: `SystemError` if its pipes cannot be made.
    package init() throws(SystemError) {
        pipes = try Pipes()
    }

    private init(pipes: Pipes?) { self.pipes = pipes }

    /// Whether any level was raised.
    package var isRaised: Bool { level > .none }

    package var level: Level { current.load(ordering: .acquiring) }

    /// Raises it by one level, as a signal does.
    package func raise() { raise(to: level == .none ? .graceful : .abort) }

    /// Makes one that follows this one, and can be raised on its own: for a part of the work that ends before the rest.
    ///
    /// - Throws: `SystemError` if its pipes cannot be made.
    package func makeChild() throws(SystemError) -> Cancellation {
        let child = try Cancellation()
        guard pipes != nil else { return child }
        children.withLock { $0.append(child) }
        // What was raised meanwhile has perhaps not met the child.
        child.raise(to: level)
        return child
    }

    /// Raises to at least this level and wakes whoever waits for it or for a lower one.
    package func raise(to wanted: Level) {
        guard let pipes else { return }
        var seen = level
        while seen < wanted {
            let (exchanged, original) = current.compareExchange(
                expected: seen, desired: wanted, ordering: .acquiringAndReleasing)
            guard !exchanged else {
                // The bytes are never read: the descriptors stay readable for every waiter, now and later.
                if seen < .graceful { Self.mark(pipes.graceful.writing) }
                if wanted == .abort { Self.mark(pipes.abort.writing) }
                for child in children.withLock({ $0 }) { child.raise(to: wanted) }
                return
            }
            seen = original
        }
    }

    /// Readable once the level is at least `level`; -1, which `poll` ignores, for ``never``. Nobody reads from it.
    package func descriptor(for level: Level) -> CInt {
        guard let pipes else { return -1 }
        return level == .abort ? pipes.abort.reading.rawValue : pipes.graceful.reading.rawValue
    }

    /// Waits until the deadline, or until the cancellation is raised: then returns true.
    package func wait(until deadline: Deadline) -> Bool {
        do throws(WaitError) {
            _ = try Readiness.wait(-1, for: .readable, until: deadline, limits: WaitLimits(cancellation: self))
        } catch {
            // The level tells the two apart.
        }
        return isRaised
    }

    /// Readable once anything was raised.
    package var descriptor: CInt { descriptor(for: .graceful) }

    private static func mark(_ descriptor: borrowing FileDescriptor) {
        var byte: UInt8 = 1
        // An empty pipe takes one byte at once; there is nothing to report to anybody if it did not.
        while write(descriptor.rawValue, &byte, 1) == -1, errno == EINTR {}
    }
}
