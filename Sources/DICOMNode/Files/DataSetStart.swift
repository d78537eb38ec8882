import DICOM

/// Where the data set of a file begins and how it is encoded, by the first bytes of the file.
struct DataSetStart {
    let form: InstanceFile.Form
    /// In bytes from the beginning of the file.
    let offset: Int
    let transferSyntax: TransferSyntax
    /// From group 0002; nil where it does not say.
    let sopClassUID: UID?
    let sopInstanceUID: UID?

    /// The preamble (PS3.10 7.1) and the letters after it.
    private static let preambleLength = 128
    private static let prefixLetters = Array("DICM".utf8)

    /// The shortest element: tag, VR and length, or tag and length.
    private static let shortestElement = 8

    /// Nil when the bytes are not DICOM. A `.truncated` error asks for more of the file.
    static func find(in bytes: [UInt8], fileSize: UInt64) throws(DataSetError) -> DataSetStart? {
        let letters = bytes.dropFirst(preambleLength).prefix(prefixLetters.count)
        if letters.elementsEqual(prefixLetters) {
            return try afterMetaInformation(bytes, form: .part10, fileSize: fileSize)
        }
        if bytes.count >= shortestElement, bytes[0] == 2, bytes[1] == 0, hasVR(bytes) {
            return try afterMetaInformation(bytes, form: .metaInformationAlone, fileSize: fileSize)
        }
        return atFirstElement(bytes, offset: 0, fileSize: fileSize)
    }

    private static func afterMetaInformation(
        _ bytes: [UInt8], form: InstanceFile.Form, fileSize: UInt64
    ) throws(DataSetError) -> DataSetStart? {
        let before = form == .part10 ? [] : [UInt8](repeating: 0, count: preambleLength) + prefixLetters
        let meta: FileMetaInformation
        var offset: Int
        do throws(DataSetError) {
            (meta, offset) = try FileMetaInformation.decode(before.isEmpty ? bytes[...] : (before + bytes)[...])
        } catch {
            guard error.code == .metaInformationMissing else { throw error }
            // A preamble, and the data set right behind it.
            return atFirstElement(bytes, offset: preambleLength + prefixLetters.count, fileSize: fileSize)
        }
        offset -= before.count
        var syntax = meta.transferSyntax
        if syntax.uid.string.isEmpty {
            // PS3.10 7.1 requires it. Without it, the first element shows the encoding.
            syntax = guess(bytes.dropFirst(offset), fileSize: fileSize) ?? .implicitVRLittleEndian
        }
        let sopClassUID = meta.mediaStorageSOPClassUID
        let sopInstanceUID = meta.mediaStorageSOPInstanceUID
        return DataSetStart(
            form: form, offset: offset, transferSyntax: syntax,
            sopClassUID: sopClassUID.string.isEmpty ? nil : sopClassUID,
            sopInstanceUID: sopInstanceUID.string.isEmpty ? nil : sopInstanceUID)
    }

    private static func atFirstElement(_ bytes: [UInt8], offset: Int, fileSize: UInt64) -> DataSetStart? {
        guess(bytes.dropFirst(offset), fileSize: fileSize).map { syntax in
            DataSetStart(
                form: .dataSetAlone, offset: offset, transferSyntax: syntax, sopClassUID: nil, sopInstanceUID: nil)
        }
    }

    /// The encoding of a data set by its first element (PS3.5 7.1): group 0008, or 0004 of a DICOMDIR, comes first
    /// wherever there is a SOP class.
    private static func guess(_ bytes: ArraySlice<UInt8>, fileSize: UInt64) -> TransferSyntax? {
        guard bytes.count >= shortestElement else { return nil }
        let bytes = Array(bytes.prefix(shortestElement))
        let littleGroup = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        let bigGroup = UInt16(bytes[1]) | UInt16(bytes[0]) << 8
        let groups: Set<UInt16> = [0x0004, 0x0008]
        if groups.contains(littleGroup) {
            if hasVR(bytes) { return .explicitVRLittleEndian }
            let length = (4..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
            let isPlausible = length == 0xFFFF_FFFF || length <= fileSize - UInt64(shortestElement)
            return isPlausible ? .implicitVRLittleEndian : nil
        }
        return groups.contains(bigGroup) && hasVR(bytes) ? .explicitVRBigEndian : nil
    }

    private static func hasVR(_ bytes: [UInt8]) -> Bool {
        ValueRepresentation(rawValue: UInt16(bytes[4]) << 8 | UInt16(bytes[5])) != nil
    }

    /// The elements that identify the instance, as far as the bytes reach; none where they cannot be read.
    func attributes(_ bytes: [UInt8]) -> DataSet {
        do throws(DataSetError) {
            let decoder = DataSetDecoder(transferSyntax)
            return try decoder.decodePrefix(bytes.dropFirst(offset), through: .studyInstanceUID)
        } catch {
            // Group 0002 may still say what it is; whether the data set is sound is the business of the check.
            return DataSet()
        }
    }
}
