import DICOM

/// Takes the fields of a PDU or item from its front. Every length is compared with the bytes left before it is used.
struct ItemReader {
    private var bytes: ArraySlice<UInt8>
    private let section: String

    /// - Parameter section: where the standard describes these bytes, for errors.
    init(_ bytes: ArraySlice<UInt8>, section: String) {
        self.bytes = bytes
        self.section = section
    }

    var isAtEnd: Bool { bytes.isEmpty }

    /// - Throws: `ProtocolError` with `truncated` if fewer bytes are left. So do the readers of numbers.
    mutating func take(_ count: Int, _ field: StaticString) throws(ProtocolError) -> ArraySlice<UInt8> {
        guard count <= bytes.count else {
            throw ProtocolError(
                .truncated, section: section, "\(field) needs \(count) bytes where \(bytes.count) are left")
        }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count)
    }

    mutating func rest() -> ArraySlice<UInt8> {
        defer { bytes = [] }
        return bytes
    }

    mutating func uint8(_ field: StaticString) throws(ProtocolError) -> UInt8 {
        UInt8(truncatingIfNeeded: try integer(1, field))
    }

    mutating func uint16(_ field: StaticString) throws(ProtocolError) -> UInt16 {
        UInt16(truncatingIfNeeded: try integer(2, field))
    }

    mutating func uint32(_ field: StaticString) throws(ProtocolError) -> UInt32 {
        try integer(4, field)
    }

    private mutating func integer(_ length: Int, _ field: StaticString) throws(ProtocolError) -> UInt32 {
        try take(length, field).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Takes a 16-bit length and as many bytes.
    ///
    /// - Throws: `ProtocolError` with `lengthBeyondEnd` if fewer bytes are left.
    mutating func counted(_ field: StaticString) throws(ProtocolError) -> ArraySlice<UInt8> {
        let length = Int(try uint16(field))
        guard length <= bytes.count else {
            throw ProtocolError(
                .lengthBeyondEnd, section: section,
                "\(field) says it has \(length) bytes where \(bytes.count) are left")
        }
        return try take(length, field)
    }

    mutating func countedUID(_ field: StaticString) throws(ProtocolError) -> UID {
        UID(bytes: try counted(field))
    }

    /// True if a complete item follows.
    var hasItem: Bool {
        var copy = self
        do { _ = try copy.item() } catch { return false }
        return true
    }

    /// The next item: type, a byte that is reserved in all but one of them, 16-bit length, body.
    mutating func item() throws(ProtocolError) -> Item {
        let type = try uint8("item type")
        let second = try uint8("item header")
        return Item(type: type, secondByte: second, body: try counted("item"))
    }

    struct Item {
        let type: UInt8
        /// Reserved and not tested, except in the common extended negotiation item, where it is the version.
        let secondByte: UInt8
        let body: ArraySlice<UInt8>
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(bigEndian value: UInt32) {
        append(bigEndian: UInt16(truncatingIfNeeded: value >> 16))
        append(bigEndian: UInt16(truncatingIfNeeded: value))
    }

    /// Appends a 16-bit length and what `body` appends. The length field ends at 65,535 bytes; more is cut, so
    /// that the next item is still found. Types that can hold so much refuse it when they are made.
    mutating func appendCounted(_ body: (inout [UInt8]) -> Void) {
        let lengthOffset = count
        append(bigEndian: UInt16(0))
        body(&self)
        let length = count - lengthOffset - 2
        let counted = UInt16(clamping: length)
        removeLast(length - Int(counted))
        self[lengthOffset] = UInt8(truncatingIfNeeded: counted >> 8)
        self[lengthOffset + 1] = UInt8(truncatingIfNeeded: counted)
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

/// Some of the 256 values of an octet. A generic set would look its element's conformances up, at the start of each program.
struct OctetSet {
    private var words: [4 of UInt64] = [0, 0, 0, 0]
    private(set) var count = 0

    func contains(_ octet: UInt8) -> Bool { words[Int(octet >> 6)] & 1 << UInt64(octet & 63) != 0 }

    /// Returns true if the octet was not in the set before.
    mutating func insert(_ octet: UInt8) -> Bool {
        guard !contains(octet) else { return false }
        words[Int(octet >> 6)] |= 1 << UInt64(octet & 63)
        count += 1
        return true
    }
}
