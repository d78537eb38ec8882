/// Why a text is not JSON (RFC 8259), and on which line.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// Counted from 1.
    package let line: Int
    package let detail: String

    package enum Code: Sendable, Equatable {
        case unexpectedEnd
        case unexpectedCharacter
        case invalidNumber
        case invalidString
        case invalidEscape
        case invalidUTF8
        case duplicateKey
        case nestingTooDeep
        case tooLong
        case tooManyValues
    }

    package var description: String { "line \(line): \(detail)" }
}

/// What a text may demand before it is refused.
package struct JSONLimits: Sendable, Equatable {
    /// In bytes. A whole answer with pixels inline is far above what this program needs to read.
    package var maximumLength = 256 << 20
    /// A data set takes three levels for each level of its sequences, which are limited to 64; and the parser calls itself
    /// once a level, which has to fit the stack of a thread.
    package var maximumDepth = 200
    /// Each value takes some 64 bytes of memory, though it may take only two of text.
    package var maximumValues = 8 << 20

    package static let standard = JSONLimits()

    package init() {}
}
