import CIconv

/// One conversion of the system's iconv, closed when the value goes away.
///
/// A conversion has state and belongs to one thread; as it cannot be copied, it never leaves the call that opened it.
struct CharacterConverter: ~Copyable {
    private let descriptor: iconv_t

    /// Nil where the system has no table for one of the two sets.
    init?(from source: String, to target: String) {
        guard let opened = iconv_open(target, source), Int(bitPattern: opened) != -1 else { return nil }
        descriptor = opened
    }

    deinit {
        iconv_close(descriptor)
    }

    /// Converts all of `input` behind what `output` holds; false if a character stopped it. `input` then begins with the
    /// bytes that stopped it, and the conversion is back in its initial state.
    ///
    /// `output` must have room: with enough of it, iconv stops at invalid or incomplete bytes and at nothing else.
    func convert(_ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer) -> Bool {
        // iconv never writes to its input; its parameter lacks the `const` for historical reasons only.
        var source = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
        var sourceCount = input.count
        var target = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        var targetCount = output.count
        let result = iconv(descriptor, &source, &sourceCount, &target, &targetCount)
        let isComplete = Int(truncatingIfNeeded: result) != -1
        input = UnsafeRawBufferPointer(rebasing: input.suffix(sourceCount))
        output = UnsafeMutableRawBufferPointer(rebasing: output.suffix(targetCount))
        if !isComplete {
            iconv(descriptor, nil, nil, nil, nil)
        }
        return isComplete
    }
}

/// Text of the multi-byte sets without code extensions that iconv converts as they are: GB18030 and GBK (PS3.3 C.12-5).
///
/// The second byte of a character may be that of a backslash or caret, so values are split after decoding, never before.
enum ConvertedText {
    /// No code of these sets is longer in UTF-8 than three times its bytes; a replacement for one byte takes three, too.
    private static let growth = 3
    /// GB18030 has characters of four bytes for two or three of UTF-8.
    private static let shrinkage = 2
    private static let replacement: StaticString = "\u{FFFD}"

    static func append(_ bytes: UnsafeRawBufferPointer, encoding: String, to output: inout [UInt8]) {
        guard let converter = CharacterConverter(from: encoding, to: "UTF-8") else {
            // Without a table only the ASCII in it can be read.
            CodeExtension().appendText(bytes, ValueDelimiters(.UT), to: &output)
            return
        }
        withUnsafeTemporaryAllocation(byteCount: bytes.count * growth, alignment: 1) { space in
            var input = bytes
            var room = space
            while !converter.convert(&input, into: &room), !input.isEmpty {
                // A byte 0x80 or 0xFF, or a character that the end cuts: one byte is given up, then all goes on.
                input = UnsafeRawBufferPointer(rebasing: input.dropFirst())
                replacement.withUTF8Buffer { room.copyMemory(from: UnsafeRawBufferPointer($0)) }
                room = UnsafeMutableRawBufferPointer(rebasing: room.dropFirst(replacement.utf8CodeUnitCount))
            }
            output.append(contentsOf: space.prefix(space.count - room.count))
        }
    }

    static func encode(_ text: String, encoding: String) throws(CharacterSetError) -> [UInt8] {
        guard let converter = CharacterConverter(from: "UTF-8", to: encoding) else {
            throw CharacterSetError(.notAvailable, "this system cannot write the character set \(encoding)")
        }
        let source = Array(text.utf8)
        var rest = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: source.count * shrinkage) { space, count in
            source.withUnsafeBytes { buffer in
                var input = buffer
                var room = UnsafeMutableRawBufferPointer(space)
                _ = converter.convert(&input, into: &room)
                rest = input.count
                count = space.count - room.count
            }
        }
        if rest > 0, let scalar = String(decoding: source.suffix(rest), as: UTF8.self).unicodeScalars.first {
            throw CharacterSetError.notRepresentable(scalar)
        }
        return bytes
    }
}

extension CharacterSetError {
    static func notRepresentable(_ scalar: Unicode.Scalar) -> CharacterSetError {
        let code = "U+" + Hexadecimal.text(scalar.value, digits: 4, uppercase: true)
        let isShown = scalar.properties.isAlphabetic || scalar.properties.generalCategory == .mathSymbol
        return CharacterSetError(
            .notRepresentable(scalar),
            "the character \(isShown ? "'\(scalar)' (\(code))" : code) is not in the character set")
    }
}
