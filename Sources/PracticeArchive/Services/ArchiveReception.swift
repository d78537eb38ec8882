import DICOM
import DICOMNode
import System

/// The way of an instance into the archive, whatever it came by: its file, the index, a line of the log.
struct ArchiveReception: Sendable {
    private let archive: ArchiveService
    private let folder: OutputFolder

    init(_ archive: ArchiveService, folder: OutputFolder) {
        self.archive = archive
        self.folder = folder
    }

    /// The receiver of a peer's instances.
    ///
    /// - Parameter service: by which they come, for the log.
    func receiver(from peer: String, by service: String) -> InstanceReceiver {
        var receiver = InstanceReceiver(folder: folder, naming: .standard, existing: .rename) { [archive] instance in
            Self.record(instance, from: peer, by: service, into: archive)
        }
        receiver.requiresUIDs = true
        return receiver
    }

    private static func record(
        _ instance: ReceivedInstance, from peer: String, by service: String, into archive: ArchiveService
    ) {
        let name = UIDRegistry.name(of: instance.sopClassUID) ?? instance.sopClassUID.string
        let what = "\(service) \(name) \(instance.sopInstanceUID)"
        for remark in instance.remarks {
            archive.report(ArchiveEvent(peer: peer, "\(what): \(remark)", isTrouble: true))
        }
        switch instance.outcome {
        case .stored(let outcome)
        where outcome.kind == .skipped && archive.index.holds(outcome.path, instance.sopInstanceUID):
            // Others may be reading it: an equal instance stays where it is.
            archive.report(ArchiveEvent(peer: peer, "\(what): stored before, and equal"))
        case .stored(let outcome):
            do throws(FileProblem) {
                try archive.index.add(stored: outcome.path)
                archive.report(
                    ArchiveEvent(peer: peer, "\(what): stored, \(instance.transferSyntax), \(instance.length) bytes"))
            } catch {
                archive.report(ArchiveEvent(peer: peer, "\(what): stored, but \(error.description)", isTrouble: true))
            }
        case .failed(let problem):
            archive.report(ArchiveEvent(peer: peer, "\(what): \(problem.description)", isTrouble: true))
        case .cutOff:
            archive.report(ArchiveEvent(peer: peer, "\(what): cut off, not stored", isTrouble: true))
        }
    }
}
