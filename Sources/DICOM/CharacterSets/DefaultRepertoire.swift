/// The default character repertoire, ISO-IR 6 (PS3.5 6.1.1): the seven bits of ASCII.
enum DefaultRepertoire {
    private static let highBits: UInt64 = 0x8080_8080_8080_8080
    private static let lowBits: UInt64 = 0x0101_0101_0101_0101
    private static let escapes: UInt64 = 0x1B1B_1B1B_1B1B_1B1B

    /// True if all bytes have seven bits and none is an ESC: then they mean themselves in nearly every character set.
    ///
    /// Eight bytes a step, as this is asked of every string that is printed.
    static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let difference = word ^ escapes
            let zeros = (difference &- lowBits) & ~difference
            if (word | zeros) & highBits != 0 { return false }
            index &+= 8
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte >= 0x80 || byte == CodeElement.escape { return false }
            index &+= 1
        }
        return true
    }
}
