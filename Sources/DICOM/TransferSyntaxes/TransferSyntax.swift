/// How a data set is encoded (PS3.5 10 and annex A).
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
    package static let encapsulatedUncompressedExplicitVRLittleEndian = TransferSyntax("1.2.840.10008.1.2.1.98")
    package static let jpegBaseline8Bit = TransferSyntax("1.2.840.10008.1.2.4.50")
    package static let jpegExtended12Bit = TransferSyntax("1.2.840.10008.1.2.4.51")
    package static let jpegLossless = TransferSyntax("1.2.840.10008.1.2.4.57")
    package static let jpegLosslessSV1 = TransferSyntax("1.2.840.10008.1.2.4.70")
    package static let jpegLSLossless = TransferSyntax("1.2.840.10008.1.2.4.80")
    package static let jpegLSNearLossless = TransferSyntax("1.2.840.10008.1.2.4.81")
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
        switch uid.string {
        case "1.2.840.10008.1.2", "1.2.840.10008.1.20", "1.2.840.113619.5.2": false
        default: true
        }
    }
    package var isBigEndian: Bool { self == .explicitVRBigEndian }

    /// Whether the encoded data set is a raw deflate stream (PS3.5 A.5): also the two deflated syntaxes of JPIP.
    package var isDeflated: Bool {
        switch uid.string {
        case "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205": true
        default: false
        }
    }

    /// Whether pixel data come in fragments of a sequence of items (PS3.5 A.4).
    package var isEncapsulated: Bool {
        switch uid.string {
        // The JPIP syntaxes refer to pixels elsewhere, so they encapsulate none.
        case "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205":
            false
        default: isExplicitVR && !isUncompressed
        }
    }

    package var isUncompressed: Bool { TransferSyntax.uncompressed.contains(self) }

    /// The name in PS3.6, else the UID.
    package var description: String { UIDRegistry.name(of: uid) ?? uid.string }
}
