/// The padding around a value: what is not significant by PS3.5 6.2.
enum PaddingTrim {
    /// Trailing spaces and NULs go from every string, leading spaces only where they never belong to the value.
    static func trimmed(_ bytes: ArraySlice<UInt8>, _ vr: ValueRepresentation) -> ArraySlice<UInt8> {
        var start = bytes.startIndex
        var end = bytes.endIndex
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x00 { end -= 1 }
        if !vr.keepsLeadingSpaces {
            while start < end, bytes[start] == 0x20 { start += 1 }
        }
        return bytes[start..<end]
    }

    /// The same for bytes in place.
    static func trimmed(_ bytes: UnsafeRawBufferPointer, _ vr: ValueRepresentation) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x00 { end -= 1 }
        if !vr.keepsLeadingSpaces {
            while start < end, bytes[start] == 0x20 { start += 1 }
        }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }
}
