package import DICOM

/// Makes the path of every instance that is written, under the output folder and nowhere else.
///
/// A pattern is a path in which each `{Keyword}` stands for the value of that attribute. What a peer sends is never
/// trusted with the form of a path: see ``FileNameText``.
package struct InstanceNaming: Sendable, Equatable {
    package static let standardPattern = "{SOPInstanceUID}.dcm"

    /// A path made for one instance.
    package struct Name: Sendable, Equatable {
        /// Below the output folder; never empty, `.` or `..`, without separators.
        package let components: [[UInt8]]
        /// The reason why the name is not the one of the pattern, for a warning; nil in the normal case.
        package let remark: String?
    }

    package struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    private enum Part: Sendable, Equatable {
        case literal(String)
        case field(Tag, ValueRepresentation)
    }

    private let components: [[Part]]

    /// The attributes that the pattern needs beyond the SOP class and instance UIDs, which each message carries; ascending.
    package let fields: [Tag]

    /// The attributes that a name and an ``InstanceIdentity`` are made of; ascending.
    let attributes: [Tag]

    /// True if two instances can never have the same name. Where they can, keeping an existing file loses an instance.
    package let namesEveryInstance: Bool

    /// Reads a pattern.
    ///
    /// - Throws: `PatternError` if a component is empty or a folder above, a brace has no counterpart, or a keyword is unknown.
    package init(pattern: String = InstanceNaming.standardPattern) throws(PatternError) {
        var components: [[Part]] = []
        for component in pattern.split(separator: "/", omittingEmptySubsequences: false) {
            components.append(try Self.parts(of: component))
        }
        self.components = components
        let tags = Set(
            components.joined().compactMap { part in
                if case .field(let tag, _) = part { tag } else { nil }
            })
        namesEveryInstance = tags.contains(.sopInstanceUID)
        fields = tags.subtracting([.sopClassUID, .sopInstanceUID]).sorted()
        attributes = Set(Self.ownAttributes + fields).sorted()
    }

    /// The standard pattern, which is known to be good.
    package static let standard = InstanceNaming()

    private init() {
        components = [[.field(.sopInstanceUID, .UI), .literal(".dcm")]]
        fields = []
        attributes = Self.ownAttributes
        namesEveryInstance = true
    }

    private static let ownAttributes: [Tag] =
        [.specificCharacterSet, .sopClassUID, .sopInstanceUID] + InstanceIdentity.attributes

    private static func parts(of component: Substring) throws(PatternError) -> [Part] {
        guard !component.isEmpty, component != ".", component != ".." else {
            throw PatternError(description: "a part of the pattern between slashes is \"\(component)\"")
        }
        var parts: [Part] = []
        var rest = component
        while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else {
                throw PatternError(description: "a brace of the pattern has no counterpart: \(component)")
            }
            if open > rest.startIndex { parts.append(.literal(try literal(rest[..<open]))) }
            let keyword = String(rest[rest.index(after: open)..<close])
            guard let tag = DataDictionary.tag(forKeyword: keyword) else {
                throw PatternError(description: "\"\(keyword)\" is no keyword of an attribute (PS3.6)")
            }
            parts.append(.field(tag, DataDictionary.vr(of: tag)))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.literal(try literal(rest))) }
        return parts
    }

    private static func literal(_ text: Substring) throws(PatternError) -> String {
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw PatternError(description: "the pattern contains a control character")
        }
        return String(text)
    }

    /// - Parameter attributes: the beginning of the data set, as far as ``fields`` need it.
    package func name(sopClassUID: UID, sopInstanceUID: UID, attributes: DataSet) -> Name {
        var remark: String?
        let characterSet = fields.isEmpty ? .defaultRepertoire : SpecificCharacterSet(of: attributes)
        let made = components.map { parts in
            let texts = parts.map { part -> String in
                switch part {
                case .literal(let text): return text
                case .field(.sopInstanceUID, _):
                    if !sopInstanceUID.isValid { remark = "the SOP instance UID is not valid (PS3.5 9.1)" }
                    return FileNameText.uid(sopInstanceUID)
                case .field(.sopClassUID, _): return FileNameText.uid(sopClassUID)
                case .field(let tag, .UI): return attributes.uid(tag).map(FileNameText.uid) ?? FileNameText.unknown
                case .field(let tag, let vr):
                    guard let bytes = attributes.bytes(tag) else { return FileNameText.unknown }
                    guard vr.isText else { return FileNameText.safe(attributes.string(tag) ?? "") }
                    return FileNameText.safe(characterSet.decodeValues(bytes, vr: vr).first ?? "")
                }
            }
            return FileNameText.component(texts)
        }
        return Name(components: made, remark: remark)
    }
}

