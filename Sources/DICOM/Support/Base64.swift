/// Base 64 with the standard alphabet and padding (RFC 4648 4), as InlineBinary has it (PS3.18 F.2.7).
package enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// The number of bytes that are converted at a time, a multiple of three: a small piece stays on the stack.
    private static let pieceLength = 768

    package static func text(_ bytes: [UInt8]) -> String {
        var letters: [UInt8] = []
        bytes.withUnsafeBytes { append($0, to: &letters) }
        return String(decoding: letters, as: UTF8.self)
    }

    static func append(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        var rest = bytes
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(pieceLength))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(pieceLength))
            appendPiece(piece, to: &output)
        }
    }

    private static func appendPiece(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        let letters = UnsafeBufferPointer(start: alphabet.utf8Start, count: alphabet.utf8CodeUnitCount)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: (bytes.count + 2) / 3 * 4) { text in
            var source = 0
            var target = 0
            while source < bytes.count {
                let count = min(3, bytes.count - source)
                var group = UInt32(bytes[source]) << 16
                if count > 1 { group |= UInt32(bytes[source + 1]) << 8 }
                if count > 2 { group |= UInt32(bytes[source + 2]) }
                text[target] = letters[Int(group >> 18)]
                text[target + 1] = letters[Int(group >> 12 & 0x3F)]
                text[target + 2] = count > 1 ? letters[Int(group >> 6 & 0x3F)] : 0x3D
                text[target + 3] = count > 2 ? letters[Int(group & 0x3F)] : 0x3D
                source += count
                target += 4
            }
            output.append(contentsOf: UnsafeBufferPointer(text))
        }
    }

    /// The bytes that a text stands for; nil where it is anything but whole groups of the alphabet, padded at the end.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text {
            if byte == 0x3D {
                padding += 1
                group <<= 6
            } else {
                guard padding == 0, let value = value(of: byte) else { return nil }
                group = group << 6 | value
            }
            digits += 1
            guard digits == 4 else { continue }
            guard padding <= 2 else { return nil }
            result.append(UInt8(truncatingIfNeeded: group >> 16))
            if padding < 2 { result.append(UInt8(truncatingIfNeeded: group >> 8)) }
            if padding < 1 { result.append(UInt8(truncatingIfNeeded: group)) }
            group = 0
            digits = 0
        }
        return result
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte - 0x41)
        case 0x61...0x7A: UInt32(byte - 0x61) + 26
        case 0x30...0x39: UInt32(byte - 0x30) + 52
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
