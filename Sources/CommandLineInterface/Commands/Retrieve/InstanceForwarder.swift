import DICOM
import DICOMNode
import System

/// Takes over the instances of one retrieval, which do not stay here.
protocol InstanceForwarder: AnyObject, Sendable {
    /// Takes over an instance that is whole on disk, before its sender is told so. Several threads call it.
    func take(_ instance: ReceivedInstance, at path: FilePath, size: UInt64)
}

/// The files of instances that do not stay here: a folder of their own, and the room that they have in it.
final class InstanceBuffer: Sendable {
    let folder: PrivateFolder
    let budget: DiskBudget

    init(_ folder: PrivateFolder, limit: UInt64, cancellation: Cancellation) {
        self.folder = folder
        budget = DiskBudget(limit: limit, cancellation: cancellation)
    }

    /// Removes a file, whose room others may have.
    func remove(_ path: FilePath, size: UInt64) {
        FileDescriptor.remove(path)
        budget.giveBack(size)
    }
}
