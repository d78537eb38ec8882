/// Numbers and bytes in hexadecimal digits.
package enum Hexadecimal {
    /// Returns a number with zeros in front of it up to a count of digits.
    package static func text(
        _ number: some FixedWidthInteger & UnsignedInteger, digits count: Int = 1, uppercase: Bool = false
    ) -> String {
        let digits = String(number, radix: 16, uppercase: uppercase)
        return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
    }

    /// Returns two lower-case digits for each byte, as `sha256sum` prints them.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(
            decoding: bytes.flatMap { [digit($0 >> 4, letterA: 0x61), digit($0 & 0xF, letterA: 0x61)] }, as: UTF8.self)
    }

    /// Reads two digits for each byte; nil if the text is anything else.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(ofDigit: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    /// The digit of a number below 16; `letterA` is the "A" or "a" that stands for ten.
    static func digit(_ nibble: UInt8, letterA: UInt8 = 0x41) -> UInt8 {
        nibble < 10 ? 0x30 + nibble : letterA - 10 + nibble
    }

    /// The value of a digit of either case; nil if the byte is none.
    static func value(ofDigit byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46, 0x61...0x66: (byte | 0x20) - 0x57
        default: nil
        }
    }

    /// Eight upper-case digits as one number, the first digit in its highest byte: the order of such numbers is that of
    /// the values.
    static func eightDigits(_ value: UInt32) -> UInt64 {
        // All nibbles at once: spread to a byte each, then made letters.
        var nibbles = UInt64(value)
        nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // Ten and more carry into the high half when six is added; from '9' to 'A' there are seven.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 7
    }
}
