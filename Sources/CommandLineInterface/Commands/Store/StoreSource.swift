import DICOM
import DICOMNode
import Glibc
import System

/// The instances to be stored, batch by batch, without those that need not be sent.
struct StoreSource: ~Copyable {
    private static let neverSent = "it was not sent: the server had an instance of its UID before"

    private let summary: StoreSummary
    private let completed: CompletedInstances?
    private let existing: ExistingInstances?
    private var batches: InstanceBatches

    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ summary: StoreSummary,
        _ completed: CompletedInstances?, cancellation: Cancellation
    ) {
        self.summary = summary
        self.completed = completed
        existing = options.skipsExisting ? ExistingInstances(network, priority: options.priority) : nil
        batches = InstanceBatches(
            options.input.given, recursive: options.input.isRecursive,
            list: options.input.readsNames ? STDIN_FILENO : nil, cancellation: cancellation)
    }

    /// The next instances to send; nil when there are no more.
    mutating func next() -> [InstanceFile]? {
        while true {
            var batch = batches.next(note: { [summary] in summary.record($0) })
            if batch.isEmpty {
                existing?.finish()
                return nil
            }
            if let completed {
                batch.removeAll { file in
                    guard let before = completed[file] else { return false }
                    summary.recordSkipped(
                        file, why: "stored before, according to the journal", isInJournal: true,
                        doubt: Self.doubt(before))
                    return true
                }
            }
            if let existing, !batch.isEmpty {
                let held = existing.held(of: batch)
                batch.removeAll { file in
                    guard held.contains(file.sopInstanceUID) else { return false }
                    summary.recordSkipped(file, why: "the server has it", isInJournal: false, doubt: Self.neverSent)
                    return true
                }
            }
            guard !batch.isEmpty else { continue }
            summary.warn(ofUIDsIn: batch)
            return batch
        }
    }

    /// Ends what the server was asked by, until it is asked again.
    func rest() { existing?.finish() }

    private static func doubt(_ completion: CompletedInstances.Completion) -> String? {
        switch completion {
        case .wasSent: nil
        case .wasSentWithWarning: "the server has stored it with a warning"
        case .wasThere: neverSent
        }
    }

    /// The time, in seconds, that a run which is to end walks through the rest.
    private static let longestWalk = 1.0

    /// Records all that was not even read, once the run is over. Returns false if it was given up: a person who wants the
    /// run to end does not wait for folders that are large or slow.
    mutating func recordRest(unless cancellation: Cancellation) -> Bool {
        var deadline: Deadline?
        var isGivenUp = false
        let check = {
            if cancellation.isRaised, deadline == nil { deadline = .after(seconds: Self.longestWalk) }
            isGivenUp = isGivenUp || cancellation.level >= .abort || deadline?.isPast == true
            return isGivenUp
        }
        while let path = batches.nextPath(unless: check) { summary.recordUnread(path) }
        return !isGivenUp
    }
}

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
            _ = try PosixThread(name: "count") { [self] in
                var scanner = FileScanner(paths, recursive: recursive)
                let isStopped = { self.state.withLock { $0.isStopped } }
                while let finding = scanner.next(unless: isStopped), !isStopped() {
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
