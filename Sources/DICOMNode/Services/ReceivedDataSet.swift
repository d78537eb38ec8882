import DICOM

/// The encoding of a received data set, as its first bytes show it.
///
/// A sender may use another syntax than the one that was agreed on, or send a whole file of PS3.10 in the place of its
/// data set. The bytes are what they are: the file that is made of them says so.
enum ReceivedDataSet {
    /// The bytes are too few to tell.
    case undecided
    /// As it was agreed on.
    case asAgreed
    /// In another native transfer syntax.
    case other(TransferSyntax)
    /// A whole file: the data set begins behind its file meta information.
    case file(TransferSyntax, dataSetOffset: Int)

    /// Beyond this no file meta information goes on.
    static let longestBeginning = 64 * 1024

    /// - Parameter isAll: True if no more bytes follow.
    init(_ bytes: UnsafeRawBufferPointer, agreed: TransferSyntax, isAll: Bool) {
        let prefixEnd = FileMetaInformation.preambleLength + FileMetaInformation.prefix.count
        guard bytes.count >= prefixEnd || isAll else {
            self = .undecided
            return
        }
        let hasPrefix = bytes.dropFirst(FileMetaInformation.preambleLength).starts(with: FileMetaInformation.prefix)
        if hasPrefix || bytes.starts(with: [0x02, 0x00]) {
            do throws(DataSetError) {
                let beginning = Array(bytes.prefix(Self.longestBeginning))
                let (meta, offset) = try FileMetaInformation.decode(beginning[...])
                self = .file(meta.transferSyntax, dataSetOffset: offset)
                return
            } catch {
                if error.code == .truncated, !isAll, bytes.count < Self.longestBeginning {
                    self = .undecided
                    return
                }
            }
        }
        let seen = TransferSyntax.guessed(fromDataSet: Array(bytes.prefix(16))[...])
        guard let seen,
            agreed.isDeflated || seen.isExplicitVR != agreed.isExplicitVR
                || seen.isBigEndian != agreed.isBigEndian
        else {
            self = .asAgreed
            return
        }
        self = .other(seen)
    }
}
