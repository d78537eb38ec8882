/// Why text cannot be written in a character set, or the set itself is not known.
package struct CharacterSetError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    package let detail: String

    package enum Code: Sendable, Equatable {
        /// Not a defined term of PS3.3 C.12.1.1.2, nor a misspelling of one.
        case unknownDefinedTerm
        /// The character is in none of the sets that the defined terms allow.
        case notRepresentable(Unicode.Scalar)
        /// The system's iconv has no table for the set.
        case notAvailable
    }

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { detail }
}
