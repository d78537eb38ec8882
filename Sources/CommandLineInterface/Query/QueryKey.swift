package import DICOM
import DICOMNode
import DICOMProtocol
import System

/// One `--key`: an element of the query, by its path through sequences, with the value as it was typed.
///
/// Reading it needs the dictionary alone; the value is checked and encoded later by ``QueryBuilder``, which knows
/// model, level, character set and date.
package struct QueryKey: Sendable, Equatable {
    /// One sequence on the way to the element, and which item of it.
    package struct Step: Sendable, Hashable {
        package let tag: Tag
        package let item: Int

        package init(tag: Tag, item: Int) {
            self.tag = tag
            self.item = item
        }
    }

    /// The sequences that lead to the element; empty at the top level.
    package let path: [Step]
    package let tag: Tag
    /// The value as typed; empty asks for the attribute (universal matching).
    package let value: String
    /// The argument as a whole, for messages.
    package let argument: String
    /// True if the element was named in words, not by its tag.
    package let isNamed: Bool
    /// True if the words were a short name, such as `date`.
    package let isShort: Bool

    package init(
        path: [Step] = [], tag: Tag, value: String, argument: String, isNamed: Bool = false, isShort: Bool = false
    ) {
        self.path = path
        self.tag = tag
        self.value = value
        self.argument = argument
        self.isNamed = isNamed
        self.isShort = isShort
    }

    /// The key inside of the sequences where the level has its attribute, if there is one such place and none outside. A tag stays
    /// where it was put.
    ///
    /// The heading of a table means the attribute that has it at the level, unless it names another one that is queried: there is a
    /// Date (0040,A121), too.
    func placed(in model: InformationModel, at level: QueryLevel) -> QueryKey {
        if isNamed, path.isEmpty, let own = AttributeHeading.tag(argument, in: model, at: level), own != tag,
            AttributeName.tag(of: argument) == nil || model.placement(of: tag, at: level) == .unlisted
        {
            return QueryKey(tag: own, value: value, argument: argument, isNamed: true).placed(in: model, at: level)
        }
        let meant = isShort && model == .modalityWorklist ? AttributeName.shortInWorklist[tag] : nil
        let tag = meant ?? tag
        let places = model.keys(at: level).filter { $0.tag == tag }.map(\.path)
        guard isNamed, path.isEmpty, places.count == 1, !places[0].isEmpty else { return self }
        return QueryKey(
            path: places[0].map { Step(tag: $0, item: 0) }, tag: tag, value: value, argument: argument, isNamed: true,
            isShort: isShort)
    }

    /// The element as messages name it, without the value: that may be a patient's.
    package var name: String {
        (path.map(\.tag) + [tag]).map { DataDictionary.label(of: $0) }.joined(separator: ".")
    }

    /// True if messages may show the value.
    var mayShowValue: Bool {
        !tags.contains { $0.isPatientData }
    }

    /// True for a list of values of another representation than UI, which is always matched value by value.
    var isList: Bool {
        let vr = DataDictionary.vr(of: tag)
        return vr.isText && vr != .UI && !vr.allowsBackslashInValue && value.contains("\\")
    }

    /// True for a value that is the whole one of all matches: no pattern, no list, no range, no date that is counted from today, and no
    /// attribute that can have further values.
    var isOneValue: Bool {
        !value.isEmpty && !isForEmptyValue && !value.contains { "*?\\".contains($0) }
            && !QueryMoment.isMoment(DataDictionary.vr(of: tag)) && DataDictionary.entry(for: tag)?.vm == "1"
    }

    /// True if a value was begun and has nothing in it, as where a script's variable is empty: such a key asks for everything. A
    /// name may have its delimiters.
    var isBlank: Bool {
        let isName = DataDictionary.vr(of: tag) == .PN
        return argument.contains("=") && value.allSatisfy { $0 == " " || (isName && ($0 == "^" || $0 == "=")) }
    }

    /// True for the value that stands for no value (PS3.4 C.2.2.2.7).
    var isForEmptyValue: Bool { value == "\"\"" }

    /// The tags of the path and of the element.
    var tags: [Tag] { path.map(\.tag) + [tag] }

    /// True if the key is of this attribute outside of all sequences.
    func isOutermost(_ other: Tag) -> Bool { tag == other && path.isEmpty }
}

