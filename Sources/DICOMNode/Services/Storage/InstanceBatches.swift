/// Finds the instances among files and directories, a batch at a time, so that sending begins long before a large tree is walked.
package struct InstanceBatches: ~Copyable {
    /// What was found and is not an instance to send.
    package enum Note: Sendable {
        case passedOver(FilePath, FileScanner.Reason)
        /// A file met in a directory that is no DICOM instance: not asked for by name, so no failure.
        case notAnInstance(FileProblem)
        /// What was asked for and cannot be sent.
        case problem(FileProblem)
    }

    /// Enough for an association's proposals to fit a whole tree of the usual kind; little memory.
    package static let maximumCount = 500
    /// The first file leaves within a fraction of a second however slow the disk is to tell of the others.
    private static let maximumSeconds = 0.1

    private var scanner: FileScanner
    private let named: Set<FilePath>
    private var ended = false

    package init(_ given: [FilePath], recursive: Bool) {
        scanner = FileScanner(given, recursive: recursive)
        named = Set(given)
    }

    /// The next instances; empty when everything was walked.
    package mutating func next(note: (Note) -> Void) -> [InstanceFile] {
        var batch: [InstanceFile] = []
        let deadline = Deadline.after(seconds: Self.maximumSeconds)
        while !ended, batch.count < Self.maximumCount, batch.isEmpty || !deadline.isPast {
            switch scanner.next() {
            case nil: ended = true
            case .problem(let problem)?: note(.problem(problem))
            case .passedOver(let path, let reason)?: note(.passedOver(path, reason))
            case .file(let path)?:
                do throws(FileProblem) {
                    let opened = try InstanceFile.open(path)
                    guard !opened.file.isMediaStorageDirectory else {
                        throw FileProblem(path, .notDICOM, "a DICOMDIR lists instances and is none itself")
                    }
                    batch.append(opened.file)
                } catch {
                    note(error.code == .notDICOM && !named.contains(path) ? .notAnInstance(error) : .problem(error))
                }
            }
        }
        return batch
    }
}
