import DICOM

/// Checks one key's value against its representation (PS3.5 6.2) and the matching it may ask for (PS3.4 C.2.2.2), and
/// encodes it.
///
/// | Matching | Representations |
/// |---|---|
/// | universal: no value | all |
/// | wildcards `*` `?` | AE CS LO LT PN SH ST UC UR UT |
/// | ranges `A-B` | DA DT TM |
/// | list of UIDs | UI, the only one that a retrieval may have besides single values |
struct QueryValueEncoder {
    let key: QueryKey
    let purpose: QueryBuilder.Purpose
    let characterSet: SpecificCharacterSet
    let today: CalendarDate

    func element() throws(UsageError) -> DataElement {
        let vr = try representation()
        guard !key.value.isEmpty else {
            return DataElement(tag: key.tag, vr: vr, value: vr == .SQ ? .items([]) : .bytes([]))
        }
        var bytes = try bytes(vr)
        if !bytes.count.isMultiple(of: 2) { bytes.append(vr.paddingByte) }
        return DataElement(tag: key.tag, vr: vr, value: .bytes(bytes[...]))
    }

    /// A negative number tells that "US or SS" is meant as SS.
    private func representation() throws(UsageError) -> ValueRepresentation {
        let vr = DataDictionary.vr(of: key.tag)
        return DataDictionary.dependsOnPixelRepresentation(key.tag) && key.value.hasPrefix("-") ? .SS : vr
    }

    private func bytes(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        switch vr {
        case .AE, .CS, .LO, .LT, .PN, .SH, .ST, .UC, .UR, .UT: return try text(vr)
        case .AS, .DS, .IS: return try plain(vr)
        case .DA, .DT, .TM: return try moment(vr)
        case .UI: return try uids()
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

    private func text(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        if key.value.contains(where: { $0 == "*" || $0 == "?" }) { try refuseInRetrieval("wildcards") }
        if !vr.allowsBackslashInValue, key.value.contains("\\") { throw severalValues() }
        if let problem = QueryTextRules.problem(with: key.value, vr: vr) {
            throw error(problem.why, accepted: problem.accepted)
        }
        return try encode(vr)
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
                    ? "--charset utf-8, or another set that has the characters" : "ASCII")
        }
    }

    /// Strings of the default repertoire that match as they are.
    private func plain(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        try refuseWildcards(vr)
        if key.value.contains("\\") { throw severalValues() }
        if let problem = QueryTextRules.problem(with: key.value, vr: vr) {
            throw error(problem.why, accepted: problem.accepted)
        }
        return Array(key.value.utf8)
    }

    private func uids() throws(UsageError) -> [UInt8] {
        try refuseWildcards(.UI)
        let parts = key.value.split(separator: "\\", omittingEmptySubsequences: false)
        if let bad = parts.first(where: { !UID(String($0)).isValid }) {
            throw error("\"\(bad)\" is not a UID", accepted: "a UID, or several with backslashes between")
        }
        return Array(key.value.utf8)
    }

    // MARK: Dates and times

    private func moment(_ vr: ValueRepresentation) throws(UsageError) -> [UInt8] {
        try refuseWildcards(vr)
        if key.value.contains("\\") { throw severalValues() }
        let value = vr == .TM ? key.value : QueryDate.resolve(key.value, today: today) ?? key.value
        switch QueryMoment.form(of: value, vr: vr) {
        case .single: break
        case .range: try refuseInRetrieval("ranges")
        case nil: throw error("not a \(QueryMoment.name(vr))", accepted: QueryMoment.accepted(vr))
        }
        return Array(value.utf8)
    }

    // MARK: Binary representations

    private func tag() throws(UsageError) -> [UInt8] {
        do throws(UsageError) {
            let parsed = try QueryKeyParser.parsePath(key.value)
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
            throw error("not a number that fits", accepted: "a number from \(Number.min) to \(Number.max)")
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
        guard key.value.contains(where: { $0 == "*" || $0 == "?" }) else { return }
        throw error(
            "values of \(vr) match no wildcards (PS3.4 C.2.2.2.4)", code: .unsupportedMatching,
            accepted: vr == .UI || !QueryMoment.isMoment(vr)
                ? "a single value, or none to ask for the attribute" : QueryMoment.accepted(vr))
    }

    private func refuseInRetrieval(_ what: String) throws(UsageError) {
        guard purpose == .retrieval else { return }
        throw error(
            "a retrieval takes no \(what) (PS3.4 C.4.2)", code: .unsupportedMatching,
            accepted: "a single value, or a list of UIDs; look for them with --find")
    }

    private func severalValues() -> UsageError {
        error(
            "a key takes one value; only UIDs can be a list (PS3.4 C.2.2.2.2)", code: .unsupportedMatching,
            accepted: "one value")
    }

    private func error(
        _ why: String, code: UsageError.Code = .invalidKeyValue, accepted: String
    ) -> UsageError {
        let shown = key.mayShowValue ? "\(key.name)=\(key.value)" : key.name
        return UsageError(
            code, option: "--key", value: key.value, problem: "--key \(shown): \(why)", accepted: accepted)
    }
}
