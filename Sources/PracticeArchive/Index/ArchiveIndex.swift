package import DICOM
package import DICOMNode
package import System

/// The index of the archive: in memory, made of the files at the start, and kept up to date with each instance that is stored.
package final class ArchiveIndex: Sendable {
    private let state = Locked(ArchiveContents())

    package init() {}

    /// A moment of the archive to work on.
    var contents: ArchiveContents { state.withLock { $0 } }

    package var instanceCount: Int { state.withLock { $0.instances.count } }
    package var studyCount: Int { state.withLock { $0.studies.count } }

    package func add(_ instance: StoredInstance) { state.withLock { $0.add(instance) } }

    /// The instance of a UID; for whoever compares what was sent with what is held.
    package func instance(_ uid: UID) -> StoredInstance? { state.withLock { $0.instances[uid] } }

    /// Takes in every instance below a folder.
    ///
    /// - Parameter problem: told of files that look like DICOM and cannot be used; others are passed over.
    package func rebuild(from folder: FilePath, problem: (FileProblem) -> Void) {
        var scanner = FileScanner([folder], recursive: true)
        while let finding = scanner.next() {
            switch finding {
            case .passedOver: continue
            case .problem(let found): problem(found)
            case .file(let path):
                do throws(FileProblem) {
                    let instance = try StoredInstance.read(path)
                    if !instance.file.isMediaStorageDirectory { add(instance) }
                } catch {
                    if error.code != .notDICOM, error.code != .empty { problem(error) }
                }
            }
        }
    }
}

extension ArchiveIndex {
    /// The series that an instance belongs to.
    package func seriesInstanceUID(of instance: UID) -> UID? { self.instance(instance)?.seriesInstanceUID }
}
