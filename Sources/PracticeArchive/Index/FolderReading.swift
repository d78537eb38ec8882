import DICOMNode
import Glibc
import System

/// Reads the files in a folder by several threads. What they hold comes in the order of the names, whoever reads them.
enum FolderReading {
    enum Finding: Sendable {
        /// - isRecorded: True if the index file has told it.
        case instance(ArchivedInstance, isRecorded: Bool)
        case problem(FileProblem)
    }

    /// Reads one file, of which there may be a record; nil if there is nothing to say of it.
    typealias Reader = (FilePath, IndexRecord?) -> Finding?

    /// The files that a thread takes at once: those of a series or two, which it reads one after the other.
    private static let ofPiece = 64

    private enum Task: Sendable {
        case file(FilePath, IndexRecord?)
        case problem(FileProblem)
    }

    /// Reads all files below a folder, until the cancellation is raised.
    ///
    /// - Parameters:
    ///   - record: called for each file in the order of the walk, on the thread of the caller.
    ///   - makeReader: called by each thread for each piece of its work.
    ///   - body: called on the thread of the caller.
    static func read(
        _ folder: FilePath, unless cancellation: Cancellation, record: (FilePath) -> IndexRecord?,
        by makeReader: @escaping @Sendable () -> Reader, _ body: (Finding) -> Void
    ) {
        // Links could lead out of the folder, to what nobody meant to serve.
        var scanner = FileScanner([folder], recursive: true, followsLinks: false)
        let first = nextPiece(of: &scanner, cancellation, record)
        let second = nextPiece(of: &scanner, cancellation, record)
        guard !second.isEmpty else { return findings(in: first, makeReader, cancellation).forEach(body) }
        let work = Work()
        var threads: WorkerThreads?
        do throws(SystemError) {
            threads = try WorkerThreads(count: threadCount, name: "read") { _ in
                while let (number, piece) = work.take() {
                    work.finish(number, findings(in: piece, makeReader, cancellation))
                }
            }
        } catch {
            // All by ourselves.
        }
        defer {
            work.close()
            threads?.join()
        }
        var (began, ended) = (0, 0)
        var next = [first, second]
        while true {
            if next.isEmpty { next = [nextPiece(of: &scanner, cancellation, record)].filter { !$0.isEmpty } }
            if let threads {
                // Each thread has the next piece at hand when it has done with one.
                if !next.isEmpty, began - ended < 3 * threads.count {
                    work.begin(began, next.removeFirst())
                    began += 1
                } else if ended < began {
                    work.findings(ended).forEach(body)
                    ended += 1
                } else {
                    return
                }
            } else {
                guard !next.isEmpty else { return }
                findings(in: next.removeFirst(), makeReader, cancellation).forEach(body)
            }
        }
    }

    /// Enough for a disk that answers late; those who find everything in memory need one for each core.
    private static var threadCount: Int { min(max(4, MachineState.processors), 8) }

    private static func nextPiece(
        of scanner: inout FileScanner, _ cancellation: Cancellation, _ record: (FilePath) -> IndexRecord?
    ) -> [Task] {
        var piece: [Task] = []
        while piece.count < ofPiece, !cancellation.isRaised,
            let finding = scanner.next(unless: { cancellation.isRaised })
        {
            switch finding {
            case .file(let path): piece.append(.file(path, record(path)))
            case .problem(let found): piece.append(.problem(found))
            case .passedOver(let path, .link):
                piece.append(.problem(FileProblem(path, .notAFile, FileScanner.Reason.link.rawValue)))
            case .passedOver: continue
            }
        }
        return piece
    }

    private static func findings(
        in piece: [Task], _ makeReader: () -> Reader, _ cancellation: Cancellation
    ) -> [Finding] {
        let read = makeReader()
        return piece.compactMap { task in
            guard !cancellation.isRaised else { return nil }
            return switch task {
            case .file(let path, let record): read(path, record)
            case .problem(let found): .problem(found)
            }
        }
    }

    /// The pieces on their way through the threads, by their numbers.
    private final class Work: Sendable {
        private struct State {
            var waiting: [(number: Int, piece: [Task])] = []
            var done: [Int: [Finding]] = [:]
            var isClosed = false
        }

        private let state = ConditionLock(State())

        func begin(_ number: Int, _ piece: [Task]) {
            state.withLock { $0.waiting.append((number, piece)) }
        }

        /// Waits for a piece; nil when none will come any more.
        func take() -> (number: Int, piece: [Task])? {
            state.withLock(when: { $0.isClosed || !$0.waiting.isEmpty }) { state in
                state.isClosed ? nil : state.waiting.removeFirst()
            }
        }

        func finish(_ number: Int, _ findings: [Finding]) {
            state.withLock { $0.done[number] = findings }
        }

        /// Waits for the findings of a piece that was begun.
        func findings(_ number: Int) -> [Finding] {
            state.withLock(when: { $0.done[number] != nil }) { $0.done.removeValue(forKey: number) ?? [] }
        }

        func close() { state.withLock { $0.isClosed = true } }
    }
}
