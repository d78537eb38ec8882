import DICOM
import DICOMNode
import DICOMProtocol

/// Keeps reports as DICOM files, `<Transaction UID>.dcm`: the server's word in a form that any viewer shows.
///
/// A report is no storage instance; as one, the file names the class of storage commitment and the transaction.
final class CommitmentReportFiles: Sendable {
    private let folder: OutputFolder
    private let title: String
    private let problems = Locked<[FileProblem]>([])

    init(_ path: String, source title: String) throws(FileProblem) {
        folder = try OutputFolder(FilePath(path))
        self.title = title
    }

    /// Several threads may call it. What fails is told by ``finish()``.
    func keep(_ report: CommitmentReport) {
        guard let transaction = report.transactionUID else { return }
        if case .unknown = report.receipt { return }
        let syntax = TransferSyntax.explicitVRLittleEndian
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: StorageCommitmentRequest.sopClass, mediaStorageSOPInstanceUID: transaction,
            transferSyntax: syntax, sourceApplicationEntityTitle: title.isEmpty ? nil : title)
        let writer = InstanceWriter(in: folder, naming: .standard, metaInformation: meta)
        do throws(FileProblem) {
            let bytes = DataSetEncoder(syntax).encode(report.dataSet)
            // Not inside the closure of withUnsafeBytes, which cannot throw typed errors.
            let failure: FileProblem? = bytes.withUnsafeBytes { raw in
                do throws(FileProblem) {
                    try writer.write(raw)
                    return nil
                } catch {
                    return error
                }
            }
            if let failure { throw failure }
            // Parts of a split result stand side by side; the same report again is kept once.
            _ = try writer.finish(existing: .rename)
        } catch {
            problems.withLock { $0.append(error) }
        }
    }

    /// Forces the files onto the disk; what went wrong with any of them.
    func finish() -> [FileProblem] {
        do throws(FileProblem) {
            try folder.sync()
        } catch {
            problems.withLock { $0.append(error) }
        }
        return problems.withLock { $0 }
    }
}
