import DICOM

/// Checks one key's value against its representation (PS3.5 6.2) and the matching it may ask for (PS3.4 C.2.2.2), and
/// encodes it.
///
/// | Matching | Representations |
/// |---|---|
/// | universal: no value | all |
/// | wildcards `*` `?` | AE CS LO LT PN SH ST UC UR UT |
/// | ranges `A-B` | DA DT TM |
/// | list of UIDs | UI |
struct QueryValueEncoder {
    let key: QueryKey
    let characterSet: SpecificCharacterSet
    let today: CalendarDate
    /// True if a value is refused that is not of the representation.
    var isStrict = true
    /// True if a range of times may end on a later day than it begins, as it belongs to a range of dates.
    var timesMaySpanDays = false
    /// True if a list of values needs no server that matches lists.
    var mayBeList = false

    /// The element of the query.
    ///
    /// - Parameter onDoubt: called with the reason why a value is not of its representation, if it is sent all the same: archives
    ///   have such values, and match them.
    /// - Throws: ``UsageError`` if the value cannot be encoded or matched, or, with strict rules, is not of the representation.
    func element(onDoubt: (String) -> Void = { _ in }) throws(UsageError) -> DataElement {
        let vr = try representation()
        guard !key.value.isEmpty else {
            return DataElement(tag: key.tag, vr: vr, value: vr == .SQ ? .items([]) : .bytes([]))
        }
        var bytes = try bytes(vr, onDoubt)
        if !bytes.count.isMultiple(of: 2) { bytes.append(vr.paddingByte) }
        return DataElement(tag: key.tag, vr: vr, value: .bytes(bytes[...]))
    }

    /// SS for a negative number, if the dictionary has "US or SS".
    private func representation() throws(UsageError) -> ValueRepresentation {
        let vr = DataDictionary.vr(of: key.tag)
        guard key.value.utf8.first == UInt8(ascii: "-") else { return vr }
        return DataDictionary.dependsOnPixelRepresentation(key.tag) ? .SS : vr
    }

    private func bytes(_ vr: ValueRepresentation, _ onDoubt: (String) -> Void) throws(UsageError) -> [UInt8] {
        switch vr {
        case .AE, .CS, .LO, .LT, .PN, .SH, .ST, .UC, .UR, .UT: return try text(vr, onDoubt)
        case .AS, .DS, .IS: return try plain(vr, onDoubt)
        case .DA, .DT, .TM: return try moment(vr)
        case .UI: return try uids(onDoubt)
        case .AT: return try tag()
        case .US, .SS, .UL, .SL, .UV, .SV: return try integer(vr)
        case .FL, .FD: return try floatingPoint(vr)
        case .SQ:
            throw error(
                "a sequence has no value of its own", code: .unsupportedMatching,
                accepted: "a path into it: \(DataDictionary.keyword(of: key.tag))[0].KEYWORD=VALUE")
        case .UN: return Array(key.value.utf8)
        case .OB, .OD, .OF, .OL, .OV, .OW:
            throw error(
                "values of \(vr) cannot be matched", code: .unsupportedMatching, accepted: "the key without a value")
        }
    }

    // MARK: Strings

    private func text(_ vr: ValueRepresentation, _ onDoubt: (String) -> Void) throws(UsageError) -> [UInt8] {
        try checkValues(vr, onDoubt)
        return try encode(vr)
    }

    /// Checks each value by the rules of the representation.
    private func checkValues(_ vr: ValueRepresentation, _ onDoubt: (String) -> Void) throws(UsageError) {
        if QueryTextRules.isPlain(key.value, vr: vr) { return }
        for value in try values(vr, onDoubt) {
            guard let problem = QueryTextRules.problem(with: String(value), vr: vr) else { continue }
            let list =
                value.contains(",") && vr == .CS ? "; several values have a backslash between them, as in 'A\\B'" : ""
            try doubt(problem.why + list, accepted: problem.accepted, isFatal: problem.isFatal, onDoubt)
        }
    }

