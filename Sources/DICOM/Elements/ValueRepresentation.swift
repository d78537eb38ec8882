/// The meaning of the bytes of a value (PS3.5 6.2); the raw value is the two letters as they stand in Explicit VR.
package enum ValueRepresentation: UInt16, Sendable, CaseIterable, CustomStringConvertible {
    case AE = 0x4145
    case AS = 0x4153
    case AT = 0x4154
    case CS = 0x4353
    case DA = 0x4441
    case DS = 0x4453
    case DT = 0x4454
    case FD = 0x4644
    case FL = 0x464C
    case IS = 0x4953
    case LO = 0x4C4F
    case LT = 0x4C54
    case OB = 0x4F42
    case OD = 0x4F44
    case OF = 0x4F46
    case OL = 0x4F4C
    case OV = 0x4F56
    case OW = 0x4F57
    case PN = 0x504E
    case SH = 0x5348
    case SL = 0x534C
    case SQ = 0x5351
    case SS = 0x5353
    case ST = 0x5354
    case SV = 0x5356
    case TM = 0x544D
    case UC = 0x5543
    case UI = 0x5549
    case UL = 0x554C
    case UN = 0x554E
    case UR = 0x5552
    case US = 0x5553
    case UT = 0x5554
    case UV = 0x5556

    /// From two letters, such as "PN"; nil where PS3.5 6.2 has no such representation.
    package init?(letters: String) {
        let bytes = Array(letters.utf8)
        guard bytes.count == 2 else { return nil }
        self.init(rawValue: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
    }

    package var description: String {
        String(
            decoding: [UInt8(truncatingIfNeeded: rawValue >> 8), UInt8(truncatingIfNeeded: rawValue)], as: UTF8.self)
    }

    /// True if Explicit VR has two reserved bytes and a 32-bit length after it (PS3.5 7.1.2, Table 7.1-1).
    package var hasLongLength: Bool {
        switch self {
        case .OB, .OD, .OF, .OL, .OV, .OW, .SQ, .SV, .UC, .UN, .UR, .UT, .UV: true
        default: false
        }
    }

    /// The number of bytes that are swapped together between the byte orders (PS3.5 7.3): 1, 2, 4 or 8.
    ///
    /// An AT is two 16-bit numbers, each of them swapped by itself.
    package var wordSize: Int {
        switch self {
        case .AT, .OW, .SS, .US: 2
        case .FL, .OF, .OL, .SL, .UL: 4
        case .FD, .OD, .OV, .SV, .UV: 8
        default: 1
        }
    }

    /// True if a value is a character string (PS3.5 6.2), UIDs among them.
    package var isText: Bool {
        switch self {
        case .AE, .AS, .CS, .DA, .DS, .DT, .IS, .LO, .LT, .PN, .SH, .ST, .TM, .UC, .UI, .UR, .UT: true
        default: false
        }
    }

    /// True if (0008,0005) governs the repertoire (PS3.5 6.1.2.2): all other strings stay in the default repertoire.
    package var usesSpecificCharacterSet: Bool {
        switch self {
        case .LO, .LT, .PN, .SH, .ST, .UC, .UT: true
        default: false
        }
    }

    /// The byte that makes an odd value even (PS3.5 6.2): a space for strings, NUL for UIDs and for bytes.
    package var paddingByte: UInt8 {
        isText && self != .UI ? 0x20 : 0x00
    }

    /// The greatest number of characters in one value (PS3.5 Table 6.2-1), nil where only the length field limits it.
    ///
    /// For PN it counts one component group. A range in a query may be longer: 18 for DA, 28 for TM, 54 for DT.
    package var maximumLength: Int? {
        switch self {
        case .AE, .CS, .DS, .SH: 16
        case .AS: 4
        case .DA: 8
        case .DT: 26
        case .IS: 12
        case .LO, .PN, .UI: 64
        case .LT: 10_240
        case .ST: 1_024
        case .TM: 14
        default: nil
        }
    }

    /// True if a backslash is text in it, so that there is only one value (PS3.5 6.2: LT, ST, UR, UT).
    package var allowsBackslashInValue: Bool {
        switch self {
        case .LT, .ST, .UR, .UT: true
        default: false
        }
    }

    /// True if leading spaces belong to the value (PS3.5 6.2: LT, ST, UR, UT; UC too is not trimmed in front).
    package var keepsLeadingSpaces: Bool {
        switch self {
        case .LT, .ST, .UC, .UR, .UT: true
        default: false
        }
    }
}

// Padding, which is not significant by PS3.5 6.2.
extension ValueRepresentation {
    /// Returns the value without its padding: trailing spaces and NULs, and leading spaces unless they belong to it.
    func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let place = bytes.withUnsafeBytes { significant($0) }
        return bytes[bytes.startIndex + place.lowerBound..<bytes.startIndex + place.upperBound]
    }

    /// The same for bytes in place.
    func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[significant(bytes)])
    }

    private func significant(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var start = 0
        var end = bytes.count
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x00 { end -= 1 }
        if !keepsLeadingSpaces {
            while start < end, bytes[start] == 0x20 { start += 1 }
        }
        return start..<end
    }
}

extension ValueRepresentation {
    /// The number of bytes of one number, of a representation whose values are lists of binary numbers; nil otherwise.
    var numberWidth: Int? {
        switch self {
        case .SS, .US: 2
        case .AT, .FL, .SL, .UL: 4
        case .FD, .SV, .UV: 8
        default: nil
        }
    }
}
