import DICOM
import DICOMNode

/// Collects what a writer makes of answers, and passes it on in pieces that are worth a system call.
final class AnswerOutput {
    /// A page of the terminal many times over, and small beside what the process has anyway.
    private static let capacity = 64 * 1024

    private let writer: any AnswerWriter
    private let sink: any ByteSink
    private var buffer: [UInt8] = []
    /// Why nothing more is written; the first cause.
    private(set) var failure: Message?

    init(_ writer: any AnswerWriter, to sink: any ByteSink) {
        self.writer = writer
        self.sink = sink
        buffer.reserveCapacity(Self.capacity * 2)
    }

    /// False: it could not be written.
    func take(_ answer: Answer, number: Int) -> Bool {
        guard failure == nil else { return false }
        do throws(AnswerWriterError) {
            try writer.append(answer, number: number, to: &buffer)
        } catch {
            failure = error.message
        }
        if buffer.count >= Self.capacity { flush() }
        return failure == nil
    }

    /// Passes everything on, because nothing more is at hand.
    func pause() {
        writer.pause(&buffer)
        flush()
    }

    func finish() {
        guard failure == nil else { return }
        writer.finish(&buffer)
        flush()
    }

    private func flush() {
        guard failure == nil, !buffer.isEmpty else { return }
        do throws(ByteSinkError) {
            try sink.write(buffer.span.bytes)
        } catch {
            failure = Message("standard output", error.description)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
