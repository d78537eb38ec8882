/// What a data set from outside may cost us before it is refused.
package struct DecodingLimits: Sendable {
    /// Sequences within sequences. Structured reports, the deepest there are, stay below 20; 64 leaves room and keeps
    /// a stack of recursive readers small.
    package var maximumNestingDepth = 64

    /// Elements, items included, in one data set. An enhanced multi-frame object of 10,000 frames has about a million;
    /// each element costs some 50 bytes, so the limit is 200 MB.
    package var maximumElements = 4_000_000

    /// Bytes that a deflated data set may become in memory: 1 GiB, beyond any that is answered or read whole.
    package var maximumInflatedLength: UInt64 = 1 << 30

    package init() {}

    package static let standard = DecodingLimits()

    /// For what a peer sends us to be looked at whole: a query's answer has some ten elements, one with long sequences some
    /// thousand. Tiny elements cost ten times their bytes, and a peer must not fill memory with them.
    package static let identifier: DecodingLimits = {
        var limits = DecodingLimits()
        limits.maximumElements = 100_000
        return limits
    }()

    /// For what is treated piece by piece and never held: only a stream that would never end is refused, at 1 TiB.
    package static let streaming: DecodingLimits = {
        var limits = DecodingLimits()
        limits.maximumInflatedLength = 1 << 40
        return limits
    }()
}
