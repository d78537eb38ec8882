/// Digests of 64 bits by which things are told apart within one run: of a million different ones, two have the same in one run of
/// 37 million. Their seed is random: nobody who chooses the bytes knows which of them will have the same.
package enum SeededDigest {
    /// Eight bytes a step, each mixed in by the product of 128 bits, folded.
    ///
    /// - Parameter state: the digest of what comes before these bytes, or a number that tells several digests of the same apart.
    package static func of(_ bytes: UnsafeRawBufferPointer, after state: UInt64 = 0) -> UInt64 {
        // By itself: a length must not be undone by the first byte.
        var digest = folded(seed ^ state ^ UInt64(bytes.count), factor)
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            digest = folded(digest ^ word, factor)
            index &+= 8
        }
        var rest: UInt64 = 0
        if bytes.count >= 8 {
            // The last eight, of which some were mixed in already.
            rest = bytes.loadUnaligned(fromByteOffset: bytes.count &- 8, as: UInt64.self)
        } else {
            for byte in bytes { rest = rest << 8 | UInt64(byte) }
        }
        return folded(digest ^ rest, factor ^ seed)
    }

    /// The same of a text.
    package static func of(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { of(UnsafeRawBufferPointer($0)) }
    }

    /// The same of a number.
    package static func of(_ number: Int, after state: UInt64) -> UInt64 {
        folded(folded(seed ^ state, factor) ^ UInt64(bitPattern: Int64(number)), factor ^ seed)
    }

    private static func folded(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    private static let seed = UInt64.random(in: .min ... .max)
    private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
}

/// Digests of 128 bits, for what cannot be looked up to be sure: that two different things have the same is less likely than that
/// the memory errs. Two of ``SeededDigest`` side by side.
package struct WideDigest: Hashable, Sendable {
    package private(set) var high: UInt64 = 1
    package private(set) var low: UInt64 = 2

    package init() {}

    package mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        high = SeededDigest.of(bytes, after: high)
        low = SeededDigest.of(bytes, after: low)
    }

    package mutating func combine(_ text: String) {
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0)) }
    }

    package mutating func combine(_ number: Int) {
        high = SeededDigest.of(number, after: high)
        low = SeededDigest.of(number, after: low)
    }

    // It is a digest already.
    package func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

/// The hash FNV-1a of 64 bits: the same on every machine and in every run, unlike those of the standard library.
package enum FNV1a {
    package static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
