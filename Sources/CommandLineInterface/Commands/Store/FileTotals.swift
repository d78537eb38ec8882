import DICOMNode
import System

/// Counts, on a thread of its own, the files that are to be sent: for the time that is left. Only for a person who watches.
final class FileTotals: Sendable {
    private struct State {
        var count = 0
        var bytes: UInt64 = 0
        var isComplete = false
        var isStopped = false
    }

    private let state = Locked(State())

    init(_ paths: [FilePath], recursive: Bool) {
        do throws(SystemError) {
            _ = try PosixThread(name: "count") { [state] in
                var scanner = FileScanner(paths, recursive: recursive)
                while let finding = scanner.next(), !state.withLock({ $0.isStopped }) {
                    guard case .file(let path) = finding else { continue }
                    let size = path.fileSize ?? 0
                    state.withLock { state in
                        state.count += 1
                        state.bytes += size
                    }
                }
                state.withLock { $0.isComplete = true }
            }
        } catch {
            // Without it there is no time left to show; the work is the same.
        }
    }

    func stop() { state.withLock { $0.isStopped = true } }

    /// Nil until all were counted.
    var known: (Int, UInt64)? { state.withLock { $0.isComplete ? ($0.count, $0.bytes) : nil } }
}
