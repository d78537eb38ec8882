package import DICOM

/// One of several shares of all studies, so that machines can divide a work without speaking to each other.
///
/// The share of a study is a hash of its UID that is the same on every machine and in every version of this program.
package struct Shard: Sendable, Equatable {
    /// From 1 to ``count``.
    package let number: Int
    package let count: Int

    /// Reads `3/8`. Nil: not of that form, or not from 1/1 to N/N.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]), count > 0,
            (1...count).contains(number)
        else { return nil }
        self.number = number
        self.count = count
    }

    package func contains(_ studyInstanceUID: UID) -> Bool {
        Int(Self.hash(studyInstanceUID) % UInt64(count)) == number - 1
    }

    /// FNV-1a, then mixed (the finalizer of SplitMix64): UIDs of one scanner differ in their last digits only.
    private static func hash(_ uid: UID) -> UInt64 {
        var hash = FNV1a.hash(uid.string.utf8)
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return hash ^ hash >> 31
    }
}
