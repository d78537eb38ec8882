import DICOM
import DICOMNode
import System

/// Keeps patient data out of messages and logs: names of persons wherever they show, what was asked for by name, number
/// or accession number where a peer repeats it, and the parts of paths that were made of such values.
///
/// Names of files that were given are shown, as a message about a file that it does not name would be of no use; but
/// for what looks like the name of a person in them.
package struct Redaction: Sendable {
    static let mark = DataSet.hiddenValue

    /// Nothing is hidden: `--log-phi`.
    package static let off = Redaction(isOn: false)
    /// Names of persons are hidden; nothing is known that a peer might repeat.
    package static let names = Redaction(isOn: true)

    /// A type of its own: most runs learn nothing, and need not make one of a set at their start.
    private struct KnownValues {
        var parts: Set<String> = []
    }

    package let isOn: Bool
    /// The requested patient data; a run adds to it as it reads its queries.
    private let knownValues = Locked(KnownValues())
    private let outputDirectory: String?
    private let shownComponents: [String?]
    /// Files that were given, which are shown as they are, also in the output directory.
    private let givenPaths: [String]

    /// - Parameters:
    ///   - knownValues: the values that identify a patient in what is asked for.
    ///   - outputDirectory: the folder below which paths are made of attributes.
    ///   - shownComponents: the components of such a path as messages show them; nil where the component itself may be shown.
    ///   - givenPaths: files that were given, such as the journal, which may be in that folder.
    init(
        isOn: Bool, knownValues: [String] = [], outputDirectory: String = "", shownComponents: [String?] = [],
        givenPaths: [String] = []
    ) {
        self.isOn = isOn
        self.givenPaths = givenPaths
        self.shownComponents = shownComponents
        self.outputDirectory = shownComponents.contains { $0 != nil } ? outputDirectory : nil
        for value in knownValues { learn(value) }
    }

    /// Hides from now on what identifies a patient in a query, wherever a peer repeats it.
    func learn(_ query: DataSet) {
        guard isOn else { return }
        for element in query.elements {
            switch element.value {
            case .items(let items): for item in items { learn(item) }
            case .bytes where element.tag.isPatientData || element.tag.isPatientData(element.vr):
                for value in query.strings(element.tag) { learn(value) }
            default: break
            }
        }
    }

    private func learn(_ value: String) {
        let parts = Self.tellingParts(of: value)
        knownValues.withLock { $0.parts.formUnion(parts) }
    }

    /// Shorter parts are not telling, and would be found everywhere.
    private static let minimumKnownLength = 3

    private static func tellingParts(of value: String) -> [String] {
        value.split(whereSeparator: { "^=\\*? ".contains($0) }).map { String($0) }.filter {
            $0.count >= minimumKnownLength
        }
    }

    // MARK: Text

    /// Our own words, which can hold paths.
    func ownText(_ text: String) -> String {
        guard isOn else { return text }
        return hidingNames(hidingPathParts(text))
    }

    /// Words of a peer, which can hold anything.
    func peerText(_ text: String) -> String {
        guard isOn else { return text }
        var text = text
        // The longest first: a part of a name must not keep the rest of it from being found.
        for value in knownValues.withLock({ $0.parts }).sorted(by: { $0.count > $1.count }) {
            text = text.replacing(value, ignoringCaseWith: Self.mark)
        }
        return hidingNames(text)
    }

    /// The characters at which a name may begin and end in a message.
    private static let boundaries = Set("/:;,\"'()[]=<>\n\t")
    /// The example of a name in our own help.
    private static let template = "FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX"

    /// Hides what looks like a person name of DICOM: words with a caret between them.
    private func hidingNames(_ text: String) -> String {
        guard text.contains("^") else { return text }
        var result = ""
        var part = ""
        func flush() {
            let trimmed = part.drop { $0 == " " }
            let isName = part.contains("^") && part.contains { $0.isLetter } && trimmed != Self.template[...]
            result += isName ? part.prefix { $0 == " " } + Self.mark : part
            part = ""
        }
        for character in text {
            guard Self.boundaries.contains(character) else {
                part.append(character)
                continue
            }
            flush()
            result.append(character)
        }
        flush()
        return result
    }

    /// Shows a path in the output directory as the pattern of names has it, as far as it was made of patient data.
    private func hidingPathParts(_ text: String) -> String {
        guard let outputDirectory else { return text }
        let prefix = outputDirectory.hasSuffix("/") ? outputDirectory : outputDirectory + "/"
        guard text.hasPrefix(prefix) else { return text }
        // Behind the path of a message stands what is said about it.
        let path = text.prefix(upTo: text.range(ofFirst: ": ") ?? text.endIndex)
        if givenPaths.contains(where: { path == $0 || path.hasPrefix("\($0), ") }) { return text }
        let rest = text[path.endIndex...]
        var components = path.dropFirst(prefix.count).split(separator: "/", omittingEmptySubsequences: false).map {
            String($0)
        }
        // What nobody asked for has a path of the same form in a folder of its own.
        let start = components.first == InstanceWriter.unexpectedFolder ? 1 : 0
        for (index, shown) in shownComponents.enumerated() where start + index < components.count {
            if let shown { components[start + index] = shown }
        }
        return prefix + components.joined(separator: "/") + rest
    }
}

extension String {
    fileprivate func range(ofFirst word: String) -> Index? {
        indices.first { self[$0...].hasPrefix(word) }
    }

    /// All occurrences replaced, upper and lower case alike.
    fileprivate func replacing(_ word: String, ignoringCaseWith mark: String) -> String {
        let word = Array(word.lowercased())
        let characters = Array(self)
        var result = ""
        var index = 0
        while index < characters.count {
            let end = index + word.count
            if end <= characters.count,
                characters[index..<end].elementsEqual(word, by: { $0.lowercased() == String($1) })
            {
                result += mark
                index = end
            } else {
                result.append(characters[index])
                index += 1
            }
        }
        return result
    }
}
