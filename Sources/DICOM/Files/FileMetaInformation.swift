/// The header of a file (PS3.10 7.1): always Explicit VR Little Endian, whatever follows.
///
///     preamble            128 bytes, ours are zero
///     prefix              "DICM"
///     (0002,0000) UL  1   length of the group, counted from behind this element
///     (0002,0001) OB  1   version, 00 01
///     (0002,0002) UI  1   Media Storage SOP Class UID
///     (0002,0003) UI  1   Media Storage SOP Instance UID
///     (0002,0010) UI  1   Transfer Syntax UID
///     (0002,0012) UI  1   Implementation Class UID
///     (0002,0013) SH  3   Implementation Version Name
///     (0002,0016) AE  3   Source Application Entity Title
///     ...                 see `otherElements`
package struct FileMetaInformation: Sendable, Equatable {
    /// Empty, as are the other UIDs, where a file that was read has none.
    package var mediaStorageSOPClassUID: UID
    package var mediaStorageSOPInstanceUID: UID
    package var transferSyntax: TransferSyntax
    package var implementationClassUID: UID
    package var implementationVersionName: String
    package var sourceApplicationEntityTitle: String?

    /// The other elements of group 0002: titles of sender and receiver, private information.
    package var otherElements = DataSet()

    /// Bytes of the preamble and of "DICM" (PS3.10 7.1).
    package static let preambleLength = 128
    package static let prefix: [UInt8] = Array("DICM".utf8)

    package init(
        mediaStorageSOPClassUID: UID, mediaStorageSOPInstanceUID: UID, transferSyntax: TransferSyntax,
        implementationClassUID: UID = ImplementationIdentity.classUID,
        implementationVersionName: String = ImplementationIdentity.versionName,
        sourceApplicationEntityTitle: String? = nil
    ) {
        self.mediaStorageSOPClassUID = mediaStorageSOPClassUID
        self.mediaStorageSOPInstanceUID = mediaStorageSOPInstanceUID
        self.transferSyntax = transferSyntax
        self.implementationClassUID = implementationClassUID
        self.implementationVersionName = implementationVersionName
        self.sourceApplicationEntityTitle = sourceApplicationEntityTitle
    }

    /// Preamble, prefix and group 0002, behind which the data set begins.
    package func encode() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512)
        encode(into: &output)
        return output
    }

    /// Appends the same.
    package func encode(into output: inout [UInt8]) {
        output.append(contentsOf: repeatElement(0, count: FileMetaInformation.preambleLength))
        output.append(contentsOf: FileMetaInformation.prefix)
        let header = ElementHeaderWriter(.explicitLittleEndian)
        header.append(.fileMetaInformationGroupLength, .UL, length: 4, to: &output)
        let start = output.count + 4
        output.append(contentsOf: repeatElement(0, count: 4))
        var others = otherElements.elements[...]
        appendElement(.fileMetaInformationVersion, .OB, "\u{0}\u{1}", after: &others, to: &output)
        appendElement(.mediaStorageSOPClassUID, .UI, mediaStorageSOPClassUID.string, after: &others, to: &output)
        appendElement(.mediaStorageSOPInstanceUID, .UI, mediaStorageSOPInstanceUID.string, after: &others, to: &output)
        appendElement(.transferSyntaxUID, .UI, transferSyntax.uid.string, after: &others, to: &output)
        if !implementationClassUID.string.isEmpty {
            appendElement(.implementationClassUID, .UI, implementationClassUID.string, after: &others, to: &output)
        }
        if !implementationVersionName.isEmpty {
            appendElement(.implementationVersionName, .SH, implementationVersionName, after: &others, to: &output)
        }
        if let title = sourceApplicationEntityTitle {
            appendElement(.sourceApplicationEntityTitle, .AE, title, after: &others, to: &output)
        }
        DataSetEncoder(.explicitLittleEndian).append(others, to: &output)
        let length = UInt32(clamping: output.count - start)
        for byte in 0..<4 { output[start - 4 + byte] = UInt8(truncatingIfNeeded: length >> (8 * byte)) }
    }

    /// Appends an element, before it the others whose tags are lower; it stands for one of them that has the same.
    private func appendElement(
        _ tag: Tag, _ vr: ValueRepresentation, _ value: String, after others: inout ArraySlice<DataElement>,
        to output: inout [UInt8]
    ) {
        if !others.isEmpty {
            DataSetEncoder(.explicitLittleEndian).append(others.prefix { $0.tag < tag }, to: &output)
            others = others.drop { $0.tag <= tag }
        }
        let length = value.utf8.count
        ElementHeaderWriter(.explicitLittleEndian)
            .append(tag, vr, length: UInt32(clamping: length + length % 2), to: &output)
        output.append(utf8: value)
        if !length.isMultiple(of: 2) { output.append(vr.paddingByte) }
    }
}

