/// The layout of elements (PS3.5 7.1.2 and 7.1.3): that part of a transfer syntax that is left once it is inflated.
struct ElementEncoding: Sendable, Equatable {
    let isExplicitVR: Bool
    let isBigEndian: Bool

    init(isExplicitVR: Bool, isBigEndian: Bool) {
        self.isExplicitVR = isExplicitVR
        self.isBigEndian = isBigEndian
    }

    init(_ syntax: TransferSyntax) {
        self.init(isExplicitVR: syntax.isExplicitVR, isBigEndian: syntax.isBigEndian)
    }

    /// Also what stands inside a UN of undefined length, whatever is around it (PS3.5 6.2.2 note 2).
    static let implicitLittleEndian = ElementEncoding(isExplicitVR: false, isBigEndian: false)
    static let explicitLittleEndian = ElementEncoding(isExplicitVR: true, isBigEndian: false)
}

/// Turns values from one byte order to the other (PS3.5 7.3).
enum ByteOrder {
    /// Reverses the bytes of each word; those of an incomplete last word stay as they are.
    static func swapped(_ value: ArraySlice<UInt8>, wordSize: Int) -> ArraySlice<UInt8> {
        var swapped = Array(value)
        swap(&swapped, from: 0, wordSize: wordSize)
        return swapped[...]
    }

    /// Reverses the words from `start` to the end of the bytes.
    static func swap(_ bytes: inout [UInt8], from start: Int, wordSize: Int) {
        switch wordSize {
        case 2: swapWords(&bytes, start, UInt16.self)
        case 4: swapWords(&bytes, start, UInt32.self)
        case 8: swapWords(&bytes, start, UInt64.self)
        default: break
        }
    }

    private static func swapWords<Word: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: inout [UInt8], _ start: Int, _ word: Word.Type
    ) {
        let size = MemoryLayout<Word>.size
        bytes.withUnsafeMutableBytes { buffer in
            var offset = start
            while offset + size <= buffer.count {
                let word = buffer.loadUnaligned(fromByteOffset: offset, as: Word.self)
                buffer.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
                offset += size
            }
        }
    }
}
