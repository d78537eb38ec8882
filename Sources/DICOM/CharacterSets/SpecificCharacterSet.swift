/// The character repertoire of the text in a data set: Specific Character Set (0008,0005), PS3.3 C.12.1.1.2 and PS3.5 6.1.
///
/// It governs SH, LO, ST, PN, LT, UC and UT; all other strings are in the default repertoire whatever it says.
package struct SpecificCharacterSet: Sendable, Equatable {
    /// The terms as PS3.3 spells them, also where they came misspelt; none is the default repertoire.
    package let definedTerms: [String]
    private let repertoire: Repertoire

    private enum Repertoire: Sendable, Equatable {
        case codeExtension(CodeExtension)
        case utf8
        /// A multi-byte set without code extensions, by the name iconv has for it.
        case converted(String)
    }

    package static let defaultRepertoire = SpecificCharacterSet(terms: [])
    package static let utf8 = SpecificCharacterSet(terms: [.utf8])

    /// Makes the character set that the values of (0008,0005) name; an empty first value is the default repertoire.
    ///
    /// - Throws: `.unknownDefinedTerm` for a value that is no defined term.
    package init(definedTerms: [String]) throws(CharacterSetError) {
        var terms: [DefinedTerm?] = []
        for spelling in definedTerms {
            guard let term = SpecificCharacterSet.term(spelling) else {
                throw CharacterSetError(
                    .unknownDefinedTerm, "'\(spelling)' is not a defined term of Specific Character Set (0008,0005)")
            }
            terms.append(term)
        }
        self.init(terms: terms.compactMap { $0 })
    }

    /// As far as the terms are known: what nobody knows is left out, so that the rest of the text can be read.
    package init(tolerating definedTerms: [String]) {
        self.init(terms: definedTerms.compactMap { SpecificCharacterSet.term($0) })
    }

    /// The set of a data set or item: its own, else that of what encloses it (PS3.5 7.5.3).
    package init(of dataSet: DataSet, inherited: SpecificCharacterSet = .defaultRepertoire) {
        guard let bytes = dataSet.bytes(.specificCharacterSet) else {
            self = inherited
            return
        }
        // The commonest ones are there already: this is asked for every answer of a query.
        if SpecificCharacterSet.isValue(bytes, "ISO_IR 192") {
            self = .utf8
        } else if SpecificCharacterSet.isValue(bytes, "ISO_IR 100") {
            self = .latin1
        } else if bytes.isEmpty {
            self = .defaultRepertoire
        } else {
            self.init(tolerating: dataSet.strings(.specificCharacterSet))
        }
    }

    /// True if data sets may name it: false for sets such as windows-1252, which some name all the same.
    package var isOfDICOM: Bool {
        guard case .converted(let name) = repertoire else { return true }
        return name == "GB18030" || name == "GBK"
    }

    private static let latin1 = SpecificCharacterSet(terms: [.codeElements([.latin1])])

    private static func isValue(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return bytes.withUnsafeBytes { bytes in
            text.withUTF8Buffer { text in bytes.indices.allSatisfy { bytes[$0] == text[$0] } }
        }
    }

    private static func term(_ spelling: String) -> DefinedTerm? {
        spelling.utf8.allSatisfy { $0 == 0x20 || $0 == 0x00 }
            ? .codeElements([.ascii]) : DefinedTerm(spelling: spelling)
    }

    private init(terms: [DefinedTerm]) {
        // UTF-8, GB18030 and GBK stand alone (PS3.3 C.12.1.1.2): beside others they can only have been meant alone.
        let alone = terms.first { if case .codeElements = $0 { false } else { true } }
        switch alone {
        case .utf8?: repertoire = .utf8
        case .gb18030?: repertoire = .converted("GB18030")
        case .gbk?: repertoire = .converted("GBK")
        case .other(let name)?: repertoire = .converted(name)
        case .codeElements?, nil:
            repertoire = .codeExtension(SpecificCharacterSet.codeExtension(terms))
        }
        if let alone {
            definedTerms = [alone.spelling(withCodeExtensions: false)]
        } else {
            definedTerms = SpecificCharacterSet.spellings(terms)
        }
    }

    private static func codeExtension(_ terms: [DefinedTerm]) -> CodeExtension {
        var result = CodeExtension()
        result.allowed = []
        for (index, term) in terms.enumerated() {
            guard case .codeElements(let elements) = term else { continue }
            if index == 0 {
                result.initialLeft = elements.first { !$0.isRight && !$0.isDouble } ?? .ascii
                result.initialRight = elements.first { $0.isRight && !$0.isDouble }
                // Every single-byte set but JIS X 0201 has ASCII in its left half (Table C.12-2).
                if result.initialLeft == .ascii { result.allowed = [.ascii] }
            }
            for element in elements where !result.allowed.contains(element) {
                result.allowed.append(element)
            }
        }
        if terms.isEmpty { result.allowed = [.ascii] }
        return result
    }

    private static func spellings(_ terms: [DefinedTerm]) -> [String] {
        let ascii = DefinedTerm.codeElements([.ascii])
        if terms.allSatisfy({ $0 == ascii }) { return [] }
        return terms.enumerated().map { index, term in
            index == 0 && term == ascii ? "" : term.spelling(withCodeExtensions: terms.count > 1)
        }
    }

    /// True if text that is plain in `DefaultRepertoire` is the same bytes in this set: always, but for JIS X 0201.
    var isASCIICompatible: Bool {
        guard case .codeExtension(let sets) = repertoire else { return true }
        return sets.isASCIICompatible
    }

    /// The text of a whole value field, backslashes between its values included and padding kept; bytes that mean nothing
    /// become U+FFFD.
    package func decode(_ bytes: ArraySlice<UInt8>, vr: ValueRepresentation) -> String {
        if isASCIICompatible, bytes.withUnsafeBytes({ DefaultRepertoire.isPlain($0) }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var text: [UInt8] = []
        append(decoding: bytes, vr: vr, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The number of characters in a value field that cannot be decoded.
    package func undecodableCharacters(in bytes: ArraySlice<UInt8>, vr: ValueRepresentation) -> Int {
        if case .utf8 = repertoire, bytes.withUnsafeBytes({ Self.isValidUTF8($0) }) { return 0 }
        return decode(bytes, vr: vr).unicodeScalars.count { $0 == "\u{FFFD}" }
    }

    /// True if text, of a representation that this set governs, is the same bytes in UTF-8.
    func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if case .utf8 = repertoire { return Self.isValidUTF8(bytes) }
        return isASCIICompatible && DefaultRepertoire.isPlain(bytes)
    }

    private static func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.withMemoryRebound(to: UInt8.self) { bytes in
            do {
                _ = try UTF8Span(validating: bytes.span)
                return true
            } catch {
                return false
            }
        }
    }

    /// The values of a value field, each without its padding (PS3.5 6.2); none for an empty one.
    package func decodeValues(_ bytes: ArraySlice<UInt8>, vr: ValueRepresentation) -> [String] {
        guard !bytes.isEmpty else { return [] }
        var text: [UInt8] = []
        append(decoding: bytes, vr: vr, to: &text)
        // In UTF-8 a byte 0x5C is a backslash and nothing else.
        let values =
            vr.allowsBackslashInValue ? [text[...]] : text.split(separator: 0x5C, omittingEmptySubsequences: false)
        return values.map { String(decoding: vr.trimmed($0), as: UTF8.self) }
    }

    /// Appends the text of a value field as valid UTF-8.
    func append(decoding bytes: ArraySlice<UInt8>, vr: ValueRepresentation, to output: inout [UInt8]) {
        bytes.withUnsafeBytes { append(decoding: $0, vr: vr, to: &output) }
    }

    func append(decoding bytes: UnsafeRawBufferPointer, vr: ValueRepresentation, to output: inout [UInt8]) {
        let set = vr.usesSpecificCharacterSet ? self : .defaultRepertoire
        if set.isASCIICompatible, DefaultRepertoire.isPlain(bytes) {
            output.append(contentsOf: bytes)
            return
        }
        switch set.repertoire {
        case .codeExtension(let sets):
            sets.appendText(bytes, ValueDelimiters(vr), to: &output)
        case .utf8:
            guard !Self.isValidUTF8(bytes) else { return output.append(contentsOf: bytes) }
            // Through String, which replaces what is not UTF-8.
            output.append(contentsOf: String(decoding: bytes, as: UTF8.self).utf8)
        case .converted(let name):
            ConvertedText.append(bytes, encoding: name, to: &output)
        }
    }

    /// The bytes of a whole value field, without padding to even length. A backslash separates values where the
    /// representation has several.
    ///
    /// - Throws: `.notRepresentable` for a character that the set lacks, `.notAvailable` if the system has no table.
    package func encode(_ text: String, vr: ValueRepresentation) throws(CharacterSetError) -> [UInt8] {
        let repertoire = vr.usesSpecificCharacterSet ? repertoire : SpecificCharacterSet.defaultRepertoire.repertoire
        switch repertoire {
        case .codeExtension(let sets): return try sets.encode(text, ValueDelimiters(vr))
        case .utf8: return Array(text.utf8)
        case .converted(let name): return try ConvertedText.encode(text, encoding: name)
        }
    }
}

/// The reason why text cannot be written in a character set, or the set itself is not known.
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

/// The character set of a data set, determined when the first value needs it: in most data sets none does.
struct LazyCharacterSet {
    private let inherited: SpecificCharacterSet
    private var own: SpecificCharacterSet?

    init(_ inherited: SpecificCharacterSet) {
        self.inherited = inherited
    }

    mutating func resolved(_ dataSet: DataSet) -> SpecificCharacterSet {
        if let own { return own }
        let found = SpecificCharacterSet(of: dataSet, inherited: inherited)
        own = found
        return found
    }
}

extension DataSet {
    /// A copy that names its character set, (0008,0005), only if a value cannot be read without it.
    ///
    /// A query need not name it for values of the default repertoire (PS3.4 C.4.1.1.3.1), and some servers match it as
    /// if it were a key.
    package var namingCharacterSetWhereNeeded: DataSet {
        guard !isEmpty, self[.specificCharacterSet] != nil, !hasExtendedText else { return self }
        var copy = self
        copy.remove(.specificCharacterSet)
        return copy
    }

    /// True if a text, at any level, has bytes beyond the default repertoire.
    private var hasExtendedText: Bool {
        elements.contains { element in
            switch element.value {
            case .items(let items): items.contains(where: \.hasExtendedText)
            case .bytes(let bytes):
                element.vr.usesSpecificCharacterSet && bytes.contains { $0 >= 0x80 || $0 == 0x1B }
            case .fragments: false
            }
        }
    }
}
