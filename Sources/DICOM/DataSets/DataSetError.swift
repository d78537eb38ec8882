/// Why bytes are not the data set they claim to be.
package struct DataSetError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// Where in the bytes, counted from their first one; nil where no place can be named.
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
