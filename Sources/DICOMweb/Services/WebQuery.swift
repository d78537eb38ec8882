package import DICOM
package import DICOMNode
package import DICOMProtocol

/// A query as QIDO-RS asks it (PS3.18 8.3.4 and 10.6): the resource, its parameters, and what of the keys they do not say.
package struct WebQuery: Sendable, Equatable {
    /// The level of the matches that the server returns.
    package let level: QueryLevel
    /// True if matches of the level PATIENT are made of studies: PS3.18 has no such level.
    package let groupsPatients: Bool
    /// `/studies/1.2.3/series`.
    package let path: String
    /// Names and values, the values as text.
    private let parameters: [Parameter]

    struct Parameter: Sendable, Equatable {
        let name: String
        let value: String
        /// True if single characters may be replaced by a wildcard.
        let allowsWildcards: Bool
    }

    /// The form of values that a server reads: one in the field does not decode them.
    package enum Encoding: Sendable {
        case percent
        /// Characters that would have to be encoded are sent as they are or as wildcards.
        case none
    }

    /// - Parameters:
    ///   - identifier: of a C-FIND: its level and keys.
    ///   - isFuzzy: True to ask for fuzzy matching of names.
    ///   - worklist: the path of the worklist, for a query of it.
    /// - Throws: `.web` with `.notPossible` for a key that QIDO-RS does not have.
    package init(_ identifier: DataSet, isFuzzy: Bool = false, worklist: String? = nil) throws(AssociationError) {
        let asked = identifier.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? .study
        groupsPatients = asked == .patient && worklist == nil
        level = asked == .patient ? .study : asked
        let study = Self.oneUID(identifier, .studyInstanceUID)
        let series = Self.oneUID(identifier, .seriesInstanceUID)
        // The study in the path is that of its patient.
        var inPath: Set<Tag> = []
        switch (level, study, series) {
        case _ where worklist != nil: path = worklist ?? ""
        case (.series, let study?, _):
            path = "/studies/\(study)/series"
            inPath = [.studyInstanceUID, .patientID]
        case (.series, nil, _): path = "/series"
        case (.image, let study?, let series?):
            path = "/studies/\(study)/series/\(series)/instances"
            inPath = [.studyInstanceUID, .seriesInstanceUID, .patientID]
        case (.image, let study?, nil):
            path = "/studies/\(study)/instances"
            inPath = [.studyInstanceUID, .patientID]
        case (.image, nil, _): path = "/instances"
        default: path = "/studies"
        }
        let characterSet = SpecificCharacterSet(of: identifier)
        var found: [Parameter] = []
        for element in identifier.elements where !inPath.contains(element.tag) {
            if QueryIdentifier.generalElements.contains(element.tag) || element.tag.isGroupLength { continue }
            try Self.append(element, [], characterSet, groupsPatients, to: &found)
        }
        if isFuzzy { found.append(Parameter(name: "fuzzymatching", value: "true", allowsWildcards: false)) }
        parameters = found
    }

    private static func append(
        _ element: DataElement, _ sequences: [Tag], _ characterSet: SpecificCharacterSet, _ isForPatients: Bool,
        to parameters: inout [Parameter]
    ) throws(AssociationError) {
        let path = sequences + [element.tag]
        let name = path.map(Self.name).joined(separator: ".")
        func include() { parameters.append(Parameter(name: "includefield", value: name, allowsWildcards: false)) }
        switch element.value {
        case .items(let items):
            let keys = items.flatMap(\.elements).filter { !$0.tag.isGroupLength }
            if keys.isEmpty { include() }
            for key in keys { try append(key, path, characterSet, isForPatients, to: &parameters) }
        case .bytes(let bytes):
            let text = Self.text(bytes, element, characterSet)
            guard !text.isEmpty, text != "*" else { return include() }
            guard text != "\"\"" else { throw Self.notPossible(name, "empty values are not matched") }
            var value = text
            if element.vr == .UI {
                value = text.split(separator: "\\").joined(separator: ",")
            } else if text.contains("\\"), !element.vr.allowsBackslashInValue {
                throw Self.notPossible(name, "only one value of it can be asked for at a time")
            }
            let mayReplace = element.vr.usesSpecificCharacterSet || element.vr == .CS || element.vr == .AE
            parameters.append(Parameter(name: name, value: value, allowsWildcards: mayReplace))
        default: include()
        }
    }

    private static func notPossible(_ name: String, _ why: String) -> AssociationError {
        .web(WebError(.notPossible, "\(name): \(why) over HTTP"))
    }

    /// The text of a value; other values than text as they are shown.
    static func text(
        _ bytes: ArraySlice<UInt8>, _ element: DataElement, _ characterSet: SpecificCharacterSet
    ) -> String {
        guard element.vr.isText else {
            var text: [UInt8] = []
            var one = DataSet()
            one.append(element)
            ElementText.append([element.tag][...], of: one, to: &text)
            return String(decoding: text, as: UTF8.self)
        }
        let text = characterSet.decode(bytes, vr: element.vr)
        return String(text.drop { $0 == " " }).trimmedOfPadding
    }

    /// The keyword of the dictionary, otherwise the tag: servers take names of another case for unknown ones.
    private static func name(_ tag: Tag) -> String {
        let keyword = DataDictionary.keyword(of: tag)
        let isKeyword = keyword.first?.isLetter == true && keyword.allSatisfy { $0.isLetter || $0.isNumber }
        return isKeyword ? keyword : Hexadecimal.text(tag.rawValue, digits: 8, uppercase: true)
    }

    private static func oneUID(_ identifier: DataSet, _ tag: Tag) -> UID? {
        let uids = identifier.uids(tag)
        return uids.count == 1 && uids[0].isValid ? uids[0] : nil
    }

    // MARK: Lists of values

    /// A list with more combinations of values is refused.
    private static let maximumAlternatives = 64

    /// The query once for each value of a key that has several, since a request over HTTP has one value for each key; the query itself
    /// where no key has.
    static func alternatives(of identifier: DataSet) -> [DataSet] {
        let characterSet = SpecificCharacterSet(of: identifier)
        var all = [identifier]
        for element in identifier.elements where mayBeList(element) {
            guard case .bytes(let bytes) = element.value else { continue }
            let values = characterSet.decodeValues(bytes, vr: element.vr)
            guard values.count > 1, values.allSatisfy({ !$0.isEmpty }) else { continue }
            let encoded = values.compactMap { try? characterSet.encode($0, vr: element.vr) }
            guard encoded.count == values.count, all.count * values.count <= maximumAlternatives else {
                return [identifier]
            }
            all = all.flatMap { one in
                encoded.map { bytes in
                    var next = one
                    next[element.tag] = DataElement(tag: element.tag, vr: element.vr, value: .bytes(bytes[...]))
                    return next
                }
            }
        }
        return all
    }

    private static func mayBeList(_ element: DataElement) -> Bool {
        switch element.vr {
        case .AE, .CS, .LO, .PN, .SH: !QueryIdentifier.generalElements.contains(element.tag)
        default: false
        }
    }

    // MARK: URLs

    /// True if a value has characters that a URL may only have encoded.
    package var needsEncoding: Bool {
        parameters.contains { parameter in !parameter.value.utf8.allSatisfy(Self.isPlain) }
    }

    /// What follows the base URL.
    package func target(encoding: Encoding, limit: Int? = nil, offset: Int = 0) -> String {
        var texts = parameters.map { "\($0.name)=\(Self.encoded($0, encoding))" }
        if let limit { texts.append("limit=\(limit)") }
        if offset > 0 { texts.append("offset=\(offset)") }
        return path + (texts.isEmpty ? "" : "?" + texts.joined(separator: "&"))
    }

    /// Letters, digits, and what has no meaning of its own in a query.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: plain.contains(byte)
        }
    }

    private static let plain = Array("-._~*,?:;@/!'()$".utf8)

    /// True if letters beyond ASCII are sent as wildcards to a server that does not decode: it returns more than was asked for, or
    /// by its own reading of wildcards less.
    package var hasLettersToReplace: Bool {
        parameters.contains { $0.allowsWildcards && !$0.value.utf8.allSatisfy { $0 < 0x80 } }
    }

    private static func encoded(_ parameter: Parameter, _ encoding: Encoding) -> String {
        var text: [UInt8] = []
        var isInRun = false
        for scalar in parameter.value.unicodeScalars {
            let bytes = Array(String(scalar).utf8)
            // One wildcard for a run: what `?` means of a letter of several bytes is left to the server.
            if encoding == .none, parameter.allowsWildcards, !scalar.isASCII {
                if !isInRun { text.append(UInt8(ascii: "*")) }
                isInRun = true
                continue
            }
            isInRun = false
            if bytes.allSatisfy(isPlain) {
                text += bytes
            } else if encoding == .none, scalar == "^" {
                text.append(0x5E)
            } else if encoding == .none, parameter.allowsWildcards {
                text.append(UInt8(ascii: "?"))
            } else {
                for byte in bytes { text += Array("%\(Hexadecimal.text(byte, digits: 2, uppercase: true))".utf8) }
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension String {
    /// Without the spaces at the end, which pad a value.
    fileprivate var trimmedOfPadding: String {
        var text = self
        while text.last == " " || text.last == "\0" { text.removeLast() }
        return text
    }
}
