extension TransferSyntax {
    /// The native syntax that the first bytes of a data set speak of, for files without meta information (PS3.10 7.1);
    /// nil where they do not look like a data set at all.
    ///
    /// The first element of a data set is of a low group, mostly 0008: its number tells the byte order. The two bytes
    /// behind the tag are letters in Explicit VR and in Implicit VR the lower half of a length that must be plausible.
    /// Deflated data sets cannot be told from noise.
    package static func guessed(fromDataSet bytes: ArraySlice<UInt8>) -> TransferSyntax? {
        let head = Array(bytes.prefix(ElementHeader.shortest))
        guard head.count == ElementHeader.shortest else { return nil }
        let vr = ValueRepresentation(rawValue: UInt16(head[4]) << 8 | UInt16(head[5]))
        if isFirstGroup(UInt16(head[1]) << 8 | UInt16(head[0])) {
            let element = UInt16(head[3]) << 8 | UInt16(head[2])
            let tag = Tag(group: UInt16(head[1]) << 8 | UInt16(head[0]), element: element)
            if vr != nil {
                return .explicitVRLittleEndian
            }
            let length = head[4...].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let isPlausible = DataDictionary.entry(for: tag) != nil && length <= longestFirstValue
            return isPlausible ? .implicitVRLittleEndian : nil
        }
        if isFirstGroup(UInt16(head[0]) << 8 | UInt16(head[1])) && vr != nil {
            return .explicitVRBigEndian
        }
        return nil
    }

    /// Data sets begin in group 0008, those of the retired ACR-NEMA also in 0000 to 0004; some with patient or study.
    private static func isFirstGroup(_ group: UInt16) -> Bool {
        (0x0001...0x0020).contains(group)
    }

    /// The first value is a group length, a character set or an image type: a kilobyte is far beyond all of these.
    private static let longestFirstValue: UInt32 = 1_024
}
