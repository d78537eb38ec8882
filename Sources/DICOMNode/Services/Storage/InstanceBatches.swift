package import System

/// Finds the instances among files and directories, a batch at a time, so that sending begins long before a large tree
/// is walked.
package struct InstanceBatches: ~Copyable {
    /// A file that was found and is not an instance to send.
    package enum Note: Sendable {
        case passedOver(FilePath, FileScanner.Reason)
        /// A file met in a directory that is no DICOM instance: not asked for by name, so no failure.
        case notAnInstance(FileProblem)
        /// A requested file that cannot be sent.
        case problem(FileProblem)
    }

    /// Enough for an association's proposals to fit a whole tree of the usual kind; little memory.
    package static let maximumCount = 500
    /// The first file leaves within a fraction of a second however slow the disk is to tell of the others.
    private static let maximumSeconds = 0.1

    private var scanner: FileScanner
    private let cancellation: Cancellation

    /// - Parameter list: a descriptor from which further names are read while the work goes on.
    package init(_ given: [FilePath], recursive: Bool, list: CInt? = nil, cancellation: Cancellation = .never) {
        scanner = FileScanner(given, recursive: recursive, list: list)
        self.cancellation = cancellation
    }

    /// The next paths as the walk finds them, not looked into: for the account of what was not done.
    ///
    /// - Parameter isGivenUp: asked now and then; true ends the walk.
    package mutating func nextPath(unless isGivenUp: () -> Bool = { false }) -> FilePath? {
        // Files that were not sent are counted after a cancellation, too.
        while !isGivenUp(), let finding = scanner.next(until: .now, unless: isGivenUp) {
            if case .file(let path) = finding { return path }
        }
        return nil
    }

    /// The next instances; empty when everything was walked, or after a cancellation.
    package mutating func next(note: (Note) -> Void) -> [InstanceFile] {
        var batch: [InstanceFile] = []
        let deadline = Deadline.after(seconds: Self.maximumSeconds)
        while !scanner.isAtEnd, !cancellation.isRaised, batch.count < Self.maximumCount,
            batch.isEmpty || !deadline.isPast
        {
            let finding = scanner.next(
                until: batch.isEmpty ? .never : deadline, cancellation: cancellation,
                unless: { [cancellation] in cancellation.isRaised })
            switch finding {
            case nil: break
            case .problem(let problem)?: note(.problem(problem))
            case .passedOver(let path, let reason)?: note(.passedOver(path, reason))
            case .file(let path)?:
                do throws(FileProblem) {
                    let opened = try InstanceFile.open(path)
                    guard !opened.file.isMediaStorageDirectory else {
                        throw FileProblem(path, .mediaDirectory)
                    }
                    batch.append(opened.file)
                } catch {
                    let isNoInstance = [.notDICOM, .mediaDirectory, .empty].contains(error.code)
                    note(isNoInstance && !scanner.isNamed(path) ? .notAnInstance(error) : .problem(error))
                }
            }
        }
        return batch
    }
}
