import DICOM
import DICOMProtocol

/// Turns the answers of a query into one of the formats, each as it arrives.
///
/// A writer appends to a buffer that ``AnswerOutput`` passes on when it is full, or when nothing more is at hand: one answer
/// costs no system call of its own.
protocol AnswerWriter: AnyObject {
    /// - Parameter number: counted from 1, over all queries of the run.
    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) throws(AnswerWriterError)

    /// Nothing more is at hand for now: what was held back for the sake of layout may be wanted.
    func pause(_ buffer: inout [UInt8])

    /// What stands after the last answer.
    func finish(_ buffer: inout [UInt8])
}

extension AnswerWriter {
    func pause(_ buffer: inout [UInt8]) {}
    func finish(_ buffer: inout [UInt8]) {}
}

/// One match as it came, and as it is understood.
struct Answer {
    let bytes: ArraySlice<UInt8>
    let transferSyntax: TransferSyntax
    let dataSet: DataSet
}

/// Why results cannot be written: the rest of the answers would be for nothing.
struct AnswerWriterError: Error {
    let message: Message
}

/// What a format needs to know of the run.
struct AnswerLayout {
    /// `Find Response` or `WL Find Response`.
    var title = "Find Response"
    /// Of rows.
    var columns: [AnswerColumn] = []
    /// Of the terminal, in columns of characters; nil where nobody watches.
    var terminalWidth: Int?
    /// For answers that do not say their own.
    var assumedCharacterSet = SpecificCharacterSet.defaultRepertoire
    /// Whether what is printed may have other characters than ASCII without a conversion that knows them.
    var escapesNonASCII = false
}

extension ResultFormat {
    /// - Parameter files: made only for the format that writes files.
    func writer(
        _ layout: AnswerLayout, files: () throws(AnswerWriterError) -> any AnswerWriter
    ) throws(AnswerWriterError) -> any AnswerWriter {
        switch self {
        case .text: TextAnswerWriter(layout)
        case .table: TableAnswerWriter(layout)
        case .json: JSONAnswerWriter(layout, isArray: true)
        case .jsonl: JSONAnswerWriter(layout, isArray: false)
        case .csv: SeparatedAnswerWriter(layout, separator: .comma)
        case .tsv: SeparatedAnswerWriter(layout, separator: .tab)
        case .dcm: try files()
        }
    }
}