    /// The values, of which other representations than UI have one: only with multiple value matching a list is more than a value
    /// with a backslash in it (PS3.4 C.2.2.2.2).
    private func values(
        _ vr: ValueRepresentation, _ onDoubt: (String) -> Void
    ) throws(UsageError) -> [Substring] {
        guard !vr.allowsBackslashInValue, key.value.utf8.contains(UInt8(ascii: "\\")) else { return [key.value[...]] }
        let values = key.value.split(separator: "\\", omittingEmptySubsequences: false)
        if mayBeList, !values.contains(where: \.isEmpty) { return values }
        try doubt(
            "a list of values, which only servers with multiple value matching match (PS3.4 C.2.2.2.8)",
            code: .unsupportedMatching, accepted: "one value; only UIDs can be a list elsewhere",
            isFatal: values.contains { $0.isEmpty }, onDoubt)
        return values
    }

    private func doubt(
        _ why: String, code: UsageError.Code = .invalidKeyValue, accepted: String, isFatal: Bool,
        _ onDoubt: (String) -> Void
    ) throws(UsageError) {
        if isStrict || isFatal { throw error(why, code: code, accepted: accepted) }
        onDoubt(why)
    }

    private func encode(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        do throws(CharacterSetError) {
            return try characterSet.encode(key.value, vr: vr)
        } catch {
            let set =
                characterSet.definedTerms.isEmpty
                ? "the default repertoire" : characterSet.definedTerms.joined(separator: "\\")
            let name = vr.usesSpecificCharacterSet ? set : "the default repertoire"
            throw self.error(
                "cannot be written in \(name)", code: .notEncodable,
                accepted: vr.usesSpecificCharacterSet
                    ? "\(OptionName.charset) utf-8, or another set that has the characters" : "ASCII")
        }
    }

    /// Strings of the default repertoire that match as they are.
    private func plain(_ vr: ValueRepresentation, _ onDoubt: (String) -> Void) throws(UsageError) -> [UInt8] {
        try refuseWildcards(vr)
        try checkValues(vr, onDoubt)
        return Array(key.value.utf8)
    }

    private func uids(_ onDoubt: (String) -> Void) throws(UsageError) -> [UInt8] {
        if UID(key.value).isValid { return Array(key.value.utf8) }
        try refuseWildcards(.UI)
        let parts = key.value.split(separator: "\\", omittingEmptySubsequences: false)
        for part in parts where !UID(String(part)).isValid {
            let isPrintable = !part.isEmpty && part.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            try doubt(
                "\"\(part)\" is not a valid UID", accepted: "a UID, or several with backslashes between",
                isFatal: !isPrintable, onDoubt)
        }
        return Array(key.value.utf8)
    }

    // MARK: Dates and times

    private func moment(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        try refuseWildcards(vr)
        if key.value.utf8.contains(UInt8(ascii: "\\")) { throw severalValues() }
        let value = QueryDate.resolve(key.value, vr: vr, today: today) ?? key.value
        guard QueryMoment.form(of: value, vr: vr) != nil else {
            throw error("not a \(QueryMoment.name(vr))", accepted: QueryMoment.accepted(vr))
        }
        if QueryMoment.isReversed(value, vr: vr), vr != .TM || !timesMaySpanDays {
            throw error(
                "the range ends before it begins",
                accepted: vr == .TM
                    ? "FROM-TO of one day; a night is two queries, one from its beginning (22:00..) and one until its end (..06:00)"
                    : "FROM..TO, the earlier one first")
        }
        return Array(value.utf8)
    }

    // MARK: Binary representations

    private func tag() throws(UsageError) -> [UInt8] {
        do throws(UsageError) {
            let parsed = try QueryKeyParser.parse(key.value, allowsValue: false)
            if parsed.path.isEmpty { return littleEndian(parsed.tag.group) + littleEndian(parsed.tag.element) }
        } catch {
            throw self.error("not a tag", accepted: "ggggeeee, gggg,eeee or a keyword")
        }
        throw error("not a tag but a path", accepted: "ggggeeee, gggg,eeee or a keyword")
    }

