/// Numbers in decimal digits.
package enum DecimalDigits {
    /// Returns a number, zero or greater, with zeros in front of it up to a count of digits.
    package static func text(_ number: Int, count: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
    }

    /// True if the text consists of digits and has at least one.
    package static func areAll(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isDigit)
    }

    package static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
