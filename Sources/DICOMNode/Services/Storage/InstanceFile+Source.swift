package import DICOM
package import DICOMProtocol

extension InstanceFile {
    /// The data set to be sent in a transfer syntax: the file's own, untouched, or another native one, rewritten as it goes.
    ///
    /// - Throws: where the file is not what it was any more, or ends in the middle of an element.
    package func dataSetSource(as syntax: TransferSyntax) throws(FileProblem) -> any DataSetSource {
        let descriptor = try reopen()
        try checkComplete(descriptor)
        guard syntax != transferSyntax else { return FileDataSetSource(self, descriptor: descriptor) }
        do throws(DataSetError) {
            return try RewritingDataSetSource(self, descriptor: descriptor, to: syntax)
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
