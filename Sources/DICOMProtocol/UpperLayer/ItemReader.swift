import DICOM

/// Takes the fields of a PDU or item from its front. Every length is compared with what is left before it is used.
struct ItemReader {
    private var bytes: ArraySlice<UInt8>
    private let section: String

    /// - Parameter section: where the standard describes these bytes, for errors.
    init(_ bytes: ArraySlice<UInt8>, section: String) {
        self.bytes = bytes
        self.section = section
    }

    var isAtEnd: Bool { bytes.isEmpty }

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
        var value: UInt8 = 0
        for byte in try take(1, field) { value = byte }
        return value
    }

    mutating func uint16(_ field: StaticString) throws(ProtocolError) -> UInt16 {
        var value: UInt16 = 0
        for byte in try take(2, field) { value = value << 8 | UInt16(byte) }
        return value
    }

    mutating func uint32(_ field: StaticString) throws(ProtocolError) -> UInt32 {
        var value: UInt32 = 0
        for byte in try take(4, field) { value = value << 8 | UInt32(byte) }
        return value
    }

    /// A 16-bit length and as many bytes.
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

    /// Whether what is left begins with an item that is all there.
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
