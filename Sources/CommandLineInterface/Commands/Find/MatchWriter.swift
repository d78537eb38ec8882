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

/// The settings of a format that depend on the run.
struct MatchLayout {
    /// `Find Response` or `WL Find Response`.
    var title = "Find Response"
    /// The columns of table, CSV and TSV.
    var columns: [MatchColumn] = []
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
        case .count: CountMatchWriter()
        case .csv: SeparatedMatchWriter(layout, separator: .comma)
        case .tsv: SeparatedMatchWriter(layout, separator: .tab)
        case .dcm: try files()
        }
    }
}

/// Buffers the text of matches, and writes it in pieces that are worth a system call.
final class MatchOutput {
    /// The number of buffered bytes that are written at once.
    private static let capacity = 64 * 1024

    private let writer: any MatchWriter
    private let sink: any ByteSink
    private var buffer: [UInt8] = []
    /// The first failure, after which nothing is written.
    private(set) var failure: RunFailure?
    /// True if the reader wants no more matches.
    private(set) var isReaderGone = false

    init(_ writer: any MatchWriter, to sink: any ByteSink) {
        self.writer = writer
        self.sink = sink
        buffer.reserveCapacity(Self.capacity * 2)
    }

    /// Writes a match. Returns false if this one or an earlier one could not be written.
    func write(_ match: Match, number: Int) -> Bool {
        guard failure == nil else { return false }
        do throws(RunFailure) {
            try writer.append(match, number: number, to: &buffer)
        } catch {
            failure = error
        }
        if buffer.count >= Self.capacity { writeBuffer() }
        return failure == nil && !isReaderGone
    }

    /// Writes what is buffered, because the next match is not there yet.
    func flush() {
        writer.flush(to: &buffer)
        writeBuffer()
    }

    func finish() {
        guard failure == nil else { return }
        writer.finish(&buffer)
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
                failure = RunFailure(.localFiles, Message("standard output", error.description))
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
