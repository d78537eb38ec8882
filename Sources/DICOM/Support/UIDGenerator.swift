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