/// One part of a `--sort`: an attribute, and whether its greatest value comes first.
package struct SortKey: Sendable, Equatable {
    package let attribute: QueryKey
    package var isDescending = false
}

/// One part of a `--return`: a set of the standard's keys, or one attribute by path.
package enum ReturnKey: Sendable, Equatable {
    /// The keys that the standard lists at the level, by their obligation.
    package enum Set: String, Sendable, CaseIterable {
        case study, series, image, all
    }

    case set(Set)
    case attribute(QueryKey)
}

/// Reads a `--key`: a path to an element, and what follows it.
///
///     key     = element *( ["[0]"] "." element ) [ "=" value / "," value ]
///     element = keyword / g "," e / "(" g "," e ")" / ggggeeee
///     g, e    = 1 to 4 hexadecimal digits, 0x before them allowed
///
/// A value after a comma is read only where the last element was written as `g,e`, as gdcmscu has it.
package struct QueryKeyParser {
    /// The forms of a key, for messages.
    static let acceptedForms = "KEYWORD=VALUE, gggg,eeee=VALUE or a path such as Sequence[0].KEYWORD=VALUE"

    private let argument: String
    private var rest: Substring
    /// The elements read so far: they say whether the value may be shown in a message.
    private var seen: [Tag] = []

    private init(_ argument: String) {
        self.argument = argument
        rest = argument[...]
    }

    /// Reads a key with or without a value.
    ///
    /// - Parameter allowsValue: false for a path alone.
    /// - Throws: ``UsageError`` if the argument is not of the grammar, or names an unknown attribute.
    package static func parse(_ argument: String, allowsValue: Bool = true) throws(UsageError) -> QueryKey {
        var parser = QueryKeyParser(argument)
        var path: [QueryKey.Step] = []
        var element = try parser.parseElement()
        while let item = try parser.parseItem() {
            guard mayHoldItems(element.tag) else {
                throw parser.unreadable("\(DataDictionary.label(of: element.tag)) is not a sequence")
            }
            // The identifier is as deep as the path, and is limited to the depth that we would read ourselves.
            guard path.count < DecodingLimits.standard.maximumNestingDepth else {
                throw parser.unreadable(
                    "more than \(DecodingLimits.standard.maximumNestingDepth) sequences within each other")
            }
            path.append(QueryKey.Step(tag: element.tag, item: item))
            element = try parser.parseElement()
        }
        try parser.refuseStructural(element.tag)
        var value = ""
        if parser.rest.first == "=" || (parser.rest.first == "," && element.isPair), allowsValue {
            value = String(parser.rest.dropFirst())
            parser.rest = ""
        }
        guard parser.rest.isEmpty else {
            throw parser.unreadable("\"\(parser.rest)\" after \(DataDictionary.label(of: element.tag))")
        }
        guard !ArgumentText.hasStandIns(value) else {
            throw parser.unreadable("the value is not text in the locale's encoding")
        }
        guard !value.utf8.contains(0) else { throw parser.unreadable("a NUL character in the value") }
        return QueryKey(
            path: path, tag: element.tag, value: value, argument: argument, isNamed: element.isNamed,
            isShort: element.isShort)
    }

    /// The step into a sequence, if one follows: `[0].`, or just `.`.
    private mutating func parseItem() throws(UsageError) -> Int? {
        if rest.first == "." {
            rest.removeFirst()
            return 0
        }
        guard rest.first == "[" else { return nil }
        let inside = rest.dropFirst().prefix { $0 != "]" }
        guard let item = Int(inside), rest.dropFirst(1 + inside.count).hasPrefix("].") else {
            throw unreadable("[0]. and an element must follow a sequence")
        }
        // PS3.4 C.2.2.2.6: the request holds one item, each item of the answer is matched against it.
        guard item == 0 else {
            throw UsageError(
                .unsupportedMatching, option: .key, value: argument,
                problem: "\(OptionName.key) \(shownArgument()): a sequence of a query has one item", accepted: "[0]")
        }
        rest = rest.dropFirst(inside.count + 3)
        return item
    }

    // MARK: Elements

    private struct Element {
        let tag: Tag
        /// True if it was written as `g,e`.
        var isPair = false
        var isNamed = false
        var isShort = false
    }

    private mutating func parseElement() throws(UsageError) -> Element {
        if rest.first == "(" {
            let inside = rest.dropFirst()
            if let (tag, after) = Self.pair(inside), after.first == ")" {
                rest = after.dropFirst()
                seen.append(tag)
                return Element(tag: tag)
            }
            throw unreadable()
        }
        if let (tag, after) = Self.pair(rest) {
            rest = after
            seen.append(tag)
            return Element(tag: tag, isPair: true)
        }
        let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        if word.utf8.count == 8, let number = UInt32(word, radix: 16) {
            rest = rest.dropFirst(word.count)
            seen.append(Tag(number))
            return Element(tag: Tag(number))
        }
        let name = rest.prefix { !"=[.".contains($0) }
        guard let tag = AttributeName.tag(of: name) else {
            rest = rest.dropFirst(word.count)
            throw unreadable(suggestions: AttributeName.nearest(to: String(word)))
        }
        rest = rest.dropFirst(name.count)
        seen.append(tag)
        return Element(tag: tag, isNamed: true, isShort: AttributeName.isShort(name))
    }

    /// `g,e` at the start of the text, and what comes after it. The element takes at most four digits: `10,10AB` is
    /// (0010,10AB).
    private static func pair(_ text: Substring) -> (Tag, Substring)? {
        guard let (group, afterGroup) = hexadecimal(text), afterGroup.first == ",",
            let (element, after) = hexadecimal(afterGroup.dropFirst())
        else { return nil }
        // More digits, or letters: not a tag after all.
        if let next = after.first, next.isLetter || next.isNumber { return nil }
        return (Tag(group: group, element: element), after)
    }

    private static func hexadecimal(_ text: Substring) -> (UInt16, Substring)? {
        var digits = text
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits = digits.dropFirst(2) }
        let number = digits.prefix { $0.isASCII && $0.isHexDigit }
        guard number.count <= 4, let value = UInt16(number, radix: 16) else { return nil }
        return (value, digits.dropFirst(number.count))
    }

    private static func mayHoldItems(_ tag: Tag) -> Bool {
        switch DataDictionary.vr(of: tag) {
        case .SQ, .UN: true
        default: false
        }
    }

    /// Elements that structure a message or a file, or whose value the encoder makes.
    private func refuseStructural(_ tag: Tag) throws(UsageError) {
        if tag.group <= 0x0006 || tag.group == 0xFFFE {
            throw unreadable("group \(tag.description.dropFirst().prefix(4)) has no place in a query")
        }
        if tag.element == 0 { throw unreadable("a group length has no place in a query") }
    }

    /// What a word says that was given without its key, or without the option of one.
    static func remedy(forValue word: String) -> String {
        if word.contains("=") { return "a key is an option: \(OptionName.key) \(word)" }
        if isUID(word) { return "a UID needs its key: \(OptionName.key) StudyInstanceUID=\(word)" }
        return "what is looked for is a key: \(OptionName.key) PatientName='\(word)', for example"
    }

    /// True for a word that looks like a UID.
    private static func isUID(_ word: String) -> Bool {
        word.count(where: { $0 == "." }) > 1 && UID(word).isValid
    }

    /// The argument for a message: without what may be the value of a patient.
    private func shownArgument(suggestions: [String] = []) -> String {
        let meant = suggestions.compactMap { DataDictionary.tag(forKeyword: $0) }
        guard (seen + meant).contains(where: { $0.isPatientData }), !rest.isEmpty else {
            return argument
        }
        let known = argument.dropLast(rest.count)
        if let equals = rest.firstIndex(of: "=") { return known + rest[...equals] + Redaction.mark }
        // A value behind a separator of another tool's; one letter is a slip.
        let isValue = rest.count > 2 && rest.first.map { ",:; ".contains($0) } == true
        return isValue ? known + rest.prefix(1) + Redaction.mark : argument
    }

    private func unreadable(_ why: String? = nil, suggestions: [String] = []) -> UsageError {
        let shown = shownArgument(suggestions: suggestions)
        let first = suggestions.dropLast().joined(separator: ", ")
        let suggestion = suggestions.last.map { first.isEmpty ? $0 : "\(first) or \($0)" }
        return UsageError(
            .unreadableKey, option: .key, value: argument,
            // A reason that quotes the rest would quote what is hidden.
            problem: "Could not read Tag: \(shown)" + (shown == argument ? why.map { " (\($0))" } ?? "" : ""),
            accepted: Self.acceptedForms, suggestion: suggestion,
            remedy: Self.isUID(argument) ? Self.remedy(forValue: argument) : nil)
    }
}

