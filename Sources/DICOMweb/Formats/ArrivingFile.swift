import DICOM
import DICOMNode

/// A file of PS3.10 that arrives in pieces: becomes an instance as soon as its beginning shows which one it is.
final class ArrivingFile {
    /// The reason why it becomes none.
    enum Problem {
        case notDICOM(String)
        /// Its data set belongs to another study than the one that was named.
        case otherStudy
    }

    private let receiver: InstanceReceiver?
    private let study: UID?
    private(set) var problem: Problem?
    /// Empty until the beginning has told.
    private(set) var sopClassUID = UID("")
    private(set) var sopInstanceUID = UID("")
    private(set) var studyInstanceUID: UID?
    private(set) var incoming: IncomingInstance?
    /// The first bytes, until they are enough; nil afterwards.
    private var beginning: [UInt8]? = []
    /// The length of ``beginning`` at which it is looked into again.
    private var nextLook = 1024

    /// File meta information may hold private information of any length; beyond this it is none.
    private static let longestHeader = 4 << 20
    /// The UIDs stand in the beginning of a data set, or are not looked for any more.
    private static let longestBeginning = 64 << 10

    /// - Parameters:
    ///   - receiver: where the instance goes; nil to find out only which one it is.
    ///   - study: the study that it has to belong to; nil for any.
    init(for receiver: InstanceReceiver?, study: UID?) {
        self.receiver = receiver
        self.study = study
    }

    func write(_ bytes: UnsafeRawBufferPointer) {
        guard beginning != nil else { return incoming?.write(bytes) ?? () }
        beginning?.append(contentsOf: bytes)
        guard let count = beginning?.count, count >= nextLook else { return }
        nextLook = count * 2
        look(isAll: false)
    }

    /// No more bytes come. What has become an instance is still to be finished.
    func end() {
        if beginning != nil { look(isAll: true) }
    }

    private func look(isAll: Bool) {
        guard let bytes = beginning else { return }
        do throws(DataSetError) {
            let (meta, offset) = try FileMetaInformation.decode(bytes[...])
            let dataSet = bytes[offset...]
            let mayWait = !isAll && dataSet.count < Self.longestBeginning
            guard !mayWait || !dataSet.isEmpty else { return }
            let attributes: DataSet
            do throws(DataSetError) {
                let last: Tag = .studyInstanceUID
                let (found, isComplete) = try DataSetDecoder(meta.transferSyntax, limits: .beginning).decodeBeginning(
                    dataSet, through: last)
                guard isComplete || !mayWait else { return }
                attributes = found
            } catch {
                // It may be in another syntax than it says; the file that is made of it will tell.
                attributes = DataSet()
            }
            begin(meta, attributes, dataSet)
        } catch {
            guard isAll || error.code != .truncated || bytes.count > Self.longestHeader else { return }
            problem = .notDICOM(error.description)
            beginning = nil
        }
    }

    private func begin(_ meta: FileMetaInformation, _ attributes: DataSet, _ dataSet: ArraySlice<UInt8>) {
        beginning = nil
        // The UIDs of the data set are those by which it is found.
        sopClassUID = attributes.uid(.sopClassUID) ?? meta.mediaStorageSOPClassUID
        sopInstanceUID = attributes.uid(.sopInstanceUID) ?? meta.mediaStorageSOPInstanceUID
        studyInstanceUID = attributes.uid(.studyInstanceUID)
        guard study == nil || study == studyInstanceUID else { return problem = .otherStudy }
        guard let receiver else { return }
        let begun = IncomingInstance(
            sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID, transferSyntax: meta.transferSyntax, sender: nil,
            moveOriginatorMessageID: nil, for: receiver)
        dataSet.withUnsafeBytes { begun.write($0) }
        incoming = begun
    }
}
