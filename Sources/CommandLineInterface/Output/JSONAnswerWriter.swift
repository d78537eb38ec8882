import DICOM

/// The DICOM JSON Model (PS3.18 F): one array of all answers, or one object a line.
///
/// Always UTF-8, as RFC 8259 has it; where the terminal has another encoding, what is not ASCII is escaped and stays readable
/// to every reader of JSON.
final class JSONAnswerWriter: AnswerWriter {
    private let layout: AnswerLayout
    private let isArray: Bool
    private var hasWritten = false

    init(_ layout: AnswerLayout, isArray: Bool) {
        self.layout = layout
        self.isArray = isArray
    }

    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) {
        if isArray { buffer.append(contentsOf: (hasWritten ? ",\n" : "[\n").utf8) }
        let start = buffer.count
        DICOMJSON.append(answer.dataSet, to: &buffer, inheritedCharacterSet: layout.assumedCharacterSet)
        if layout.escapesNonASCII { DICOMJSON.escapeNonASCII(in: &buffer, from: start) }
        if !isArray { buffer.append(UInt8(ascii: "\n")) }
        hasWritten = true
    }

    func finish(_ buffer: inout [UInt8]) {
        if isArray { buffer.append(contentsOf: (hasWritten ? "\n]\n" : "[]\n").utf8) }
    }
}