/// Reads the value of `--return` or `--columns`: names of sets, and paths of elements, with commas between. A tag is
/// written without a comma or in parentheses here.
struct ReturnKeyParser {
    /// The option and its value, and the values that it accepts, for messages.
    let option: String
    let text: String
    let accepted: String?

    ///
    /// - Parameter allowsSets: false if a set is to be refused.
    /// - Throws: ``UsageError`` if a part is neither a set nor an attribute.
    func parse(allowsSets: Bool = true) throws(UsageError) -> [ReturnKey] {
        var keys: [ReturnKey] = []
        for part in Self.parts(of: text) {
            guard !part.isEmpty else { throw error("nothing between two commas", .invalidValue) }
            if let set = ReturnKey.Set(rawValue: part) {
                keys.append(.set(set))
                continue
            }
            do throws(UsageError) {
                keys.append(.attribute(try QueryKeyParser.parse(part, allowsValue: false)))
            } catch {
                let set =
                    allowsSets ? EditDistance.nearest(to: part, in: ReturnKey.Set.allCases.map(\.rawValue)) : nil
                if set == nil, let tag = AttributeHeading.tags(part).first {
                    keys.append(.attribute(QueryKey(tag: tag, value: "", argument: part, isNamed: true)))
                    continue
                }
                throw self.error(
                    "\(part) is neither an attribute nor a set", .unreadableKey, suggestion: set ?? error.suggestion)
            }
        }
        return keys
    }

