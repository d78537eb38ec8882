import DICOM
import DICOMNode
import DICOMProtocol

/// Writes the matches of a query in one of the formats, each as it arrives.
///
/// A writer appends to a buffer that ``MatchOutput`` writes when it is full, or when the next match is not there yet: a match
/// costs no system call of its own.
protocol MatchWriter: AnyObject {
    /// - Parameter number: counted from 1, over all queries of the run.
    /// - Throws: ``RunFailure`` if the file of a match cannot be written.
    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) throws(RunFailure)

    /// Called while the next match is not there yet: matches that were held back for the sake of layout may be appended.
    func flush(to buffer: inout [UInt8])

    /// Appends the text after the last match.
    func finish(_ buffer: inout [UInt8])
}

extension MatchWriter {
    func flush(to buffer: inout [UInt8]) {}
    func finish(_ buffer: inout [UInt8]) {}
}

/// One match: the bytes as received, and the data set decoded from them.
struct Match {
    let bytes: ArraySlice<UInt8>
    let transferSyntax: TransferSyntax
    var dataSet: DataSet
    /// The peer that returned it, as messages name it.
    var node = ""
}

extension Match {
    init(_ response: FindSCU.Match, _ dataSet: DataSet, node: String) {
        self.init(bytes: response.bytes, transferSyntax: response.transferSyntax, dataSet: dataSet, node: node)
    }
}

/// The settings of a format that depend on the run.
struct MatchLayout {
    /// `Find Response` or `WL Find Response`.
    var title = "Find Response"
    /// The columns of table, CSV and TSV.
    var columns: [MatchColumn] = []
    /// The attributes that were named to be returned, and those of which a key gives the one value that all matches have; both by
    /// their paths.
    var named: [[Tag]] = []
    var constants: Set<[Tag]> = []
    /// The attribute without which the matches cannot be told apart, if it is not known by heart: that of instances.
    var identity: [Tag] = []
    /// The attribute of a table on a terminal whose columns have no value: the unique key of the level.
    var fallback: [Tag] = []
    /// True if several peers are queried, and each match is shown with its node.
    var showsNodes = false
    var table = TableStyle()
    /// The character set of matches that do not name one.
    var assumedCharacterSet = SpecificCharacterSet.defaultRepertoire
    /// True if JSON must be ASCII, as the output has another encoding than UTF-8.
    var escapesNonASCII = false
}

extension ResultFormat {
    /// The writer of the format.
    ///
    /// - Parameter files: makes the writer of ``ResultFormat/dcm``.
    /// - Throws: ``RunFailure`` if `files` does.
    func writer(
        _ layout: MatchLayout, files: () throws(RunFailure) -> any MatchWriter
    ) throws(RunFailure) -> any MatchWriter {
        switch self {
        case .text: TextMatchWriter(layout)
        case .table: TableMatchWriter(layout)
        case .json: JSONMatchWriter(layout, isArray: true)
        case .jsonl: JSONMatchWriter(layout, isArray: false)
        case .count, .nagios, .prometheus: CountMatchWriter()
        case .csv: SeparatedMatchWriter(layout, separator: .comma)
        case .tsv: SeparatedMatchWriter(layout, separator: .tab)
        case .dcm: try files()
        }
    }
}

/// The output of a run: the matches in their order, as many as are wanted, in pieces that are worth a system call.
final class MatchOutput {
    /// The number of buffered bytes that are written at once.
    private static let capacity = 64 * 1024

    /// Empty for that of the server, and once the matches are sorted.
    private var order: [SortKey]
    private let limit: Int?
    /// Matches that were accepted, over all queries of the run.
    private(set) var count = 0
    /// True if no more matches are wanted.
    private(set) var isLimited = false
    /// The matches that wait to be sorted.
    private var held: [Match] = []
    private let writer: any MatchWriter
    private let sink: any ByteSink
    private var buffer: [UInt8] = []
    /// The first failure, after which nothing is written.
    private(set) var failure: RunFailure?
    /// True if the reader wants no more matches.
    private(set) var isReaderGone = false

    /// - Parameters:
    ///   - order: empty for that of the server; otherwise all matches are held until ``finish(isComplete:)``.
    ///   - limit: the number of matches that are written.
    init(_ writer: any MatchWriter, to sink: any ByteSink, order: [SortKey] = [], limit: Int? = nil) {
        self.writer = writer
        self.sink = sink
        self.order = order
        self.limit = limit
        buffer.reserveCapacity(Self.capacity * 2)
    }

    /// Takes a match: writes it, or holds it to be sorted. The query is cancelled if no more are wanted, or can be written.
    func accept(_ match: Match) -> ExchangeControl {
        count += 1
        guard order.isEmpty else {
            held.append(match)
            return .goOn
        }
        do throws(RunFailure) {
            try writer.append(match, number: count, to: &buffer)
        } catch {
            failure = error
        }
        if buffer.count >= Self.capacity { writeBuffer() }
        if let limit, count >= limit { isLimited = true }
        return mayGoOn ? .goOn : .cancel
    }

    /// Ends the matches before the limit is reached.
    func stop() { isLimited = true }

    /// True if more matches are wanted and can be written.
    var mayGoOn: Bool { failure == nil && !isReaderGone && !isLimited }

    /// Writes what is buffered, because the next match is not there yet.
    func flush() {
        writer.flush(to: &buffer)
        writeBuffer()
    }

    /// Writes the matches that were held, as many as the limit allows, and what follows the last one.
    ///
    /// - Parameter isComplete: False if a query failed, and what tells of all matches must not be written.
    func finish(isComplete: Bool) {
        let sorted = MatchOrder(order).sorted(held, by: \.dataSet)
        if !order.isEmpty { (order, held, count, isLimited) = ([], [], 0, false) }
        for match in sorted where mayGoOn { _ = accept(match) }
        guard failure == nil else { return }
        if isComplete { writer.finish(&buffer) }
        writeBuffer()
    }

    private func writeBuffer() {
        guard failure == nil, !isReaderGone, !buffer.isEmpty else { return }
        do throws(ByteSinkError) {
            try sink.write(buffer.span.bytes)
        } catch {
            if error.isReaderGone {
                isReaderGone = true
            } else {
                failure = RunFailure(error.exitCode, Message("standard output", error.description))
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