    private func integer(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        switch vr {
        case .US: try integer(as: UInt16.self)
        case .SS: try integer(as: Int16.self)
        case .UL: try integer(as: UInt32.self)
        case .SL: try integer(as: Int32.self)
        case .UV: try integer(as: UInt64.self)
        default: try integer(as: Int64.self)
        }
    }

    private func integer<Number: FixedWidthInteger>(as type: Number.Type) throws(UsageError) -> [UInt8] {
        let hexadecimal = key.value.hasPrefix("0x") || key.value.hasPrefix("0X")
        guard let number = hexadecimal ? Number(key.value.dropFirst(2), radix: 16) : Number(key.value) else {
            throw error("out of range", accepted: "a number from \(Number.min) to \(Number.max)")
        }
        return littleEndian(number)
    }

    private func floatingPoint(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        // Double also reads words and hexadecimal.
        guard key.value.utf8.allSatisfy({ QueryTextRules.decimalCharacters.contains($0) }),
            let number = Double(key.value), number.isFinite
        else { throw error("not a number", accepted: "a decimal number such as -1.5 or 2e3") }
        guard vr == .FL else { return littleEndian(number.bitPattern) }
        guard Float(number).isFinite else { throw error("too large for FL", accepted: "at most 3.4e38") }
        return littleEndian(Float(number).bitPattern)
    }

    private func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    // MARK: Errors