    /// Reads attributes alone, for columns.
    ///
    /// - Throws: ``UsageError`` as ``parse()`` does, for a set, and for an attribute that is there twice.
    func parseAttributes() throws(UsageError) -> [QueryKey] {
        var keys: [QueryKey] = []
        for key in try parse(allowsSets: false) {
            guard case .attribute(let key) = key else {
                throw error("a set is not a column", .unreadableKey)
            }
            if keys.contains(where: { $0.tags == key.tags }) {
                throw error("\(key.name) is there twice", .duplicateKey)
            }
            keys.append(key)
        }
        return keys
    }

    /// Reads attributes in an order, each with a hyphen in front if its greatest value comes first.
    ///
    /// - Throws: ``UsageError`` as ``parseAttributes()`` does.
    func parseOrder() throws(UsageError) -> [SortKey] {
        let parts = Self.parts(of: text)
        let plain = parts.map { $0.hasPrefix("-") ? String($0.dropFirst()) : $0 }.joined(separator: ",")
        let keys = try ReturnKeyParser(option: option, text: plain, accepted: accepted).parseAttributes()
        return zip(keys, parts).map { SortKey(attribute: $0, isDescending: $1.hasPrefix("-")) }
    }

    /// Splits at commas that are not inside parentheses.
    private static func parts(of text: String) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            switch character {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth <= 0:
                parts.append("")
                continue
            default: break
            }
            parts[parts.count - 1].append(character)
        }
        return parts
    }

    private func error(_ why: String, _ code: UsageError.Code, suggestion: String? = nil) -> UsageError {
        UsageError(
            code, option: option, value: text, problem: "\(option) \(text.isEmpty ? "\"\"" : text): \(why)",
            accepted: accepted, suggestion: suggestion)
    }
}
