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

    /// - Parameters:
    ///   - bytes: the first ones of the data set.
    ///   - isAll: True if no more bytes can be had.
    init(_ bytes: ArraySlice<UInt8>, agreed: TransferSyntax, isAll: Bool) {
        let prefixEnd = FileMetaInformation.preambleLength + FileMetaInformation.prefix.count
        guard bytes.count >= prefixEnd || isAll else {
            self = .undecided
            return
        }
        let hasPrefix = bytes.dropFirst(FileMetaInformation.preambleLength).starts(with: FileMetaInformation.prefix)
        if hasPrefix || bytes.starts(with: [0x02, 0x00]) {
            do throws(DataSetError) {
                let (meta, offset) = try FileMetaInformation.decode(bytes)
                self = .file(meta.transferSyntax, dataSetOffset: offset)
                return
            } catch {
                if error.code == .truncated, !isAll {
                    self = .undecided
                    return
                }
            }
        }
        let seen = TransferSyntax.guessed(fromDataSet: bytes)
        guard let seen,
            agreed.isDeflated || seen.isExplicitVR != agreed.isExplicitVR
                || seen.isBigEndian != agreed.isBigEndian
        else {
            self = .asAgreed
            return
        }
        self = .other(seen)
    }
    /// The same bytes, whose pixels show that they are in another syntax than their beginning could tell.
    func inSyntax(_ syntax: TransferSyntax) -> ReceivedDataSet {
        switch self {
        case .undecided, .asAgreed, .other: .other(syntax)
        case .file(_, let offset): .file(syntax, dataSetOffset: offset)
        }
    }
}
