import DICOM

/// The contract's text: a numbered heading, one line an element, an empty line.
final class TextAnswerWriter: AnswerWriter {
    private let layout: AnswerLayout
    private let title: [UInt8]
    private var comments = ElementComments()

    init(_ layout: AnswerLayout) {
        self.layout = layout
        title = Array("\(layout.title): ".utf8)
    }

    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) {
        buffer.append(contentsOf: title)
        buffer.append(contentsOf: "\(number)\n".utf8)
        DataSetText.appendLines(
            answer.dataSet, to: &buffer, inheritedCharacterSet: layout.assumedCharacterSet, comments: &comments)
        buffer.append(UInt8(ascii: "\n"))
    }
}
