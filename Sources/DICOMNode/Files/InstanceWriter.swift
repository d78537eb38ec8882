package import DICOM
import Glibc
package import System

/// Writes one instance as it arrives: whole and under its final name, or not at all.
///
/// The bytes go to a temporary file in the folder of the final one, which gets its name when all is there. Nothing is
/// opened before the first 64 KiB have come: they may hold what decides the folder, and a small instance is written in
/// one call.
package final class InstanceWriter {
    /// The treatment of a final name that is taken.
    package enum Existing: String, Sendable, CaseIterable {
        /// The file that is there stays, whatever it holds; one that holds nothing at all is no instance, and is replaced.
        case skip
        case overwrite
        /// The same bytes are kept once, others under a second name: nothing is lost and nothing is doubled.
        case rename
        case fail
    }

    package struct Outcome: Sendable, Equatable {
        package let path: FilePath
        package let kind: Kind
        /// From ``InstanceNaming/Name/remark``.
        package let remark: String?
        /// Bytes in the file.
        package let size: UInt64
        /// SHA-256 of the file, in hexadecimal; nil where nobody asked for it.
        package let digest: String?
        /// The UIDs that the data set has itself; nil if its beginning cannot be read.
        var dataSetUIDs: DataSetUIDs?

        struct DataSetUIDs: Sendable, Equatable {
            let sopClassUID: UID?
            let sopInstanceUID: UID?
        }

        /// The outcome without the UIDs of the data set.
        package init(path: FilePath, kind: Kind, remark: String?, size: UInt64, digest: String?) {
            self.path = path
            self.kind = kind
            self.remark = remark
            self.size = size
            self.digest = digest
        }

        package enum Kind: Sendable { case written, replaced, renamed, skipped }
    }

    private enum State {
        case buffering
        case open(OutputFile)
        case failed(FileProblem)
        case named(OutputFile)
        case finished
    }

    private let folder: OutputFolder
    private let naming: InstanceNaming
    private let metaInformation: FileMetaInformation
    private let headerLength: Int
    private let hashing: Bool
    private var buffer: [UInt8]
    private var size: UInt64 = 0
    private var name: InstanceNaming.Name?
    private var dataSetUIDs: Outcome.DataSetUIDs?
    private var state = State.buffering

    /// Holds most instances without pixels whole, and the attributes that patterns name of nearly all others.
    private static let bufferSize = 64 * 1024

    /// Beyond the elements of group 0008 up to the UIDs of the instance.
    private static let identifyingLength = 4 * 1024

    /// From here on a span is written from where it lies; copying shorter ones is cheaper than a call for each.
    private static let directSize = 16 * 1024

    /// - Parameter hashing: whether the outcome has the digest of the file.
    package init(
        in folder: OutputFolder, naming: InstanceNaming, metaInformation: FileMetaInformation, hashing: Bool = false
    ) {
        self.hashing = hashing
        self.folder = folder
        self.naming = naming
        self.metaInformation = metaInformation
        buffer = metaInformation.encode()
        headerLength = buffer.count
        buffer.reserveCapacity(Self.bufferSize)
    }

    deinit { discard() }

    /// Takes the next bytes of the data set.
    ///
    /// - Throws: `FileProblem` if the file cannot be made or written; after a failure every call throws it again.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileProblem) {
        try throwFailure()
        do throws(FileProblem) {
            size += UInt64(bytes.count)
            if bytes.count <= Self.bufferSize - buffer.count, bytes.count < Self.directSize || !isOpen {
                buffer.append(contentsOf: bytes)
            } else {
                let file = try openFile(with: bytes)
                try file.write(buffer, then: bytes)
                buffer.removeAll(keepingCapacity: true)
            }
        } catch {
            fail(error)
            throw error
        }
    }

    /// Gives the file its final name; afterwards it is there whatever happens to the program.
    ///
    /// - Parameters:
    ///   - isBroken: True to keep it aside: its name ends in `.broken`, and nothing that is there is replaced.
    ///   - requiresUIDs: True to refuse a data set without a SOP Class or SOP Instance UID.
    /// - Throws: `FileProblem` if the file cannot be written or named, its name is taken and `existing` says so, or a
    ///   required UID is missing.
    package func finish(
        existing: Existing, isBroken: Bool = false, requiresUIDs: Bool = false
    ) throws(FileProblem) -> Outcome {
        try throwFailure()
        do throws(FileProblem) {
            let file = try openFile(with: UnsafeRawBufferPointer(start: nil, count: 0))
            if requiresUIDs, let dataSetUIDs {
                guard dataSetUIDs.sopClassUID != nil else { throw FileProblem(file.path, .noSOPClassUID) }
                guard dataSetUIDs.sopInstanceUID != nil else { throw FileProblem(file.path, .noSOPInstanceUID) }
            }
            try file.write(buffer, then: UnsafeRawBufferPointer(start: nil, count: 0))
            if isBroken { file.markBroken() }
            let (path, kind) = try file.finish(existing: isBroken ? .rename : existing)
            state = .named(file)
            var outcome = Outcome(
                path: path, kind: kind, remark: name?.remark, size: size + UInt64(headerLength), digest: file.digest)
            outcome.dataSetUIDs = dataSetUIDs
            return outcome
        } catch {
            fail(error)
            throw error
        }
    }

    /// The path that is meant for the file.
    var intendedPath: FilePath {
        switch state {
        case .open(let file), .named(let file): return file.path
        case .buffering, .failed, .finished:
            let name =
                name
                ?? naming.name(
                    sopClassUID: metaInformation.mediaStorageSOPClassUID,
                    sopInstanceUID: metaInformation.mediaStorageSOPInstanceUID, attributes: DataSet())
            return name.components.reduce(folder.path) { path, component in path.appending(component) }
        }
    }

    /// Gives back what a finished file still holds, once nobody waits for that any more.
    package func close() {
        if case .named(let file) = state { file.close() }
        state = .finished
        buffer = []
    }

    /// Deletes what was written. Also happens when the writer's life ends before ``finish(existing:)``.
    package func discard() {
        if case .open(let file) = state { file.discard() }
        close()
    }

    private var isOpen: Bool {
        if case .open = state { true } else { false }
    }

    private func throwFailure() throws(FileProblem) {
        switch state {
        case .failed(let problem): throw problem
        case .named, .finished: throw FileProblem(folder.path, .notWritable, "the instance was finished or given up")
        case .buffering, .open: return
        }
    }

    private func fail(_ problem: FileProblem) {
        discard()
        state = .failed(problem)
    }

    /// Opens the file when it is needed first; by then the buffer and `more` hold the beginning of the data set, which is
    /// decoded as far as the name needs it, and for the UIDs of the instance.
    private func openFile(with more: UnsafeRawBufferPointer) throws(FileProblem) -> OutputFile {
        if case .open(let file) = state { return file }
        let last = max(naming.fields.last ?? .sopInstanceUID, .sopInstanceUID)
        let length = naming.fields.isEmpty ? Self.identifyingLength : Self.bufferSize
        var prefix = buffer.dropFirst(headerLength).prefix(length)
        prefix.append(contentsOf: more.prefix(max(0, length - prefix.count)))
        var attributes = DataSet()
        do throws(DataSetError) {
            attributes = try DataSetDecoder(metaInformation.transferSyntax).decodePrefix(prefix, through: last)
            dataSetUIDs = Outcome.DataSetUIDs(
                sopClassUID: attributes.uid(.sopClassUID), sopInstanceUID: attributes.uid(.sopInstanceUID))
        } catch {
            // The instance is named whatever its data set is like; its fields are then called "unknown".
        }
        let name = naming.name(
            sopClassUID: metaInformation.mediaStorageSOPClassUID,
            sopInstanceUID: metaInformation.mediaStorageSOPInstanceUID, attributes: attributes)
        self.name = name
        let file = try OutputFile(in: folder, components: name.components, hashing: hashing)
        state = .open(file)
        return file
    }
}
