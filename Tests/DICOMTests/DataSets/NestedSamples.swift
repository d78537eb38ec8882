/// Data sets with sequences in every form that PS3.5 7.5 allows, as bytes.
enum NestedSamples {
    /// Explicit VR Little Endian: a sequence with a given length, of an item with a given length and one without.
    static let explicitGivenLength = hexadecimal(
        """
        08 00 99 11 53 51 00 00 2A 00 00 00 # (0008,1199) SQ, 42 bytes
        FE FF 00 E0 0A 00 00 00             #   item, 10 bytes
        08 00 60 00 43 53 02 00 43 54       #     (0008,0060) CS CT
        FE FF 00 E0 FF FF FF FF             #   item, undefined length
        10 00 20 00 4C 4F 00 00             #     (0010,0020) LO, empty
        FE FF 0D E0 00 00 00 00             #   end of item
        10 00 20 00 4C 4F 02 00 49 44       # (0010,0020) LO ID
        """)

    /// The same elements, all lengths undefined.
    static let explicitUndefinedLength = hexadecimal(
        """
        08 00 99 11 53 51 00 00 FF FF FF FF
        FE FF 00 E0 FF FF FF FF
        08 00 60 00 43 53 02 00 43 54
        FE FF 0D E0 00 00 00 00
        FE FF 00 E0 FF FF FF FF
        10 00 20 00 4C 4F 00 00
        FE FF 0D E0 00 00 00 00
        FE FF DD E0 00 00 00 00
        10 00 20 00 4C 4F 02 00 49 44
        """)

    static let implicitUndefinedLength = hexadecimal(
        """
        08 00 99 11 FF FF FF FF
        FE FF 00 E0 FF FF FF FF
        08 00 60 00 02 00 00 00 43 54
        FE FF 0D E0 00 00 00 00
        FE FF 00 E0 FF FF FF FF
        10 00 20 00 00 00 00 00
        FE FF 0D E0 00 00 00 00
        FE FF DD E0 00 00 00 00
        10 00 20 00 02 00 00 00 49 44
        """)

    static let bigEndianUndefinedLength = hexadecimal(
        """
        00 08 11 99 53 51 00 00 FF FF FF FF
        FF FE E0 00 FF FF FF FF
        00 08 00 60 43 53 00 02 43 54
        FF FE E0 0D 00 00 00 00
        FF FE E0 00 FF FF FF FF
        00 10 00 20 4C 4F 00 00
        FF FE E0 0D 00 00 00 00
        FF FE E0 DD 00 00 00 00
        00 10 00 20 4C 4F 00 02 49 44
        """)

    /// Encapsulated pixel data: an empty offset table and two fragments.
    static let encapsulated = hexadecimal(
        """
        E0 7F 10 00 4F 42 00 00 FF FF FF FF # (7FE0,0010) OB, undefined length
        FE FF 00 E0 00 00 00 00             #   offset table, empty
        FE FF 00 E0 04 00 00 00 FF D8 01 02 #   fragment
        FE FF 00 E0 02 00 00 00 FF D9       #   fragment
        FE FF DD E0 00 00 00 00             # end
        """)

    /// A private sequence of unknown representation: Implicit VR Little Endian inside (PS3.5 6.2.2).
    static let unknownSequence = hexadecimal(
        """
        09 00 01 10 55 4E 00 00 FF FF FF FF # (0009,1001) UN, undefined length
        FE FF 00 E0 FF FF FF FF             #   item
        10 00 20 00 02 00 00 00 49 44       #     (0010,0020), no representation
        28 00 10 00 02 00 00 00 01 02       #     (0028,0010)
        FE FF 0D E0 00 00 00 00             #   end of item
        FE FF DD E0 00 00 00 00             # end
        28 00 10 00 55 53 02 00 03 04       # (0028,0010) US
        """)

    /// The beginnings of so many sequences within each other, in Implicit VR Little Endian.
    static func bomb(levels: Int) -> [UInt8] {
        let level = hexadecimal("08 00 99 11 FF FF FF FF FE FF 00 E0 FF FF FF FF")
        return Array([[UInt8]](repeating: level, count: levels).joined())
    }

    /// So many complete sequences within each other.
    static func nested(levels: Int) -> [UInt8] {
        let end = hexadecimal("FE FF 0D E0 00 00 00 00 FE FF DD E0 00 00 00 00")
        return bomb(levels: levels) + Array([[UInt8]](repeating: end, count: levels).joined())
    }
}
