import DICOM

extension [UInt8] {
    mutating func append(bigEndian value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(bigEndian value: UInt32) {
        append(bigEndian: UInt16(truncatingIfNeeded: value >> 16))
        append(bigEndian: UInt16(truncatingIfNeeded: value))
    }

    /// Appends a 16-bit length and what `body` appends. The length field cannot tell of more than 65,535 bytes: the rest
    /// is cut, so that what follows is still found. Types that can hold so much refuse it when they are made.
    mutating func appendCounted(_ body: (inout [UInt8]) -> Void) {
        let lengthOffset = count
        append(bigEndian: UInt16(0))
        body(&self)
        let length = count - lengthOffset - 2
        let told = UInt16(clamping: length)
        removeLast(length - Int(told))
        self[lengthOffset] = UInt8(truncatingIfNeeded: told >> 8)
        self[lengthOffset + 1] = UInt8(truncatingIfNeeded: told)
    }

    mutating func appendCounted(_ uid: UID) {
        appendCounted { $0.append(contentsOf: uid.string.utf8) }
    }

    /// Appends an item: type, second byte, 16-bit length, body.
    mutating func appendItem(_ type: UInt8, secondByte: UInt8 = 0, _ body: (inout [UInt8]) -> Void) {
        append(type)
        append(secondByte)
        appendCounted(body)
    }

    mutating func appendItem(_ type: UInt8, _ uid: UID) {
        appendItem(type) { $0.append(contentsOf: uid.string.utf8) }
    }
}
