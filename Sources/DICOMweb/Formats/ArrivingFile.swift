import DICOM
import DICOMNode

/// A file of PS3.10 that arrives in pieces: becomes an instance as soon as its beginning shows which one it is.
final class ArrivingFile {
    /// The reason why it becomes none.
    enum Problem {
        case notDICOM(String)
        /// Its data set belongs to another study than the one that was named.
        case otherStudy
        /// Its data set belongs to no study: nobody would find it.
        case noStudy
        /// A UID has more characters than any can have, and is not kept.
        case longUID
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
    private static let longestHeader = 256 << 10
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
        // Not beyond the length at which it is given up.
        nextLook = count < Self.longestHeader ? min(count * 2, Self.longestHeader) : count * 2
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
            var isKnown = false
            do throws(DataSetError) {
                let last: Tag = .studyInstanceUID
                let decoder = DataSetDecoder(meta.transferSyntax, limits: .beginning)
                let found = try decoder.decodeBeginning(dataSet, through: last)
                guard found.isComplete || !mayWait else { return }
                attributes = found.dataSet
                // What has no SOP Instance UID either may be in another syntax as well.
                isKnown = (found.isComplete || isAll) && found.dataSet.uid(.sopInstanceUID) != nil
            } catch {
                // It may be in another syntax than it says; the file that is made of it will tell.
                attributes = DataSet()
            }
            begin(meta, attributes, isKnown: isKnown, dataSet)
        } catch {
            guard isAll || error.code != .truncated || bytes.count >= Self.longestHeader else { return }
            problem = .notDICOM(error.description)
            beginning = nil
        }
    }

    /// - Parameter isKnown: true if the attributes are all that there are up to the study.
    private func begin(
        _ meta: FileMetaInformation, _ attributes: DataSet, isKnown: Bool, _ dataSet: ArraySlice<UInt8>
    ) {
        beginning = nil
        // The UIDs of the data set are those by which it is found.
        let sopClass = attributes.uid(.sopClassUID) ?? meta.mediaStorageSOPClassUID
        let sopInstance = attributes.uid(.sopInstanceUID) ?? meta.mediaStorageSOPInstanceUID
        let ofDataSet = attributes.uid(.studyInstanceUID).flatMap { $0.string.isEmpty ? nil : $0 }
        guard [sopClass, sopInstance, ofDataSet ?? ""].allSatisfy({ $0.string.utf8.count <= UID.maximumLength }) else {
            return problem = .longUID
        }
        (sopClassUID, sopInstanceUID, studyInstanceUID) = (sopClass, sopInstance, ofDataSet)
        guard study == nil || study == studyInstanceUID else { return problem = .otherStudy }
        guard studyInstanceUID != nil || !isKnown else { return problem = .noStudy }
        guard let receiver else { return }
        let begun = IncomingInstance(
            sopClassUID: sopClassUID, sopInstanceUID: sopInstanceUID, transferSyntax: meta.transferSyntax, sender: nil,
            moveOriginatorMessageID: nil, for: receiver)
        dataSet.withUnsafeBytes { begun.write($0) }
        incoming = begun
    }
}
