import Glibc

/// A path as the file system knows it: bytes, of which only the slash and the NUL have a meaning.
///
/// Names that are not UTF-8 exist on disks that older systems wrote, and they must still open.
package struct FilePath: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let bytes: [UInt8]

    /// Bytes after a NUL cannot be part of a path and are dropped, as the system itself would.
    package init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes.prefix { $0 != 0 }) }

    /// From an argument or a configured name, in the encoding of the locale.
    package init(_ string: String) { self.init(bytes: ArgumentText.encode(string)) }

    package init(stringLiteral string: String) { self.init(string) }

    package var isEmpty: Bool { bytes.isEmpty }

    package func appending(_ component: some Sequence<UInt8>) -> FilePath {
        var joined = bytes
        if let last = joined.last, last != UInt8(ascii: "/") { joined.append(UInt8(ascii: "/")) }
        joined.append(contentsOf: component)
        return FilePath(bytes: joined)
    }

    package func appending(_ component: String) -> FilePath { appending(component.utf8) }

    /// What follows the last slash; trailing slashes do not count.
    package var lastComponent: FilePath {
        let end = (bytes.lastIndex { $0 != UInt8(ascii: "/") }).map { $0 + 1 } ?? bytes.count
        let start = (bytes[..<end].lastIndex(of: UInt8(ascii: "/"))).map { $0 + 1 } ?? 0
        return FilePath(bytes: bytes[start..<end])
    }

    /// What the system's calls take.
    package func withCString<Result: ~Copyable>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
            for (index, byte) in bytes.enumerated() { buffer.initializeElement(at: index, to: CChar(bitPattern: byte)) }
            buffer.initializeElement(at: bytes.count, to: 0)
            guard let start = buffer.baseAddress else { return body("") }
            return body(UnsafePointer(start))
        }
    }

    /// For messages: control characters, which could drive a terminal, appear as `\x1b`, undecodable bytes as U+FFFD.
    package var description: String {
        var text = ""
        let decoded =
            bytes.withUnsafeBytes { ArgumentText.localeEncoding?.decode($0) } ?? String(decoding: bytes, as: UTF8.self)
        for scalar in decoded.unicodeScalars {
            if scalar.properties.generalCategory == .control {
                let digits = String(scalar.value, radix: 16)
                text += "\\x" + (digits.count < 2 ? "0" : "") + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// The length of the file that the path leads to; nil where there is none.
    package var fileSize: UInt64? {
        var status = stat()
        return withCString { stat($0, &status) } == 0 ? UInt64(clamping: status.st_size) : nil
    }

    /// Bytewise, which is the same order everywhere whatever the locale.
    package static func < (left: FilePath, right: FilePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
