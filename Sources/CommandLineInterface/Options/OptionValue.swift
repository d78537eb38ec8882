/// The value that an option takes: for the parser's checks, the help's placeholder and the completions' proposals.
package enum OptionValue: Sendable, Equatable {
    /// Nothing: the option is a switch.
    case none
    /// A word that may follow, only as `--option=word`.
    case optionalChoice([String])
    case choice([String])
    case text(placeholder: String)
    case host(placeholder: String)
    case aeTitle
    case port
    case integer(placeholder: String, ClosedRange<Int>)
    /// A number, or the word `auto`.
    case integerOrAuto(ClosedRange<Int>)
    /// A time: seconds, with a fraction if wanted, or numbers with units.
    case time(minimumSeconds: Double, maximumSeconds: Double)
    case uid
    case key
    case returnKeys
    case columns
    /// Attributes, each with a hyphen in front for the reverse.
    case order
    case characterSet
    case file
    case directory
    case fileOrDirectory

    /// A time. The bounds are kept one by one: every start would pay for a range of `Double` in the table.
    static func seconds(_ range: ClosedRange<Double>) -> OptionValue {
        .time(minimumSeconds: range.lowerBound, maximumSeconds: range.upperBound)
    }

    /// The word for a number that is found out.
    static let auto = "auto"

    package var takesArgument: Bool {
        switch self {
        case .none, .optionalChoice: false
        default: true
        }
    }

    /// The placeholder of the value in help and man page.
    package var placeholder: String? {
        switch self {
        case .none: nil
        case .optionalChoice: "TOPIC"
        case .choice(let choices): choices.count > 4 ? "NAME" : choices.joined(separator: "|")
        case .text(let placeholder), .host(let placeholder), .integer(let placeholder, _): placeholder
        case .integerOrAuto: "N|\(Self.auto)"
        case .aeTitle: "TITLE"
        case .port: "PORT"
        case .time: "TIME"
        case .uid: "UID"
        case .key: "KEY[=VALUE]"
        case .returnKeys, .columns: "KEYS"
        case .order: "[-]KEY,..."
        case .characterSet: "NAME"
        case .file: "FILE"
        case .directory: "DIR"
        case .fileOrDirectory: "PATH"
        }
    }

    /// The accepted values, in words, for the message about one that is not.
    package var accepted: String? {
        switch self {
        case .none: nil
        case .optionalChoice(let choices), .choice(let choices): choices.joined(separator: ", ")
        case .text: "text that is not empty"
        case .file: "the path of a file"
        case .directory: "the path of a folder"
        case .fileOrDirectory: "the path of a file or folder"
        case .host: "a host name or an address"
        case .aeTitle: "1 to 16 characters of ASCII, no backslash"
        case .port: "a number from 1 to 65535"
        case .integer(_, let range): Self.words(range.lowerBound, range.upperBound, isOpen: range.upperBound == .max)
        case .integerOrAuto(let range):
            "\(Self.words(range.lowerBound, range.upperBound, isOpen: false)), or \(Self.auto)"
        case .time(let minimum, let maximum):
            "seconds from \(NumberWords.plain(minimum)) to \(NumberWords.plain(maximum)), "
                + "or with units such as 90s, 5m or 1h30m"
        case .uid: "1 to 64 digits and dots, no component empty or led by a zero"
        case .key: QueryKeyParser.acceptedForms
        case .returnKeys: "keywords or tags (ggggeeee) with commas between, or a set: study, series, image, all"
        case .columns: "keywords, tags (ggggeeee) or paths with commas between"
        case .order: "keywords, tags (ggggeeee) or paths with commas between, - in front of one for the reverse"
        case .characterSet: QueryCharacterSet.accepted
        }
    }

    private static func words(_ low: Int, _ high: Int, isOpen: Bool) -> String {
        isOpen ? "a number from \(low) on" : "a number from \(low) to \(high)"
    }
}

/// Numbers as a person writes them.
enum NumberWords {
    /// Returns the number without a fraction if it is whole.
    static func plain(_ number: Double) -> String {
        Int(exactly: number).map { String($0) } ?? String(number)
    }
}
