import DICOM
import DICOMProtocol
import System

/// What a comparison has found of one entity.
struct ComparisonResult {
    let difference: Difference
    let uids: [String]
    var differences: [ComparedDifference] = []
    /// The compared attributes as the sides have them; nil where a side does not have the entity.
    var first: [String?]?
    var second: [String?]?
}

/// Prints the results of a comparison, and counts them.
final class ComparisonOutput {
    private let options: CompareOptions
    private let level: QueryLevel
    /// Of the compared attributes, as the results name them.
    let names: [String]
    private let sink: any ByteSink
    private let events: EventWriter?
    private var buffer: [UInt8] = []
    private var hasTitles = false
    private(set) var failure: ByteSinkError?
    private var counts = [Int](repeating: 0, count: Difference.allCases.count)

    private static let capacity = 64 * 1024

    init(_ options: CompareOptions, _ level: QueryLevel, to sink: any ByteSink, events: EventWriter?) {
        self.options = options
        self.level = level
        self.sink = sink
        self.events = events
        names = options.columns.map { $0.tags.map { DataDictionary.keyword(of: $0) }.joined(separator: ".") }
    }

    func count(_ difference: Difference) -> Int {
        Difference.allCases.firstIndex(of: difference).map { counts[$0] } ?? 0
    }

    func write(_ result: ComparisonResult) {
        if let index = Difference.allCases.firstIndex(of: result.difference) { counts[index] += 1 }
        guard options.shown.contains(result.difference), failure == nil else { return }
        switch options.format {
        case .csv: appendRow(result)
        case .jsonl: events?.write(event(result))
        default: appendLine(result)
        }
        if buffer.count >= Self.capacity { flush() }
    }

    func finish() {
        if options.format == .csv { appendTitles() }
        flush()
    }

    func flush() {
        guard failure == nil, !buffer.isEmpty else { return }
        do throws(ByteSinkError) { try sink.write(buffer.span.bytes) } catch { failure = error }
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Text

    /// The mark, the UIDs, what differs; of what only one side has, the compared attributes.
    private func appendLine(_ result: ComparisonResult) {
        var line = "\(result.difference.mark) \(result.uids.map { DisplayText.line($0) }.joined(separator: " "))"
        if !result.differences.isEmpty {
            line +=
                "  "
                + result.differences.map {
                    "\($0.attribute) \(Self.quoted($0.first)) | \(Self.quoted($0.second))"
                }.joined(separator: "; ")
        } else if let values = result.first ?? result.second {
            let known = zip(names, values).compactMap { name, value in value.map { "\(name) \(Self.quoted($0))" } }
            if !known.isEmpty { line += "  " + known.joined(separator: "; ") }
        }
        buffer.append(contentsOf: (line + "\n").utf8)
    }

    private static func quoted(_ value: String) -> String {
        let isNumber = !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isNumber ? value : "\"\(DisplayText.line(value))\""
    }

    // MARK: CSV

    private var keys: [Tag] {
        InformationModel.studyRoot.levels.filter { $0 <= level }.map { InformationModel.uniqueKey(of: $0) }
    }

    private func appendTitles() {
        guard !hasTitles else { return }
        hasTitles = true
        let titles =
            [ComparisonHeading.outcome] + keys.map { DataDictionary.keyword(of: $0) }
            + [ComparisonHeading.differences]
            + names.flatMap { [$0, ComparisonHeading.second($0)] }
        SeparatedMatchWriter.Separator.comma.append(titles, to: &buffer)
    }

    private func appendRow(_ result: ComparisonResult) {
        appendTitles()
        let differences = result.differences.map { "\($0.attribute) \($0.first) | \($0.second)" }
        // One below which nothing was listed has neither the UIDs nor the attributes of a lower level.
        let noUIDs = [String](repeating: "", count: max(0, keys.count - result.uids.count))
        var cells = [result.difference.rawValue] + result.uids + noUIDs + [differences.joined(separator: "; ")]
        for index in names.indices {
            for values in [result.first, result.second] {
                cells.append(values.flatMap { index < $0.count ? $0[index] : nil } ?? "")
            }
        }
        SeparatedMatchWriter.Separator.comma.append(cells.map { DisplayText.harmless($0) }, to: &buffer)
    }

    // MARK: JSON lines

    private func event(_ result: ComparisonResult) -> RunEvent {
        var event = RunEvent(RunEvent.Name(result.difference))
        for (key, uid) in zip([RunEvent.Key.studyInstanceUID, .seriesInstanceUID, .sopInstanceUID], result.uids) {
            event.set(key, uid)
        }
        if !result.differences.isEmpty {
            event.set(
                .differences,
                .array(
                    result.differences.map {
                        .object([
                            ("attribute", .string($0.attribute)), ("first", .string($0.first)),
                            ("second", .string($0.second)),
                        ])
                    }))
        }
        if let values = result.first ?? result.second, !names.isEmpty {
            event.set(
                .attributes,
                .object(zip(names, values).compactMap { name, value in value.map { (name, JSONValue.string($0)) } }))
        }
        return event
    }
}

extension RunEvent.Name {
    init(_ difference: Difference) {
        self =
            switch difference {
            case .missing: .missing
            case .extra: .extra
            case .different: .different
            case .doubtful: .doubtful
            case .equal: .equal
            }
    }
}
