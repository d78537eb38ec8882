/// The reason why bytes are not the data set they claim to be.
package struct DataSetError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// The offset in the bytes, counted from their first one; nil where no place can be named.
    package let offset: UInt64?
    /// The element in which it happened.
    package let tag: Tag?
    package let detail: String

    package enum Code: Sendable, Equatable {
        /// The bytes end inside an element, an item or a sequence.
        case truncated
        /// A length reaches beyond the end of what encloses it.
        case lengthBeyondEnd
        /// Something else than an item stands in a sequence or between fragments.
        case malformedSequence
        /// A delimiter where nothing is open that it could close.
        case unexpectedDelimiter
        case nestingTooDeep
        case tooManyElements
        /// More bytes than are held in memory.
        case tooLong
        /// An undefined length (PS3.5 7.1.1) where only a defined one is allowed.
        case undefinedLength
        case unknownVR
        case deflateCorrupt
        case deflateTooLarge
        /// The system's zlib, which inflates, cannot be used.
        case deflateUnavailable
        /// No preamble with "DICM", nor anything else that looks like a data set.
        case notDICOM
        case metaInformationMissing
        /// The two syntaxes differ in more than their encoding of elements: pixels would have to be (de)compressed.
        case unsupportedConversion
    }

    package init(_ code: Code, offset: UInt64? = nil, tag: Tag? = nil, _ detail: String) {
        self.code = code
        self.offset = offset
        self.tag = tag
        self.detail = detail
    }

    package var description: String {
        var text = detail
        if let tag {
            text += " in element \(tag)"
        }
        if let offset {
            text += " at byte \(offset)"
        }
        return text
    }
}

/// The limits beyond which a data set from outside is refused.
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
    /// thousand. Tiny elements cost ten times their bytes, deflated ones thousand times, and a peer must not fill memory.
    package static let identifier: DecodingLimits = {
        var limits = DecodingLimits()
        limits.maximumElements = 100_000
        limits.maximumInflatedLength = 16 << 20
        return limits
    }()

    /// For the beginning of a data set, whose identifying elements are all that is wanted: a deflated one of some kilobytes
    /// can become a thousand times as long.
    package static let beginning = DecodingLimits.beginning(of: 1 << 20)

    /// The same for elements that reach so far.
    package static func beginning(of length: Int) -> DecodingLimits {
        var limits = DecodingLimits.identifier
        limits.maximumInflatedLength = UInt64(length)
        return limits
    }

    /// For what is treated piece by piece and never held: only a stream that would never end is refused, at 1 TiB.
    package static let streaming: DecodingLimits = {
        var limits = DecodingLimits()
        limits.maximumInflatedLength = 1 << 40
        return limits
    }()
}
