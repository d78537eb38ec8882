package import DICOM

/// Makes new UIDs, below a root of the user's or as a UUID below 2.25 (PS3.5 B.2).
package struct UIDGenerator: Sendable {
    /// Sixteen random bytes of a version 4 UUID, made by the caller.
    package typealias UUIDBytes = (
        UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
    )

    package let root: UID?

    package init(root: UID?) {
        self.root = root
    }

    package func makeUID(from uuid: UUIDBytes) -> UID {
        UID("")
    }
}
