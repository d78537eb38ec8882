package import DICOM
package import DICOMProtocol

/// A way to query a peer: an association, or DICOMweb. What lists, compares and looks up by queries does not know which.
package protocol QuerySession: AnyObject {
    /// Runs one query, as ``Association/find(sopClass:identifier:priority:beforeBlockingRead:onMatch:)`` does.
    ///
    /// - Throws: `AssociationError` if the query was not answered to its end.
    func find(
        sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
        onMatch: @escaping (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult

    /// The options of queries that the peer has granted for a SOP class.
    func grantedNegotiation(for sopClass: UID) -> QueryNegotiation

    /// Ends it in an orderly way.
    ///
    /// - Throws: `AssociationError` as ``Association/release()`` does.
    func release() throws(AssociationError)

    /// Ends it at once.
    func abort()
}

extension ExchangeResult {
    /// The end of a query that was not made by an association: as if it were, with a status of success.
    ///
    /// - Parameters:
    ///   - wasCancelled: True if the rest of the matches was not wanted.
    ///   - wasInterrupted: True if our own side was interrupted.
    package static func ofQuery(
        _ sopClass: UID, wasCancelled: Bool = false, wasInterrupted: Bool = false
    ) -> ExchangeResult {
        let request = CommandSet.findRequest(messageID: 1, sopClass: sopClass)
        let status: DIMSEStatus = wasCancelled ? .cancel : .success
        let final = CommandSet.findResponse(to: request, status: status, hasIdentifier: false)
        return ExchangeResult(
            final: DIMSEMessage(command: final, contextID: 1), transferSyntax: .explicitVRLittleEndian,
            wasCancelled: wasCancelled, wasInterrupted: wasInterrupted)
    }
}