extension FileMetaInformation {
    /// Reads it from the beginning of a file, and tells where the data set begins.
    ///
    /// The group ends where another one begins: its length (0002,0000) is wrong in many files, and here it only tells
    /// whether more of the group is to come. Tolerated: no preamble, Implicit VR, missing elements; without a transfer
    /// syntax the data set's first bytes tell it. Elements of the group that some writers repeat in Implicit VR, at the
    /// beginning of the data set, count as its own; where an element makes no sense, the data set begins where the group
    /// length says, if something readable does.
    ///
    /// - Throws: `.truncated` if `prefix` ends inside the group, `.notDICOM` or `.metaInformationMissing` if there is none.
    package static func decode(
        _ prefix: ArraySlice<UInt8>
    ) throws(DataSetError) -> (meta: FileMetaInformation, dataSetOffset: Int) {
        let start = try groupStart(prefix)
        let bytes = prefix.dropFirst(start)
        guard let encoding = groupEncoding(bytes) else {
            throw DataSetError(.metaInformationMissing, offset: UInt64(start), "no element of group 0002")
        }
        let (group, length) = try decodeGroup(bytes, encoding)
        let offset = start + length
        guard !group.isEmpty else {
            throw DataSetError(.truncated, offset: UInt64(offset), "the file meta information has not come yet")
        }
        if let told = group.uint32(.fileMetaInformationGroupLength), prefix.count == offset {
            let known = length - ElementHeader.shortest - 4
            guard known >= Int(told) else {
                throw DataSetError(
                    .truncated, offset: UInt64(offset), "the file meta information goes on for \(told) bytes")
            }
        }
        let syntax =
            group.uid(.transferSyntaxUID).map { TransferSyntax($0) }
            ?? TransferSyntax.guessed(fromDataSet: prefix.dropFirst(offset)) ?? .implicitVRLittleEndian
        var meta = FileMetaInformation(
            mediaStorageSOPClassUID: group.uid(.mediaStorageSOPClassUID) ?? "",
            mediaStorageSOPInstanceUID: group.uid(.mediaStorageSOPInstanceUID) ?? "", transferSyntax: syntax,
            implementationClassUID: group.uid(.implementationClassUID) ?? "",
            implementationVersionName: group.string(.implementationVersionName) ?? "",
            sourceApplicationEntityTitle: group.string(.sourceApplicationEntityTitle))
        meta.otherElements = group
        for tag in FileMetaInformation.ownElements {
            meta.otherElements.remove(tag)
        }
        return (meta, offset)
    }

    private static func decodeGroup(
        _ bytes: ArraySlice<UInt8>, _ encoding: ElementEncoding
    ) throws(DataSetError) -> (group: DataSet, length: Int) {
        let flaw: DataSetError
        do throws(DataSetError) {
            let (group, length) = try DataSetDecoder(encoding).decodeGroup(0x0002, bytes)
            return (group, length)
        } catch {
            flaw = error
        }
        // The sound elements before the one that is not.
        guard let sound = flaw.offset.map({ Int(clamping: $0) }), sound > 0, sound < bytes.count else { throw flaw }
        var (group, _) = try DataSetDecoder(encoding).decodeGroup(0x0002, bytes.prefix(sound))
        let rest = bytes.dropFirst(sound)
        if encoding.isExplicitVR, groupEncoding(rest)?.isExplicitVR == false {
            do throws(DataSetError) {
                let (repeated, length) = try DataSetDecoder(.implicitLittleEndian).decodeGroup(0x0002, rest)
                for element in repeated.elements where group[element.tag] == nil { group[element.tag] = element }
                return (group, sound + length)
            } catch {
                // Nor does it make sense so.
            }
        }
        guard let told = group.uint32(.fileMetaInformationGroupLength) else { throw flaw }
        let end = ElementHeader.shortest + 4 + Int(told)
        let dataSet = bytes.dropFirst(end)
        guard end > sound, !dataSet.starts(with: [0x02, 0x00]), TransferSyntax.guessed(fromDataSet: dataSet) != nil
        else { throw flaw }
        return (group, end)
    }

    private static let ownElements: [Tag] = [
        .fileMetaInformationGroupLength, .fileMetaInformationVersion, .mediaStorageSOPClassUID,
        .mediaStorageSOPInstanceUID, .transferSyntaxUID, .implementationClassUID, .implementationVersionName,
        .sourceApplicationEntityTitle,
    ]

    /// The offset of group 0002: behind the preamble, or at once in a file that has none.
    private static func groupStart(_ bytes: ArraySlice<UInt8>) throws(DataSetError) -> Int {
        let start = preambleLength + prefix.count
        if bytes.dropFirst(preambleLength).prefix(prefix.count).elementsEqual(prefix) {
            return start
        }
        if bytes.starts(with: [0x02, 0x00]) && groupEncoding(bytes) != nil {
            return 0
        }
        // A piece that is too short to tell is not yet something else.
        guard bytes.count >= start || bytes.isEmpty else {
            throw DataSetError(.truncated, offset: UInt64(bytes.count), "shorter than the preamble of a file")
        }
        throw DataSetError(.notDICOM, "no DICM behind a preamble of \(preambleLength) bytes")
    }

    /// Explicit VR as it must be, or is taken to be while too little has come; Implicit VR as a few writers have it; nil
    /// where no group 0002 begins.
    private static func groupEncoding(_ bytes: ArraySlice<UInt8>) -> ElementEncoding? {
        let head = Array(bytes.prefix(6))
        guard [0x02, 0x00].starts(with: head.prefix(2)) else { return nil }
        guard head.count == 6 else { return .explicitLittleEndian }
        let isExplicit = ValueRepresentation(rawValue: UInt16(head[4]) << 8 | UInt16(head[5])) != nil
        return isExplicit ? .explicitLittleEndian : .implicitLittleEndian
    }
}
