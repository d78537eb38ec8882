import DICOM

/// One made-up image: what is particular to its kind, and pixels that differ from image to image.
struct GeneratedImage {
    enum Kind: Sendable {
        case ct, mr
        /// Many frames in one instance: it fills several PDUs.
        case multiframe
    }

    private let kind: Kind
    private let number: Int
    private let syntax: TransferSyntax

    private static let size = 64
    private static let frames = 120

    init(_ kind: Kind, number: Int, syntax: TransferSyntax) {
        self.kind = kind
        self.number = number
        self.syntax = syntax
    }

    private var sopClass: UID {
        switch kind {
        case .ct: "1.2.840.10008.5.1.4.1.1.2"
        case .mr: "1.2.840.10008.5.1.4.1.1.4"
        case .multiframe: "1.2.840.10008.5.1.4.1.1.7.2"
        }
    }

    private var bits: Int { kind == .multiframe ? 8 : 16 }

    var dataSet: DataSet {
        var image = DataSet()
        image.set(.sopClassUID, sopClass)
        image.set(.sopInstanceUID, .random())
        image.set(.imageType, .CS, "DERIVED\\SECONDARY")
        image.set(.instanceNumber, .IS, String(number))
        image.setUInt16(.samplesPerPixel, 1)
        image.set(.photometricInterpretation, .CS, "MONOCHROME2")
        if kind == .multiframe { image.set(.numberOfFrames, .IS, String(Self.frames)) }
        image.setUInt16(.rows, UInt16(Self.size))
        image.setUInt16(.columns, UInt16(Self.size))
        image.setUInt16(.bitsAllocated, UInt16(bits))
        image.setUInt16(.bitsStored, UInt16(bits))
        image.setUInt16(.highBit, UInt16(bits - 1))
        image.setUInt16(.pixelRepresentation, 0)
        // A sequence, so that nesting travels too.
        var reference = DataSet()
        reference.set(.referencedSOPClassUID, sopClass)
        reference.set(.referencedSOPInstanceUID, .random())
        image.set(.referencedStudySequence, items: [reference])
        image.append(pixels)
        return image
    }

    /// A shell where the syntax is compressed: fragments as the syntax wants them, whose content nobody decodes.
    private var pixels: DataElement {
        guard !syntax.isEncapsulated else {
            return DataElement(
                tag: .pixelData, vr: .OB, value: .fragments([[], bytes(1_000)[...], bytes(1_500)[...]]))
        }
        let count = Self.size * Self.size * (bits / 8) * (kind == .multiframe ? Self.frames : 1)
        return DataElement(tag: .pixelData, vr: bits == 8 ? .OB : .OW, value: .bytes(bytes(count)[...]))
    }

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / Self.size &+ number) }
    }
}
