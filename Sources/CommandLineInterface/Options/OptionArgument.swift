package import DICOM
package import DICOMNode
package import DICOMProtocol
package import System

/// The value given to an option, with what reads it as the option's kind of value. Each error names the option, the
/// value and what is accepted.
package struct OptionArgument: Sendable {
    package let definition: OptionDefinition
    /// Empty for a switch.
    package let text: String
    /// True if the option was given as the first word of the command line.
    package let isFirstWord: Bool

    package init(definition: OptionDefinition, text: String = "", isFirstWord: Bool = false) {
        self.definition = definition
        self.text = text
        self.isFirstWord = isFirstWord
    }

    /// True if gdcmscu's command lines can have it.
    var isCompatible: Bool { definition.traits.contains(.compatible) && !isFirstWord }

    package func error(
        _ why: String, code: UsageError.Code = .invalidValue, accepted: String? = nil, suggestion: String? = nil
    ) -> UsageError {
        UsageError(
            code, option: definition.option, value: text,
            problem: "\(definition.option) \(text.isEmpty ? "\"\"" : text): \(why)",
            accepted: accepted ?? definition.value.accepted, suggestion: suggestion)
    }

    /// Returns text that is not empty.
    ///
    /// - Throws: `UsageError` if the text is empty or holds a NUL character.
    package func string() throws(UsageError) -> String {
        guard !text.isEmpty else { throw error("empty") }
        guard !text.utf8.contains(0) else { throw error("holds a NUL character") }
        return text
    }

    /// Returns the path of a file or a folder, by the bytes that were given.
    ///
    /// - Throws: `UsageError` if the text is empty or holds a NUL character.
    package func path() throws(UsageError) -> FilePath { FilePath(argument: try string()) }

    /// Returns the path of the folder to serve. Whoever asks for help, or forgets the folder, must not get an archive in one with the name
    /// of an option.
    ///
    /// - Throws: `UsageError` as ``path()`` does, or if the text begins as an option does.
    func servedFolder() throws(UsageError) -> FilePath {
        guard !text.hasPrefix("--") else {
            throw error("an option in the place of the folder", accepted: "a folder; dcmscu help serve")
        }
        return try path()
    }

    /// Returns an integer in the range.
    ///
    /// - Throws: `UsageError` if the text is not a number or is out of range.
    package func integer(in range: ClosedRange<Int>) throws(UsageError) -> Int {
        guard let number = Int(text) else {
            let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            throw isNumber ? error("out of range", code: .outOfRange) : error("not a number")
        }
        guard range.contains(number) else { throw error("out of range", code: .outOfRange) }
        return number
    }

    /// Returns an integer in the range of the option's definition.
    ///
    /// - Throws: `UsageError` if the text is not a number or is out of range.
    package func integer() throws(UsageError) -> Int {
        if case .integer(_, let range) = definition.value { return try integer(in: range) }
        return try integer(in: 0...Int.max)
    }

    /// Returns a number in the range of the option's definition, or that it is to be found out.
    ///
    /// - Throws: `UsageError` if the text is neither a number nor `auto`, or is out of range.
    package func load() throws(UsageError) -> LoadChoice {
        guard !asksForAuto else { return .automatic }
        if case .integerOrAuto(let range) = definition.value { return .fixed(try integer(in: range)) }
        return .fixed(try integer())
    }

    /// True if a number is to be found out.
    var asksForAuto: Bool {
        if case .integerOrAuto = definition.value { text == OptionValue.auto } else { false }
    }

    /// Returns a TCP port.
    ///
    /// - Throws: `UsageError` if the text is not a number from 1 to 65535.
    package func port() throws(UsageError) -> UInt16 {
        UInt16(truncatingIfNeeded: try integer(in: 1...65535))
    }

    /// Returns seconds in the range of the option's definition.
    ///
    /// - Throws: `UsageError` if the text is not a time, with units or without, or is out of range.
    package func seconds() throws(UsageError) -> Double {
        guard let number = DurationText.seconds(text) else { throw error("not a time") }
        if case .time(let minimum, let maximum) = definition.value, number < minimum || number > maximum {
            throw error("out of range", code: .outOfRange)
        }
        return number
    }

    /// Returns the seconds of a limit; nil if the text is 0, which is no limit.
    ///
    /// - Throws: `UsageError` if the text is not a time or is out of range.
    package func limit() throws(UsageError) -> Double? {
        let seconds = try seconds()
        return seconds == 0 ? nil : seconds
    }

    /// Returns a rate in bytes a second.
    ///
    /// - Throws: `UsageError` if the text is not a number with a unit, or is out of range.
    package func rate() throws(UsageError) -> Double {
        do throws(RateText.Problem) {
            return try RateText.bytesPerSecond(text)
        } catch {
            let accepted = RateText.accepted
            switch error {
            case .notARate: throw self.error("not a rate", accepted: accepted)
            case .notPerSecond: throw self.error("a size without \"/s\"", accepted: accepted)
            case .noUnit: throw self.error("without a unit", accepted: accepted)
            case .outOfRange: throw self.error("out of range", code: .outOfRange, accepted: accepted)
            }
        }
    }

    /// Returns hours of the week.
    ///
    /// - Throws: `UsageError` that says what cannot be read.
    package func hours() throws(UsageError) -> WeeklyHours {
        do throws(WeeklyHours.Problem) {
            return try WeeklyHours(text)
        } catch {
            throw self.error(error.words, accepted: WeeklyHours.accepted)
        }
    }

    /// Returns an AE title.
    ///
    /// - Throws: `UsageError` if the text is not a valid AE title.
    package func aeTitle() throws(UsageError) -> AETitle {
        guard let title = AETitle(text) else {
            let why =
                text.utf8.count > AETitle.wireLength
                ? "an AE title of \(text.count) characters" : "not an AE title"
            throw error(why)
        }
        return title
    }

    /// Returns the case whose raw value is the text.
    ///
    /// - Throws: `UsageError` if there is no such case, with the nearest one as a suggestion.
    package func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ type: Choice.Type
    ) throws(UsageError) -> Choice {
        guard let choice = Choice(rawValue: text) else {
            throw error("not known", suggestion: EditDistance.nearest(to: text, in: Choice.allCases.map(\.rawValue)))
        }
        return choice
    }

    /// Returns a format of results.
    ///
    /// - Throws: `UsageError` with those of the operation if there is no such format.
    func format(for operation: Operation) throws(UsageError) -> ResultFormat {
        guard let format = ResultFormat(rawValue: text) else {
            let own = ResultFormat.allCases.filter { $0.isAvailable(for: operation) }.map(\.rawValue)
            throw error(
                "not known", accepted: ResultFormat.accepted(for: operation),
                suggestion: EditDistance.nearest(to: text, in: own))
        }
        return format
    }

    /// Returns attributes and sets of attributes, given with commas between.
    ///
    /// - Throws: `UsageError` if one of them cannot be read or is unknown.
    package func returnKeys() throws(UsageError) -> [ReturnKey] { try returnKeyParser.parse() }

    /// Returns attributes alone, given with commas between.
    ///
    /// - Throws: `UsageError` if one of them cannot be read or is unknown.
    package func columns() throws(UsageError) -> [QueryKey] { try returnKeyParser.parseAttributes() }

    /// Returns attributes in an order, given with commas between.
    ///
    /// - Throws: `UsageError` if one of them cannot be read or is unknown.
    package func order() throws(UsageError) -> [SortKey] { try returnKeyParser.parseOrder() }

    private var returnKeyParser: ReturnKeyParser {
        ReturnKeyParser(option: definition.option, text: text, accepted: definition.value.accepted)
    }

    /// Returns the root of UIDs to be generated.
    ///
    /// - Throws: `UsageError` if the text is not a UID, or leaves no room for the part that makes UIDs unique.
    package func uidRoot() throws(UsageError) -> UID {
        let root = UID(text)
        guard root.isValid else { throw error("not a UID") }
        guard text.utf8.count <= UIDGenerator.maximumRootLength else {
            throw error(
                "too long to make UIDs below it",
                accepted: "a UID of at most \(UIDGenerator.maximumRootLength) characters")
        }
        return root
    }

    /// Returns defined terms of Specific Character Set as PS3.3 spells them.
    ///
    /// - Parameter allowsOthers: true for the set of data sets that are read, which may be one that DICOM does not have.
    /// - Throws: `UsageError` if the text is empty or is not a character set of DICOM.
    package func characterSet(allowsOthers: Bool = false) throws(UsageError) -> String {
        guard !text.isEmpty else { throw error("empty", code: .unknownCharacterSet) }
        let terms = text.split(separator: "\\", omittingEmptySubsequences: false).map { String($0) }
        do throws(CharacterSetError) {
            let set = try SpecificCharacterSet(definedTerms: terms)
            if set.isOfDICOM || allowsOthers {
                return set.definedTerms.isEmpty ? "ISO_IR 6" : set.definedTerms.joined(separator: "\\")
            }
        } catch {}
        throw error("not a character set that DICOM knows", code: .unknownCharacterSet)
    }
}
