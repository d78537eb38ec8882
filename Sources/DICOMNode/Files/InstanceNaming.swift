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
        /// Why the name is not what the pattern says, for a warning; nil in the normal case.
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

    /// What the pattern needs beyond the SOP class and instance UIDs, which each message carries; ascending.
    package let fields: [Tag]

    /// Whether two instances can never have the same name. Where they can, keeping an existing file loses an instance.
    package let namesEveryInstance: Bool

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
    }

    /// The standard pattern, which is known to be good.
    package static let standard = InstanceNaming()

    private init() {
        components = [[.field(.sopInstanceUID, .UI), .literal(".dcm")]]
        fields = []
        namesEveryInstance = true
    }

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
        let characterSet = SpecificCharacterSet(of: attributes)
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
    /// How messages show the parts of a path that was made by the pattern: those with patient data as the pattern has them, such
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
