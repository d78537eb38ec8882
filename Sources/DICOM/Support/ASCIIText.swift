/// Writes text of ASCII behind bytes that are already there, and tells which bytes are plain text.
enum ASCIIText {
    static func append(_ text: StaticString, to output: inout [UInt8]) {
        text.withUTF8Buffer { output.append(contentsOf: $0) }
    }

    /// Appends a whole number in decimal.
    static func append(_ number: some FixedWidthInteger, to output: inout [UInt8]) {
        if number < 0 { output.append(0x2D) }
        var magnitude = UInt64(truncatingIfNeeded: number.magnitude)
        if magnitude < 10 {
            output.append(0x30 + UInt8(truncatingIfNeeded: magnitude))
            return
        }
        // 2^64 has 20 digits.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            while magnitude > 0 {
                start -= 1
                digits[start] = 0x30 + UInt8(truncatingIfNeeded: magnitude % 10)
                magnitude /= 10
            }
            output.append(contentsOf: UnsafeBufferPointer(rebasing: digits[start...]))
        }
    }

    /// Appends the shortest decimal that reads as the same number; not for NaN and infinities, which JSON lacks.
    static func append(_ number: some BinaryFloatingPoint & CustomStringConvertible, to output: inout [UInt8]) {
        var text = number.description
        if text.hasSuffix(".0") { text.removeLast(2) }
        output.append(contentsOf: text.utf8)
    }

    private static let highBits: UInt64 = 0x8080_8080_8080_8080
    private static let lowBits: UInt64 = 0x0101_0101_0101_0101

    /// True if the bytes can stand in a JSON string as they are, whatever the character set: printable, none of them a
    /// quotation mark or backslash, nor a tilde, which is another character in JIS X 0201.
    static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let quotes = word ^ (lowBits &* 0x22)
            let backslashes = word ^ (lowBits &* 0x5C)
            let tildes = word ^ (lowBits &* 0x7E)
            // A byte below 0x20 borrows, if its high bit is clear; those that are zero after the exclusive or do as well; and
            // only DEL gets its high bit by adding one.
            let found =
                ((word &- lowBits &* 0x20) & ~word) | ((quotes &- lowBits) & ~quotes)
                | ((backslashes &- lowBits) & ~backslashes) | ((tildes &- lowBits) & ~tildes) | word | (word &+ lowBits)
            if found & highBits != 0 { return false }
            index &+= 8
        }
        while index < bytes.count {
            switch bytes[index] {
            case 0x22, 0x5C, 0x7E...0xFF, 0x00..<0x20: return false
            default: index &+= 1
            }
        }
        return true
    }
}

extension [UInt8] {
    /// Appends the bytes of a text in UTF-8, in one piece.
    package mutating func append(utf8 text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: $0) }
    }
}

extension StringProtocol {
    /// The first place of a word; nil if it is not in the text.
    package func firstRange(of word: String) -> Range<Index>? {
        guard let first = word.first else { return nil }
        var from = startIndex
        // A range that is open at its end would be a type that the runtime makes, by a search through all conformances.
        while let index = suffix(from: from).firstIndex(of: first) {
            if suffix(from: index).hasPrefix(word) { return index..<self.index(index, offsetBy: word.count) }
            from = self.index(after: index)
        }
        return nil
    }

    /// Returns true if the word is in the text. A literal of one character is a character.
    @_disfavoredOverload
    package func contains(_ word: String) -> Bool { firstRange(of: word) != nil }

    /// The text with another word in each place of one.
    package func replacing(_ word: String, with other: String) -> String {
        var result = ""
        var rest = self[startIndex...]
        while let place = rest.firstRange(of: word) {
            result += rest[..<place.lowerBound] + other
            rest = rest[place.upperBound...]
        }
        return result + rest
    }
}
