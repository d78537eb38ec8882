/// The encoding of a data set (PS3.5 10 and annex A).
package struct TransferSyntax: Hashable, Sendable, CustomStringConvertible {
    package let uid: UID

    /// Any syntax by its UID. What is not one of the native four is Explicit VR Little Endian with encapsulated pixels,
    /// as PS3.5 A.4 has it for every compressed syntax.
    package init(_ uid: UID) {
        self.uid = uid
    }

    package static let implicitVRLittleEndian = TransferSyntax("1.2.840.10008.1.2")
    package static let explicitVRLittleEndian = TransferSyntax("1.2.840.10008.1.2.1")
    package static let deflatedExplicitVRLittleEndian = TransferSyntax("1.2.840.10008.1.2.1.99")
    package static let explicitVRBigEndian = TransferSyntax("1.2.840.10008.1.2.2")
    package static let jpegBaseline8Bit = TransferSyntax("1.2.840.10008.1.2.4.50")
    package static let jpeg2000Lossless = TransferSyntax("1.2.840.10008.1.2.4.90")
    package static let jpeg2000 = TransferSyntax("1.2.840.10008.1.2.4.91")
    package static let rleLossless = TransferSyntax("1.2.840.10008.1.2.5")

    /// The four that need no codec for the pixels; the data set can be rewritten from any of them to any other.
    package static let uncompressed: [TransferSyntax] = [
        .implicitVRLittleEndian, .explicitVRLittleEndian, .explicitVRBigEndian, .deflatedExplicitVRLittleEndian,
    ]

    /// False also for two private relatives of the default syntax that archives hold: Papyrus 3, and that of GE whose
    /// pixels are big endian.
    package var isExplicitVR: Bool {
        // The length alone tells most.
        guard uid.string.utf8.count <= 18 else { return true }
        return switch uid.string {
        case "1.2.840.10008.1.2", "1.2.840.10008.1.20", "1.2.840.113619.5.2": false
        default: true
        }
    }
    package var isBigEndian: Bool { self == .explicitVRBigEndian }

    /// True if the encoded data set is a raw deflate stream (PS3.5 A.5): also the two deflated syntaxes of JPIP.
    package var isDeflated: Bool {
        guard uid.string.utf8.count >= 22 else { return false }
        return switch uid.string {
        case "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205": true
        default: false
        }
    }

    /// True if pixel data come in fragments of a sequence of items (PS3.5 A.4).
    package var isEncapsulated: Bool {
        // Most of all instances are in one of these, and it is asked of each.
        guard !isUncompressed else { return false }
        switch uid.string {
        // The JPIP syntaxes refer to pixels elsewhere, so they encapsulate none.
        case "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205":
            return false
        default: return isExplicitVR
        }
    }

    package var isUncompressed: Bool { TransferSyntax.uncompressed.contains(self) }

    /// The name in PS3.6, else the UID.
    package var description: String { UIDRegistry.name(of: uid) ?? uid.string }
}

extension TransferSyntax {
    /// The native syntax that the first bytes of a data set speak of, for files without meta information (PS3.10 7.1);
    /// nil where they do not look like a data set at all.
    ///
    /// The first element of a data set is of a low group, mostly 0008: its number tells the byte order. The two bytes
    /// behind the tag are letters in Explicit VR and in Implicit VR the lower half of a length that must be plausible.
    /// Deflated data sets cannot be told from noise.
    package static func guessed(fromDataSet bytes: ArraySlice<UInt8>) -> TransferSyntax? {
        guard bytes.count >= ElementHeader.shortest else { return nil }
        // No array of its own: each match of a query is looked at.
        let (group, element, first, second) = bytes.withUnsafeBytes { head in
            func number(at offset: Int) -> UInt16 {
                UInt16(littleEndian: head.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            }
            return (number(at: 0), number(at: 2), number(at: 4), number(at: 6))
        }
        let vr = ValueRepresentation(rawValue: first.byteSwapped)
        if isFirstGroup(group) {
            if vr != nil { return .explicitVRLittleEndian }
            let length = UInt32(second) << 16 | UInt32(first)
            let isKnown = DataDictionary.entry(for: Tag(group: group, element: element)) != nil
            return isKnown && length <= longestFirstValue ? .implicitVRLittleEndian : nil
        }
        return isFirstGroup(group.byteSwapped) && vr != nil ? .explicitVRBigEndian : nil
    }

    /// Data sets begin in group 0008, those of the retired ACR-NEMA also in 0000 to 0004; some with patient or study.
    private static func isFirstGroup(_ group: UInt16) -> Bool {
        (0x0001...0x0020).contains(group)
    }

    /// The first value is a group length, a character set or an image type: a kilobyte is far beyond all of these.
    private static let longestFirstValue: UInt32 = 1_024
}
