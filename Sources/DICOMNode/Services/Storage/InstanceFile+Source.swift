package import DICOM
package import DICOMProtocol

extension InstanceFile {
    /// Up to here system calls cost more than copying.
    private static let longestInMemory: UInt64 = 64 * 1024

    /// The data set to be sent in a transfer syntax: the file's own, untouched, or another native one, rewritten as it
    /// goes.
    ///
    /// - Parameter staysOpen: whether the file may be held open until the peer has answered, so that it can be sent
    ///   without being read.
    /// - Throws: where the file is not what it was any more, or ends in the middle of an element.
    package func dataSetSource(
        as syntax: TransferSyntax, staysOpen: Bool = true
    ) throws(FileProblem) -> any DataSetSource {
        let descriptor = try reopen()
        if syntax == transferSyntax, !syntax.isDeflated, size <= Self.longestInMemory {
            // The bytes that are checked are then the ones sent, with one read.
            let bytes = try readWhole(descriptor)
            let end = try checkComplete(bytes)
            return MemoryDataSetSource(bytes, from: Int(dataSetOffset), to: Int(end))
        }
        let end = try checkComplete(descriptor)
        guard syntax != transferSyntax else {
            return FileDataSetSource(self, descriptor: descriptor, end: end, staysOpen: staysOpen)
        }
        do throws(DataSetError) {
            return try RewritingDataSetSource(self, descriptor: descriptor, end: end, to: syntax)
        } catch {
            throw FileProblem(path, .malformed, error.description)
        }
    }

    /// The context to send the instance in: one of its own syntax, else one that it can be rewritten in without loss.
    package func context(among accepted: [NegotiatedContexts.Accepted]) -> NegotiatedContexts.Accepted? {
        if let same = accepted.first(where: { $0.transferSyntax == transferSyntax }) { return same }
        guard transferSyntax.isUncompressed else { return nil }
        return StorageContextNeed.rewritable.lazy.compactMap { syntax in
            accepted.first { $0.transferSyntax == syntax }
        }.first
    }
}
