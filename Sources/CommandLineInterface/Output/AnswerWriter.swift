import DICOM
import DICOMNode

/// Writes the answers of a query in one of the formats, each as it arrives.
protocol AnswerWriter: AnyObject {
    func write(_ answer: DataSet, number: Int) throws(ByteSinkError)
    /// What stands after the last answer.
    func finish() throws(ByteSinkError)
}

enum AnswerWriters {
    static func make(for invocation: Invocation, output: any ByteSink) -> any AnswerWriter {
        switch invocation.format {
        case .text:
            let title = invocation.operation == .worklist ? "WL Find Response" : "Find Response"
            return TextAnswerWriter(title: title, output: output)
        case .json: return JSONAnswerWriter(output: output, isArray: true)
        case .jsonl: return JSONAnswerWriter(output: output, isArray: false)
        }
    }
}

/// The contract's text: a numbered heading, one line an element, an empty line.
final class TextAnswerWriter: AnswerWriter {
    private let title: String
    private let output: any ByteSink
    private var buffer: [UInt8] = []

    init(title: String, output: any ByteSink) {
        self.title = title
        self.output = output
    }

    func write(_ answer: DataSet, number: Int) throws(ByteSinkError) {
        buffer.removeAll(keepingCapacity: true)
        buffer.append(contentsOf: "\(title): \(number)\n".utf8)
        DataSetText.appendLines(answer, to: &buffer)
        buffer.append(UInt8(ascii: "\n"))
        try output.write(buffer)
    }

    func finish() throws(ByteSinkError) {}
}

/// The DICOM JSON Model (PS3.18 F): one array of all answers, or one object a line.
final class JSONAnswerWriter: AnswerWriter {
    private let output: any ByteSink
    private let isArray: Bool
    private var buffer: [UInt8] = []
    private var hasWritten = false

    init(output: any ByteSink, isArray: Bool) {
        self.output = output
        self.isArray = isArray
    }

    func write(_ answer: DataSet, number: Int) throws(ByteSinkError) {
        buffer.removeAll(keepingCapacity: true)
        if isArray { buffer.append(contentsOf: (hasWritten ? ",\n" : "[\n").utf8) }
        DICOMJSON.append(answer, to: &buffer)
        if !isArray { buffer.append(UInt8(ascii: "\n")) }
        hasWritten = true
        try output.write(buffer)
    }

    func finish() throws(ByteSinkError) {
        if isArray { try output.write(hasWritten ? "\n]\n" : "[]\n") }
    }
}
