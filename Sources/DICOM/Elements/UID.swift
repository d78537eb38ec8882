/// A unique identifier (PS3.5 9), kept as it was read: see `isValid`.
package struct UID: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let string: String

    /// The greatest number of characters (PS3.5 9.1).
    package static let maximumLength = 64

    package init(_ string: String) {
        self.string = string
    }

    package init(stringLiteral value: String) {
        string = value
    }

    /// From a value field: padding NULs, and the spaces that some writers put there or in front, are dropped.
    package init(bytes: [UInt8]) { self.init(bytes: bytes[...]) }

    /// As `init(bytes:)` of an array.
    package init(bytes: ArraySlice<UInt8>) {
        let bytes = bytes.drop { $0 == 0x20 }
        var kept = 0
        var position = 0
        for byte in bytes {
            position += 1
            if byte != 0x00 && byte != 0x20 { kept = position }
        }
        string = String(decoding: bytes.prefix(kept), as: UTF8.self)
    }

    package var description: String { string }

    /// True if it is well formed by PS3.5 9.1: 1 to 64 characters, components of digits without leading zeros.
    package var isValid: Bool {
        var string = string
        return string.withUTF8 { UID.isValid($0) }
    }

    private static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard (1...maximumLength).contains(bytes.count) else { return false }
        var digits = 0
        var startsWithZero = false
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "."):
                guard digits > 0 else { return false }
                digits = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard !(digits > 0 && startsWithZero) else { return false }
                if digits == 0 {
                    startsWithZero = byte == UInt8(ascii: "0")
                }
                digits += 1
            default:
                return false
            }
        }
        return digits > 0
    }
}

/// Makes new UIDs, below a given root or as a UUID below 2.25 (PS3.5 B.2).
package struct UIDGenerator: Sendable {
    /// Sixteen random bytes, those of a version 4 UUID, made by the caller.
    package typealias UUIDBytes = (
        UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
    )

    /// Leaves room for a dot and 19 random digits, 63 bits: among a billion UIDs, two are equal with a probability of 1 in 20.
    package static let maximumRootLength = UID.maximumLength - 20

    package let root: UID?

    package init(root: UID?) {
        self.root = root
    }

    package func makeUID(from uuid: UUIDBytes) -> UID {
        let number = withUnsafeBytes(of: uuid) { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }
        let prefix = (root?.string ?? "2.25") + "."
        // The last digits are as random as the first, and there may be fewer of them.
        let room = max(1, UID.maximumLength - prefix.utf8.count)
        let digits = String(number).suffix(room).drop { $0 == "0" }
        return UID(prefix + (digits.isEmpty ? "0" : digits))
    }
}
