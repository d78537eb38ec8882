/// An error in a command line, found before anything was sent.
///
/// Tests compare the code; a person reads the description and the suggestion.
package struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case noArguments
        case unknownOption
        case ambiguousOption
        case missingValue
        case unexpectedValue
        case invalidValue
        case outOfRange
        case severalOperations
        case unknownOperation
        case conflictingOptions
        case optionNotApplicable
        case missingOption
        case missingHost
        case missingInput
        case unexpectedArgument
        case unreadableKey
        case duplicateKey
        case invalidKeyValue
        case unsupportedMatching
        case unknownCharacterSet
        case notEncodable
        case unreadableQuery
        case misplacedKey
        /// A configuration file that cannot be read, or that says something wrong.
        case configuration
        case unknownNode
    }

    package let code: Code
    /// The option or argument as it was typed, or the tag of a key: `--port`, `-k`, `HOST`.
    package let option: String
    /// The value that was refused, as it was typed.
    package let value: String?
    /// The problem, with the option and the value named, without a full stop.
    package let problem: String
    /// The accepted values, in words or as a list.
    package let accepted: String?
    /// The nearest thing that exists: an option, a choice, a keyword.
    package let suggestion: String?
    /// The line after the message, where that says more than the suggestion.
    private let remedy: String?

    package init(
        _ code: Code, option: String, value: String? = nil, problem: String, accepted: String? = nil,
        suggestion: String? = nil, remedy: String? = nil
    ) {
        self.code = code
        self.option = option
        self.value = value
        self.problem = problem
        self.accepted = accepted
        self.suggestion = suggestion
        self.remedy = remedy
    }

    /// - Parameter option: the option that the error is about.
    package init(
        _ code: Code, option: OptionName, value: String? = nil, problem: String, accepted: String? = nil,
        suggestion: String? = nil, remedy: String? = nil
    ) {
        self.init(
            code, option: option.description, value: value, problem: problem, accepted: accepted,
            suggestion: suggestion, remedy: remedy)
    }

    /// The whole message on one line.
    package var description: String {
        var text = problem
        if let accepted { text += "; accepted: \(accepted)" }
        return text
    }

    /// The line after the message that says what to do instead.
    package var hint: String? { remedy ?? suggestion.map { "did you mean \($0)?" } }

    /// The same with a line that says what to do instead.
    func with(remedy: String) -> UsageError {
        UsageError(
            code, option: option, value: value, problem: problem, accepted: accepted, suggestion: suggestion,
            remedy: remedy)
    }
}