    private func refuseWildcards(_ vr: ValueRepresentation) throws(UsageError) {
        guard key.value.utf8.contains(where: { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") }) else { return }
        throw error(
            "values of \(vr) match no wildcards (PS3.4 C.2.2.2.4)", code: .unsupportedMatching,
            accepted: vr == .UI || !QueryMoment.isMoment(vr)
                ? "a single value, or none to ask for the attribute" : QueryMoment.accepted(vr))
    }

    private func severalValues() -> UsageError {
        error(
            "a key takes one value; only UIDs can be a list (PS3.4 C.2.2.2.2)", code: .unsupportedMatching,
            accepted: "one value")
    }

    private func error(
        _ why: String, code: UsageError.Code = .invalidKeyValue, accepted: String
    ) -> UsageError {
        // Some keys come from options of their own.
        if key.argument.hasPrefix("-"), key.mayShowValue {
            return UsageError(
                code, option: .key, value: key.value, problem: "\(key.argument): \(why)", accepted: accepted)
        }
        let shown = key.mayShowValue ? "\(key.name)=\(key.value)" : key.name
        return UsageError(
            code, option: .key, value: key.value, problem: "\(OptionName.key) \(shown): \(why)", accepted: accepted)
    }
}

/// The repertoires and lengths of PS3.5 6.2 for values that a person types. A `*` does not count: it stands for any number of
/// characters, and by PS3.4 C.2.2.2 keys may be longer than values.
enum QueryTextRules {
    struct Problem {
        let why: String
        let accepted: String
        /// False if archives have such values, and match them.
        var isFatal = false
    }

    /// Values that are longer than allowed exist, but not by so much, in characters.
    private static let longestOfArchives = 1_024

    static let decimalCharacters = Set("0123456789+-.eE".utf8)

    /// True for one value of printable ASCII that is short enough for its representation, as nearly all of a list are: there is no
    /// problem with it. False says nothing.
    static func isPlain(_ value: String, vr: ValueRepresentation) -> Bool {
        switch vr {
        case .LO, .SH:
            value.utf8.count <= vr.maximumLength ?? 0
                && value.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }
        default: false
        }
    }

    static func problem(with value: String, vr: ValueRepresentation) -> Problem? {
        switch vr {
        case .AE: problem(value, vr, "ASCII") { (0x20...0x7E).contains($0.value) }
        case .CS: problem(value, vr, "upper case letters, digits, space and underscore") { isCode($0) }
        case .UR: problem(value, vr, "ASCII without spaces") { (0x21...0x7E).contains($0.value) }
        case .LO, .SH, .UC: problem(value, vr, "text on one line") { !isControl($0) }
        case .LT, .ST, .UT: problem(value, vr, "text") { !isControl($0) || (0x09...0x0D).contains($0.value) }
        case .PN: nameProblem(value)
        case .AS:
            isAge(value)
                ? nil
                : Problem(
                    why: "not an age", accepted: "three digits and D, W, M or Y, such as 018M",
                    isFatal: !value.utf8.allSatisfy { isAlphanumeric($0) })
        case .IS: integerProblem(value)
        case .DS:
            isDecimal(value)
                ? nil
                : Problem(
                    why: "not a decimal number of DICOM", accepted: "at most 16 characters, such as -1.5 or 2e3",
                    isFatal: !isNumber(value))
        default: nil
        }
    }

    private static func problem(
        _ value: String, _ vr: ValueRepresentation, _ repertoire: String, _ isAllowed: (Unicode.Scalar) -> Bool
    ) -> Problem? {
        let length = value.unicodeScalars.count { $0 != "*" }
        let limit = vr.maximumLength.map { "at most \($0) characters: " } ?? ""
        if let bad = value.unicodeScalars.first(where: { !isAllowed($0) && $0 != "*" && $0 != "?" }) {
            return Problem(
                why: "\(shown(bad)) is not allowed in \(vr)", accepted: limit + repertoire,
                isFatal: isControl(bad) || (vr == .CS || vr == .AE || vr == .UR) && !bad.isASCII)
        }
        if let maximum = vr.maximumLength, length > maximum {
            return Problem(
                why: "\(length) characters", accepted: limit + repertoire,
                isFatal: length > max(maximum, longestOfArchives))
        }
        return nil
    }

    /// Up to three groups of five components (PS3.5 6.2.1).
    private static func nameProblem(_ value: String) -> Problem? {
        let accepted =
            "FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, each group at most 64 characters, ideographic and phonetic ones after ="
        let groups = value.split(separator: "=", omittingEmptySubsequences: false)
        if groups.count > 3 { return Problem(why: "more than three groups", accepted: accepted) }
        for group in groups {
            let components = group.split(separator: "^", omittingEmptySubsequences: false)
            if components.count > 5 { return Problem(why: "more than five components", accepted: accepted) }
            let length = group.unicodeScalars.count { $0 != "*" }
            if length > 64 {
                return Problem(
                    why: "a group of \(length) characters", accepted: accepted, isFatal: length > longestOfArchives)
            }
            if let bad = group.unicodeScalars.first(where: isControl) {
                return Problem(why: "\(shown(bad)) is not allowed in PN", accepted: accepted, isFatal: true)
            }
        }
        return nil
    }

    private static func isCode(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "0"..."9", " ", "_": true
        default: false
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }

    private static func shown(_ scalar: Unicode.Scalar) -> String { "\"\(DisplayText.line(String(scalar)))\"" }

    private static func isAge(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        return bytes.count == 4 && bytes.prefix(3).allSatisfy { (0x30...0x39).contains($0) }
            && "DWMY".utf8.contains(bytes[3])
    }

    private static func integerProblem(_ value: String) -> Problem? {
        let isNumber = value.utf8.count <= 12 && Int32(value) != nil
        return isNumber
            ? nil
            : Problem(
                why: "not an integer of DICOM", accepted: "a number from \(Int32.min) to \(Int32.max)",
                isFatal: !Self.isNumber(value))
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// True for a number in figures, however long.
    private static func isNumber(_ value: String) -> Bool {
        value.utf8.allSatisfy { decimalCharacters.contains($0) } && Double(value) != nil
    }

    private static func isDecimal(_ value: String) -> Bool {
        value.utf8.count <= 16 && isNumber(value)
    }
}