extension InstanceNaming {
    /// The parts of a path that was made by the pattern, as messages show them: those with patient data as the pattern has them, such
    /// as `{PatientName}`; nil for a part that may be shown.
    package var shownComponents: [String?] {
        components.map { parts in
            let hides = parts.contains { part in
                if case .field(let tag, _) = part { tag.isPatientData } else { false }
            }
            guard hides else { return nil }
            return parts.map { part in
                switch part {
                case .literal(let text): text
                case .field(let tag, _): "{\(DataDictionary.entry(for: tag)?.keyword ?? "\(tag)")}"
                }
            }.joined()
        }
    }
}

/// Text from a peer, made fit to be a part of a file's name.
///
/// Letters, digits and marks of any script and a few signs remain, which no file system or shell takes amiss; everything
/// else becomes an underscore. No value begins with a dot or a dash, so it neither hides a file, nor names a
/// folder above, nor looks like an option.
enum FileNameText {
    /// Stands for a value that is empty, absent or of nothing but strange characters.
    static let unknown = "unknown"

    /// Characters of one value. Long enough for a long string (LO, 64 characters, PS3.5 6.2).
    private static let maximumCharacters = 64

    /// Bytes of one component. The systems allow 255; a number may still be added to tell names apart.
    private static let maximumBytes = 224

    private static let allowedSigns = Set("-_.,^=+@()".unicodeScalars)

    static func safe(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard result.count < maximumCharacters else { break }
            let isAllowed = allowedSigns.contains(scalar) || isOfWords(scalar)
            result.append(isAllowed ? scalar : "_")
        }
        let padding: Set<Unicode.Scalar> = ["_", ".", "-"]
        guard let first = result.firstIndex(where: { !padding.contains($0) }) else { return unknown }
        // Trailing dots are lost on shares of other systems.
        guard let last = result.lastIndex(where: { $0 != "_" && $0 != "." }) else { return unknown }
        return String(result[first...last])
    }

    /// A UID as it is, where it is nothing but digits and dots; otherwise a name made from its bytes.
    ///
    /// Components with leading zeros break PS3.5 9.1, too, but are found in archives and harm no path.
    static func uid(_ uid: UID) -> String {
        var string = uid.string
        return string.withUTF8 { isHarmless($0) } ? uid.string : "invalid-uid-" + fingerprint(uid.string.utf8)
    }

    /// True of digits with a dot between some of them.
    private static func isHarmless(_ uid: UnsafeBufferPointer<UInt8>) -> Bool {
        guard uid.count <= UID.maximumLength else { return false }
        var isBehindDigit = false
        for byte in uid {
            if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                isBehindDigit = true
            } else {
                guard byte == UInt8(ascii: "."), isBehindDigit else { return false }
                isBehindDigit = false
            }
        }
        return isBehindDigit
    }

    /// One component from its parts, no longer than file systems allow.
    ///
    /// A name that had to be cut ends in a fingerprint of the whole, so that different ones stay different, and keeps
    /// the ending that the pattern gave it.
    static func component(_ parts: [String]) -> [UInt8] {
        var whole: [UInt8] = []
        whole.reserveCapacity(maximumBytes)
        for part in parts { whole.append(utf8: part) }
        guard whole.count > maximumBytes else { return whole }
        var ending: [UInt8] = []
        if let last = parts.last, last.utf8.count <= 16, last.hasPrefix(".") { ending = Array(last.utf8) }
        let tail = Array("-\(fingerprint(whole))".utf8) + ending
        var cut = maximumBytes - tail.count
        // Not within a character of several bytes.
        while cut > 0, whole[cut] & 0xC0 == 0x80 { cut -= 1 }
        return whole[..<cut] + tail
    }

    private static func isOfWords(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .decimalNumber, .letterNumber, .otherNumber:
            true
        default: false
        }
    }

    private static func fingerprint(_ bytes: some Sequence<UInt8>) -> String {
        Hexadecimal.text(FNV1a.hash(bytes), digits: 16)
    }
}
