import DICOM
import DICOMNode

/// One DICOM file an answer, `rsp0001.dcm` and so on, in the encoding in which it came.
final class FileAnswerWriter: AnswerWriter {
    private let folder: String
    private let sopClass: UID
    private let newUID: () -> UID

    /// - Parameter sopClass: of the query, as an answer has none of its own.
    init(folder: String, sopClass: UID, newUID: @escaping () -> UID) throws(AnswerWriterError) {
        do throws(FileProblem) {
            // Makes it where it is missing, before the peer is asked for anything.
            _ = try OutputFolder(FilePath(folder))
        } catch {
            throw AnswerWriterError(message: InputNotes.message(error))
        }
        self.folder = folder
        self.sopClass = sopClass
        self.newUID = newUID
    }

    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) throws(AnswerWriterError) {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: newUID(),
            transferSyntax: answer.transferSyntax)
        let path = folder + "/" + Self.name(number)
        do throws(SystemError) {
            try FileSink.write(meta.encode() + answer.bytes, to: path)
        } catch {
            throw AnswerWriterError(message: Message("cannot write \(path)", error.reason))
        }
    }

    /// At least four digits, so that the names of ten thousand answers sort as they came.
    private static func name(_ number: Int) -> String {
        let digits = String(number)
        return "rsp" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".dcm"
    }
}
