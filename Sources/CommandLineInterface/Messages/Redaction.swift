import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Keeps patient data out of messages and logs: names of persons wherever they show, what was asked for by name, number
/// or accession number and what an instance says of its patient where a peer repeats it, and the parts of paths that were
/// made of such values.
///
/// Names of files that were given are shown, as a message about a file that it does not name would be of no use; but
/// for what looks like the name of a person in them.
package final class Redaction: Sendable {
    static let mark = DataSet.hiddenValue

    /// Replaces the password of a URL, such as that of a proxy.
    static func withoutPassword(_ argument: String) -> String {
        guard let start = argument.firstRange(of: "://")?.upperBound, let end = argument.lastIndex(of: "@"),
            start < end,
            let colon = argument[start..<end].firstIndex(of: ":")
        else { return argument }
        return argument[...colon] + mark + argument[end...]
    }

    /// Nothing is hidden: `--log-phi`.
    package static let off = Redaction(isOn: false)
    /// Names of persons are hidden; nothing is known that a peer might repeat.
    package static let names = Redaction(isOn: true)

    /// A type of its own: most runs learn nothing, and need not make one of a set at their start.
    private struct KnownValues {
        var parts: Set<String> = []
        /// The same in the order in which they were learnt.
        var order: [String] = []
        /// The one that gives way to the next.
        var oldest = 0

        mutating func learn(_ part: String) {
            guard parts.insert(part).inserted else { return }
            guard order.count == Redaction.maximumKnown else { return order.append(part) }
            parts.remove(order[oldest])
            order[oldest] = part
            oldest = (oldest + 1) % order.count
        }
    }

    /// A list may ask for any number of patients: the latest are remembered.
    private static let maximumKnown = 4_096

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
        learn(knownValues)
    }

    /// The value of an attribute as messages may show it.
    func shown(_ value: String, of tag: Tag) -> String { isOn && tag.isPatientData ? Self.mark : value }

    /// Hides from now on what identifies a patient in a query, wherever a peer repeats it.
    func learn(_ query: DataSet) {
        guard isOn else { return }
        learn(query.patientValues)
    }

    private func learn(_ values: [String]) {
        let parts = values.flatMap(Self.tellingParts)
        guard !parts.isEmpty else { return }
        knownValues.withLock { known in for part in parts { known.learn(part) } }
    }

    /// The words of a value, which a peer may repeat one by one; of a date also the forms in which people write it. The
    /// words of longer text are everybody's.
    private static func tellingParts(of value: String) -> [String] {
        let words = words(of: value)
        guard words.count <= maximumWords else { return [value.lowercased()] }
        guard words.count == 1, let date = words.first, date.utf8.count == 8, date.allSatisfy(\.isNumber) else {
            return words.flatMap(forms)
        }
        let (year, month, day) = (date.prefix(4), date.dropFirst(4).prefix(2), date.suffix(2))
        return [
            date, "\(year)-\(month)-\(day)", "\(day).\(month).\(year)", "\(month)/\(day)/\(year)",
            "\(day)/\(month)/\(year)", "\(year)/\(month)/\(day)",
        ]
    }

    private static let maximumWords = 12

    private static func words(of value: String) -> [String] {
        value.split(whereSeparator: { "^=\\*? ".contains($0) }).map { $0.lowercased() }
    }

    /// The forms in which people write a word: "Becker-Schmidt" also by its parts and as one word, a number without the
    /// zeros in front of it.
    private static func forms(of word: String) -> [String] {
        let parts = word.split { !$0.isLetter && !$0.isNumber }.map { String($0) }
        guard parts.count > 1 else {
            let digits = word.drop { $0 == "0" }
            let isShorter = word.allSatisfy(\.isNumber) && digits.count < word.count
            return isShorter && digits.count >= shortestPartOfWord ? [word, String(digits)] : [word]
        }
        // What stands between the points of a number is in many others.
        let telling = parts.filter { $0.count > 1 && $0.contains { $0.isLetter } }
        let together = parts.joined()
        return [word] + telling + (together.count > shortestPartOfWord ? [together] : [])
    }

    /// The words of text that may say who the patient is, and need not: those of a description. They are everybody's, and
    /// so they are hidden where they stand alone.
    private static func describingParts(of value: String) -> [String] {
        let words = words(of: value)
        guard words.count <= maximumWords else { return [value.lowercased()] }
        return words.flatMap { word in
            [word] + word.split { !$0.isLetter && !$0.isNumber }.map { String($0) }
        }.filter { $0.count > 1 }
    }

    /// A response whose comment holds no patient data, for messages, results and journals alike.
    ///
    /// - Parameter attributes: those of the instance or the matches that the response may be about; asked for only where there is
    ///   a comment.
    func hidingPatientData(
        in response: CommandSet, about attributes: @autoclosure () -> [DataSet]
    ) -> CommandSet {
        guard isOn, let comment = response.errorComment, !comment.isEmpty else { return response }
        var response = response
        response.errorComment = peerText(comment, about: attributes())
        return response
    }

    // MARK: Text

    /// The words of a member of an event.
    @Sendable func words(_ key: RunEvent.Key, _ text: String) -> String {
        key == .comment ? peerText(text) : ownText(text)
    }

    /// Our own words, which can hold paths.
    func ownText(_ text: String) -> String {
        guard isOn else { return text }
        return hidingNames(hidingPathParts(text))
    }

    /// Words of a peer, which can hold anything.
    ///
    /// - Parameter attributes: of what they are about.
    func peerText(_ text: String, about attributes: [DataSet] = []) -> String {
        guard isOn else { return text }
        let told = Set(attributes.flatMap(\.patientValues).flatMap(Self.tellingParts))
        let describing = Set(attributes.flatMap(\.textsThatMayHoldPatientData).flatMap(Self.describingParts))
        let parts = knownValues.withLock { $0.order } + told
        return hidingNames(Self.hiding(parts, words: describing, in: text))
    }

    /// Shorter words stand in many others, and are hidden only where they stand alone.
    private static let shortestPartOfWord = 3

    /// Upper and lower case alike, the longest first: a part of a name must not keep the rest of it from being found.
    ///
    /// - Parameter words: hidden where they stand alone.
    private static func hiding(_ parts: [String], words: Set<String>, in text: String) -> String {
        guard !parts.isEmpty || !words.isEmpty, !text.isEmpty else { return text }
        var byFirst: [String: [(characters: [String], standsAlone: Bool)]] = [:]
        func add(_ part: String, standsAlone: Bool) {
            let characters = part.map { String($0) }
            if let first = characters.first { byFirst[first, default: []].append((characters, standsAlone)) }
        }
        for part in parts { add(part, standsAlone: part.count < shortestPartOfWord) }
        for word in words { add(word, standsAlone: true) }
        let characters = Array(text)
        let folded = characters.map { $0.lowercased() }
        func isWord(_ index: Int) -> Bool {
            characters.indices.contains(index) && (characters[index].isLetter || characters[index].isNumber)
        }
        var result = ""
        var index = 0
        while index < characters.count {
            let longest = (byFirst[folded[index]] ?? []).filter { part in
                let end = index + part.characters.count
                guard end <= folded.count, folded[index..<end].elementsEqual(part.characters) else { return false }
                return !part.standsAlone || (!isWord(index - 1) && !isWord(end))
            }.map(\.characters.count).max()
            if let longest {
                result += mark
                index += longest
            } else {
                result.append(characters[index])
                index += 1
            }
        }
        return result
    }

    /// The characters at which a name may begin and end in a message.
    private static let boundaries = Set("/:;,\"'()[]=<>\n\t")
    /// The example of a name in our own help.
    private static let template = "FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX"

    /// Hides what looks like a person name of DICOM: words with a caret between them.
    private func hidingNames(_ text: String) -> String {
        // By bytes: each message comes here.
        guard text.utf8.contains(UInt8(ascii: "^")) else { return text }
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

    /// Shows paths in the output directory as the pattern of names has them, as far as they were made of patient data.
    private func hidingPathParts(_ text: String) -> String {
        guard let outputDirectory else { return text }
        let prefix = outputDirectory.hasSuffix("/") ? outputDirectory : outputDirectory + "/"
        guard text.contains(prefix) else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: prefix) {
            result += rest[..<start.upperBound]
            rest = rest[start.upperBound...]
            // The name of another folder may end like that.
            if let before = result.dropLast(prefix.count).last, !Self.boundaries.contains(before), before != " " {
                continue
            }
            // Behind the path stands what is said about it.
            let path = rest.prefix(
                upTo: Self.pathEnds.compactMap { rest.firstRange(of: $0)?.lowerBound }.min() ?? rest.endIndex)
            if givenPaths.contains(prefix + path) { continue }
            var components = path.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
            // What nobody asked for has a path of the same form in a folder of its own.
            let first = components.first == InstanceWriter.unexpectedFolder ? 1 : 0
            for (index, shown) in shownComponents.enumerated() where first + index < components.count {
                if let shown { components[first + index] = shown }
            }
            result += components.joined(separator: "/")
            rest = rest[path.endIndex...]
        }
        return result + rest
    }

    private static let pathEnds = [": ", ", ", "; ", "\"", " ("]
}

/// The last matches of a query, whose patients the comment of its final response may name. They are kept as they were sent:
/// nearly no response has a comment.
struct RecentMatches {
    private static let maximumCount = 1_000
    private static let maximumSize = 1 << 20

    private var matches: [FindSCU.Match] = []
    /// In bytes, of all.
    private var size = 0
    /// The one that gives way to the next.
    private var oldest = 0

    /// Those that can be decoded.
    var dataSets: [DataSet] { matches.compactMap { try? $0.identifier() } }

    mutating func append(_ match: FindSCU.Match) {
        let count = match.bytes.count
        if size + count > Self.maximumSize { (matches, size, oldest) = ([], 0, 0) }
        size += count
        guard matches.count == Self.maximumCount else { return matches.append(match) }
        size -= matches[oldest].bytes.count
        matches[oldest] = match
        oldest = (oldest + 1) % matches.count
    }
}
