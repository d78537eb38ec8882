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
    private let levels: Levels?
    private let children = Locked<[Cancellation]>([])

    /// Woken when a level is raised, and never drained: they stay readable for every waiter, now and later.
    private final class Levels: Sendable {
        let graceful: FileDescriptor.WakeUp
        let abort: FileDescriptor.WakeUp

        init() throws(SystemError) {
            graceful = try FileDescriptor.WakeUp()
            abort = try FileDescriptor.WakeUp()
        }
    }

    /// A cancellation that is never raised.
    package static let never = Cancellation(levels: nil)

    /// Makes a cancellation that was not raised yet.
    ///
    /// - Throws: `SystemError` if its descriptors cannot be made.
    package init() throws(SystemError) {
        levels = try Levels()
    }

    private init(levels: Levels?) { self.levels = levels }

    /// Whether any level was raised.
    package var isRaised: Bool { level > .none }

    package var level: Level { current.load(ordering: .acquiring) }

    /// Raises it by one level, as a signal does.
    package func raise() { raise(to: level == .none ? .graceful : .abort) }

    /// Makes one that follows this one, and can be raised on its own: for a part of the work that ends before the rest.
    ///
    /// - Throws: `SystemError` if its descriptors cannot be made.
    package func makeChild() throws(SystemError) -> Cancellation {
        let child = try Cancellation()
        guard levels != nil else { return child }
        children.withLock { $0.append(child) }
        // What was raised meanwhile has perhaps not met the child.
        child.raise(to: level)
        return child
    }

    /// Raises to at least this level and wakes whoever waits for it or for a lower one.
    package func raise(to wanted: Level) {
        guard let levels else { return }
        var seen = level
        while seen < wanted {
            let (exchanged, original) = current.compareExchange(
                expected: seen, desired: wanted, ordering: .acquiringAndReleasing)
            guard !exchanged else {
                if seen < .graceful { levels.graceful.wake() }
                if wanted == .abort { levels.abort.wake() }
                for child in children.withLock({ $0 }) { child.raise(to: wanted) }
                return
            }
            seen = original
        }
    }

    /// Readable once the level is at least `level`; -1, which `poll` ignores, for ``never``. Nobody reads from it.
    package func descriptor(for level: Level) -> CInt {
        guard let levels else { return -1 }
        return level == .abort ? levels.abort.descriptor.rawValue : levels.graceful.descriptor.rawValue
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
}
