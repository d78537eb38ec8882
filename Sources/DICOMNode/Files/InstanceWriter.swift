package import DICOM
import Glibc
package import System

/// The entities that a data set says it belongs to, and its modality; nil where it does not say.
package struct InstanceIdentity: Sendable, Equatable {
    package var patientID: String?
    package var studyInstanceUID: UID?
    package var seriesInstanceUID: UID?
    package var modality: String?

    package init(patientID: String? = nil, studyInstanceUID: UID? = nil, seriesInstanceUID: UID? = nil) {
        self.patientID = patientID
        self.studyInstanceUID = studyInstanceUID
        self.seriesInstanceUID = seriesInstanceUID
    }

    static let attributes: [Tag] = [.modality, .patientID, .studyInstanceUID, .seriesInstanceUID]

    /// - Parameter attributes: those of the data set that ``attributes`` names, at least.
    init(of attributes: DataSet) {
        patientID = attributes.string(.patientID)
        studyInstanceUID = attributes.uid(.studyInstanceUID)
        seriesInstanceUID = attributes.uid(.seriesInstanceUID)
        modality = attributes.string(.modality)
    }
}

/// Writes one instance as it arrives: whole and under its final name, or not at all.
///
/// The bytes go to a temporary file in the folder of the final one, which gets its name when all is there. Nothing is
/// opened before the first 64 KiB have come: they show how the data set is encoded, they may hold what decides the
/// folder, and a small instance is written in one call.
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

    /// An object, as it is handed to many that each look at a part of it.
    package final class Outcome: Sendable {
        package let path: FilePath
        package let kind: Kind
        /// From ``InstanceNaming/Name/remark``.
        package let remark: String?
        /// Bytes in the file.
        package let size: UInt64
        /// SHA-256 of the file; nil where nobody asked for it.
        package let digest: PendingDigest?
        /// The UIDs that the data set has itself; nil if its beginning cannot be read.
        let dataSetUIDs: DataSetUIDs?
        /// The entities that the data set says it belongs to, where that was asked.
        package let identity: InstanceIdentity
        /// True if the file was put aside, as nobody wanted it.
        package let isUnexpected: Bool

        package struct DataSetUIDs: Sendable, Equatable {
            let sopClassUID: UID?
            let sopInstanceUID: UID?
        }

        package init(
            path: FilePath, kind: Kind, remark: String? = nil, size: UInt64, digest: PendingDigest? = nil,
            dataSetUIDs: DataSetUIDs? = nil, identity: InstanceIdentity = InstanceIdentity(), isUnexpected: Bool = false
        ) {
            self.path = path
            self.kind = kind
            self.remark = remark
            self.size = size
            self.digest = digest
            self.dataSetUIDs = dataSetUIDs
            self.identity = identity
            self.isUnexpected = isUnexpected
        }

        package enum Kind: Sendable { case written, replaced, renamed, skipped }
    }

    /// The treatment of bytes that are no data set.
    package enum Checking: Sendable {
        /// They are ours, and written as they are.
        case none
        /// They are a peer's: their structure is walked, and what is cut off or makes no sense gets no name.
        case refusing
        /// The same, but all that comes is written, so that ``keepBroken()`` can name it.
        case keeping
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
    private var metaInformation: FileMetaInformation
    private var headerLength: Int
    private let digests: FileDigests?
    private let checking: Checking
    private let isWanted: ((InstanceIdentity) -> Bool)?
    private var check: DataSetCheck?
    /// What is not yet written, the header first.
    private var buffer: [UInt8]
    private var isHeaderWritten = false
    /// The bytes of the data set that arrived.
    private(set) var dataSetLength: UInt64 = 0
    /// The encoding of the data set, once it is known.
    private(set) var encoding = ReceivedDataSet.undecided
    /// The reason why the bytes are not a whole data set.
    private var flaw: FileProblem?
    private var name: InstanceNaming.Name?
    /// Of the path below the output folder, once the file is open.
    private var components: [[UInt8]] = []
    private var dataSetUIDs: Outcome.DataSetUIDs?
    private var identity = InstanceIdentity()
    private var isUnexpected = false
    private var state = State.buffering

    /// The folder, below the output folder, of instances that nobody wanted.
    package static let unexpectedFolder = "unexpected"

    /// Holds most instances without pixels whole, and the attributes that patterns name of nearly all others.
    private static let bufferSize = 64 * 1024

    /// In most data sets beyond the UIDs of series and study, and so beyond what is asked of nearly all: more is looked at where these
    /// bytes do not reach as far.
    private static let identifyingLength = 4 * 1024

    /// What the beginning of a deflated data set inflates to is in memory for one instance at a time.
    private static let inflating = Locked(())

    /// From here on a span is written from where it lies; copying shorter ones is cheaper than a call for each. libcurl hands on 16 KB
    /// at a time.
    private static let directSize = 24 * 1024
    /// The same where several are written with one call, such as those of PDUs of 16 KB.
    private static let directSizeOfPutOff = 4 * 1024

    /// - Parameters:
    ///   - metaInformation: of the file; the transfer syntax is corrected if a checked data set is in another one.
    ///   - digests: make that of the file, which the outcome has then.
    ///   - isWanted: asked once whether the instance belongs to what was asked for; one that does not is put aside, where
    ///     it replaces nothing. Nil: everything is wanted.
    package init(
        in folder: OutputFolder, naming: InstanceNaming, metaInformation: consuming FileMetaInformation,
        digests: FileDigests? = nil,
        checking: Checking = .none, isWanted: ((InstanceIdentity) -> Bool)? = nil
    ) {
        self.digests = digests
        self.checking = checking
        self.isWanted = isWanted
        self.folder = folder
        self.naming = naming
        buffer = []
        buffer.reserveCapacity(Self.bufferSize)
        metaInformation.encode(into: &buffer)
        headerLength = buffer.count
        self.metaInformation = metaInformation
    }

    deinit { discard() }

    /// Takes the next bytes of the data set.
    ///
    /// - Parameters:
    ///   - isFlushing: True to write what is buffered, too, however little it is.
    ///   - mayBePutOff: True if the bytes stay valid until ``flush()``: what comes until then is written with one call.
    /// - Throws: `FileProblem` if the file cannot be made or written, or the bytes are no data set; after a failure every
    ///   call throws it again.
    package func write(
        _ bytes: UnsafeRawBufferPointer, isFlushing: Bool = false, mayBePutOff: Bool = false
    ) throws(FileProblem) {
        dataSetLength += UInt64(bytes.count)
        try throwFailure()
        do throws(FileProblem) {
            let fits = !isFlushing && bytes.count <= Self.bufferSize - buffer.count
            if fits, !isOpen { return buffer.append(contentsOf: bytes) }
            let (file, offset) = try openFile(with: bytes)
            let data = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let direct = mayBePutOff ? Self.directSizeOfPutOff : Self.directSize
            if fits, data.count < direct { return buffer.append(contentsOf: data) }
            if flaw == nil {
                let buffered = buffer
                do throws(DataSetError) {
                    try check?.consume(buffered.span.bytes.extracting((isHeaderWritten ? 0 : headerLength)...))
                    try check?.consume(data.bytes)
                } catch {
                    try found(error)
                }
            }
            let target = try adoptNativePixels(file)
            try target.write(buffer, then: data, mayBePutOff: mayBePutOff)
            isHeaderWritten = true
            buffer.removeAll(keepingCapacity: true)
        } catch {
            fail(error)
            throw error
        }
    }

    /// Writes what was put off.
    ///
    /// - Throws: as ``write(_:isFlushing:mayBePutOff:)`` does.
    func flush() throws(FileProblem) {
        guard case .open(let file) = state else { return }
        do throws(FileProblem) {
            try file.flush()
        } catch {
            fail(error)
            throw error
        }
    }

    /// Gives the file its final name; afterwards it is there whatever happens to the program.
    ///
    /// - Parameters:
    ///   - existing: asked once it is known where the instance belongs, and all of it is written.
    ///   - requiresUIDs: True to refuse a data set without a SOP Class or SOP Instance UID.
    /// - Throws: `FileProblem` if the file cannot be written or named, its name is taken and `existing` says so, the data
    ///   set is not whole, or a required UID is missing.
    package func finish(
        existing: @autoclosure () -> Existing, requiresUIDs: Bool = false
    ) throws(FileProblem) -> Outcome {
        try throwFailure()
        do throws(FileProblem) {
            // A file that holds only File Meta Information would look like a received image.
            guard checking == .none || dataSetLength > 0 else {
                throw FileProblem(folder.path, .empty, "its data set has no bytes")
            }
            try write(UnsafeRawBufferPointer(start: nil, count: 0), isFlushing: true)
            if flaw == nil { do throws(DataSetError) { try check?.finish() } catch { try found(error) } }
            if let flaw { throw flaw }
            guard case .open(let file) = state else { throw FileProblem(folder.path, .notWritable) }
            if requiresUIDs, let dataSetUIDs {
                guard dataSetUIDs.sopClassUID != nil else { throw FileProblem(file.path, .noSOPClassUID) }
                guard dataSetUIDs.sopInstanceUID != nil else { throw FileProblem(file.path, .noSOPInstanceUID) }
            }
            let (path, kind) = try file.finish(existing: isUnexpected ? .rename : existing())
            state = .named(file)
            return Outcome(
                path: path, kind: kind, remark: name?.remark, size: dataSetLength + UInt64(headerLength),
                digest: file.digest, dataSetUIDs: dataSetUIDs, identity: identity, isUnexpected: isUnexpected)
        } catch {
            if flaw == nil || checking != .keeping { fail(error) }
            throw error
        }
    }

    /// Keeps a data set aside that is not whole, if that is wanted: its name ends in `.broken`, and nothing that is there is
    /// replaced. Returns nil where nothing is kept.
    func keepBroken() -> FilePath? {
        guard checking == .keeping, dataSetLength > 0 else { return nil }
        do throws(FileProblem) {
            try write(UnsafeRawBufferPointer(start: nil, count: 0), isFlushing: true)
            guard case .open(let file) = state else { return nil }
            file.markBroken()
            let (path, _) = try file.finish(existing: .rename)
            state = .named(file)
            return path
        } catch {
            return nil
        }
    }

    /// Lets the file name the native syntax if its Pixel Data turn out not to be the fragments that its syntax has. What is
    /// written already goes behind the new header, in a file that takes the place of this one: headers differ in length.
    ///
    /// - Returns: the file to write to.
    private func adoptNativePixels(_ file: OutputFile) throws(FileProblem) -> OutputFile {
        guard check?.hasNativePixelData == true, check?.isEncapsulated == true,
            metaInformation.transferSyntax.isEncapsulated,
            // A private syntax may have its pixels as it likes.
            UIDRegistry.name(of: metaInformation.transferSyntax.uid) != nil
        else { return file }
        encoding = encoding.inSyntax(.explicitVRLittleEndian)
        metaInformation.transferSyntax = .explicitVRLittleEndian
        let header = metaInformation.encode()
        let former = headerLength
        headerLength = header.count
        guard isHeaderWritten else {
            buffer.replaceSubrange(..<former, with: header)
            return file
        }
        let other = try OutputFile(in: folder, components: components, digests: digests)
        do throws(FileProblem) { try other.write(header, thenContentOf: file, from: former) } catch {
            other.discard()
            throw error
        }
        file.discard()
        state = .open(other)
        return other
    }

    private func found(_ error: DataSetError) throws(FileProblem) {
        let isCut = error.code == .truncated || error.code == .lengthBeyondEnd
        let problem = FileProblem(intendedPath, isCut ? .truncated : .malformed, error.description)
        flaw = flaw ?? problem
        guard checking == .keeping else { throw problem }
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

    /// Opens the file when it is needed first; by then the buffer and `more` hold the beginning of the data set. It shows
    /// how the data set is encoded, and is decoded as far as the name needs it, and for the UIDs of the instance.
    ///
    /// - Returns: the file, and the number of bytes of `more` that do not belong to the data set.
    private func openFile(with more: UnsafeRawBufferPointer) throws(FileProblem) -> (OutputFile, offset: Int) {
        if case .open(let file) = state { return (file, 0) }
        var beginning = beginning(with: more, Self.identifyingLength)
        var offset = 0
        if checking != .none {
            encoding = ReceivedDataSet(beginning, agreed: metaInformation.transferSyntax, isAll: false)
            if case .undecided = encoding {
                beginning = self.beginning(with: more, Self.bufferSize)
                encoding = ReceivedDataSet(beginning, agreed: metaInformation.transferSyntax, isAll: true)
            }
            offset = adoptEncoding()
            beginning = beginning.dropFirst(offset)
            check = DataSetCheck(metaInformation.transferSyntax)
        }
        var attributes = DataSet()
        do throws(DataSetError) {
            let needed: Tag = isWanted == nil ? .sopInstanceUID : .seriesInstanceUID
            let last = max(naming.fields.last ?? needed, needed)
            var found = try decode(beginning, through: last)
            if !found.isComplete {
                let longer = self.beginning(with: more, Self.bufferSize).dropFirst(offset)
                if longer.count > beginning.count { found = try decode(longer, through: last) }
            }
            attributes = found.dataSet
            if let walked = found.walked { check?.pass(walked) }
            dataSetUIDs = Outcome.DataSetUIDs(
                sopClassUID: attributes.uid(.sopClassUID), sopInstanceUID: attributes.uid(.sopInstanceUID))
        } catch {
            // The instance is named whatever its data set is like; its fields are then called "unknown".
        }
        let name = naming.name(
            sopClassUID: metaInformation.mediaStorageSOPClassUID,
            sopInstanceUID: metaInformation.mediaStorageSOPInstanceUID, attributes: attributes)
        self.name = name
        if let isWanted {
            let identity = InstanceIdentity(of: attributes)
            isUnexpected = !isWanted(identity)
            self.identity = identity
        }
        components = isUnexpected ? [Array(Self.unexpectedFolder.utf8)] + name.components : name.components
        let file = try OutputFile(in: folder, components: components, digests: digests)
        state = .open(file)
        // Of what stands before the data set, if anything does, the buffer has the first bytes.
        let buffered = min(offset, buffer.count - headerLength)
        // Where there is nothing to remove, the buffer would be copied all the same, since its beginning is looked at.
        if buffered > 0 { buffer.removeSubrange(headerLength..<(headerLength + buffered)) }
        dataSetLength -= UInt64(offset)
        return (file, offset - buffered)
    }

    private func decode(
        _ beginning: ArraySlice<UInt8>, through last: Tag
    ) throws(DataSetError) -> DataSetBeginning {
        let decoder = DataSetDecoder(metaInformation.transferSyntax, limits: .beginning)
        guard metaInformation.transferSyntax.isDeflated else {
            return try decoder.decodeBeginning(beginning, through: last, only: naming.attributes)
        }
        return try Self.inflating.withLock { _ throws(DataSetError) in
            try decoder.decodeBeginning(beginning, through: last, only: naming.attributes)
        }
    }

    /// The first bytes of what has come, at most `length` of them.
    private func beginning(with more: UnsafeRawBufferPointer, _ length: Int) -> ArraySlice<UInt8> {
        let buffered = buffer.dropFirst(headerLength).prefix(length)
        // Not copied where the buffer has all.
        guard buffered.count < length, !more.isEmpty else { return buffered }
        var beginning = Array(buffered)
        beginning.append(contentsOf: more.prefix(length - buffered.count))
        return beginning[...]
    }

    /// Lets the header name the encoding that was found; returns the number of bytes before the data set.
    private func adoptEncoding() -> Int {
        let (syntax, offset): (TransferSyntax, Int)
        switch encoding {
        case .undecided, .asAgreed: return 0
        case .other(let found): (syntax, offset) = (found, 0)
        case .file(let found, let dataSetOffset): (syntax, offset) = (found, dataSetOffset)
        }
        metaInformation.transferSyntax = syntax
        let header = metaInformation.encode()
        buffer.replaceSubrange(..<headerLength, with: header)
        headerLength = header.count
        return offset
    }
}
