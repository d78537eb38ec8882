import DICOM
import DICOMNode

/// One DICOM file an answer, `rsp0001.dcm` and so on, in the encoding in which it came.
///
/// What an earlier run has left under such a name is treated as any file that is in the way: see ``InstanceWriter/Existing``.
final class FileAnswerWriter: AnswerWriter {
    private let folder: OutputFolder
    private let existing: InstanceWriter.Existing
    private let sopClass: UID
    private let newUID: () -> UID
    private let report: (FilePath, InstanceWriter.Outcome.Kind) -> Void

    /// - Parameters:
    ///   - sopClass: of the query, as an answer has none of its own.
    ///   - report: told where each answer went.
    init(
        folder: String, existing: InstanceWriter.Existing, sopClass: UID, newUID: @escaping () -> UID,
        report: @escaping (FilePath, InstanceWriter.Outcome.Kind) -> Void
    ) throws(AnswerWriterError) {
        do throws(FileProblem) {
            // Makes it where it is missing, before the peer is asked for anything.
            self.folder = try OutputFolder(FilePath(folder), syncing: .none)
        } catch {
            throw AnswerWriterError(message: Message(error))
        }
        self.existing = existing
        self.sopClass = sopClass
        self.newUID = newUID
        self.report = report
    }

    func append(_ answer: Answer, number: Int, to buffer: inout [UInt8]) throws(AnswerWriterError) {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: newUID(),
            transferSyntax: answer.transferSyntax)
        do throws(FileProblem) {
            let (path, kind) = try folder.write(
                meta.encode() + answer.bytes, named: Self.name(number), existing: existing)
            report(path, kind)
        } catch {
            throw AnswerWriterError(message: Message(error))
        }
    }

    /// At least four digits, so that the names of ten thousand answers sort as they came.
    private static func name(_ number: Int) -> String {
        "rsp" + DecimalDigits.text(number, count: 4) + ".dcm"
    }
}
