import DICOM
import DICOMNode
import DICOMProtocol

/// One attempt of a retrieval: an association, and the requests on it.
struct RetrievalRound {
    /// Instances that the server says it has sent; nil where it does not say, or its final response never came.
    private(set) var told: Int?
    /// Sub-operations that the server says have failed.
    private(set) var failed = 0
    private(set) var warnings = 0
    private(set) var failedUIDs: [UID] = []
    private(set) var wasInterrupted = false
    /// The first final response that was no success, or the last of all.
    private(set) var decisive: CommandSet?
    /// What ended the association before its work was done.
    var error: AssociationError?
    /// Our end of the association.
    var localAddress: String?

    var status: DIMSEStatus? { decisive?.status }

    mutating func add(_ result: ExchangeResult, isFirst: Bool) {
        let counts = result.final?.command.suboperationCounts
        if counts?.completed == nil, counts?.warning == nil {
            told = nil
        } else if isFirst || told != nil {
            told = (told ?? 0) + (counts?.completed ?? 0) + (counts?.warning ?? 0)
        }
        failed += counts?.failed ?? 0
        warnings += counts?.warning ?? 0
        wasInterrupted = wasInterrupted || result.wasInterrupted
        if decisive == nil || status?.kind == .success { decisive = result.final?.command }
        failedUIDs += Self.failedUIDs(result)
    }

    /// Failed SOP Instance UID List (0008,0058).
    private static func failedUIDs(_ result: ExchangeResult) -> [UID] {
        guard let bytes = result.final?.dataSet else { return [] }
        do throws(DataSetError) {
            return try DataSetDecoder(result.transferSyntax).decode(bytes[...]).uids(.failedSOPInstanceUIDList)
        } catch {
            // The list is a courtesy; what is missing is seen without it.
            return []
        }
    }

    /// Whether another attempt would end the same way.
    var isHopeless: Bool {
        if wasInterrupted { return true }
        switch error {
        case .connectionLost, .abortedByPeer, .releasedByPeer, .protocolViolation: return false
        case .some: return true
        case nil: break
        }
        guard let status, status.kind == .failure else { return false }
        switch status {
        case .moveDestinationUnknown, .sopClassNotSupported, .notAuthorized, .unrecognizedOperation,
            .identifierDoesNotMatchSOPClass:
            return true
        default: return false
        }
    }

    /// Whether the server has no such service at all.
    var isUnsupported: Bool {
        if case .noPresentationContext = error { return true }
        return status == .sopClassNotSupported || status == .unrecognizedOperation
    }

    static func text(_ counts: SuboperationCounts) -> String {
        func part(_ count: Int?, _ name: String) -> String? { count.map { "\($0) \(name)" } }
        let parts = [
            part(counts.completed, "completed"), part(counts.remaining, "remaining"), part(counts.failed, "failed"),
            part(counts.warning, "with warnings"),
        ].compactMap { $0 }
        return parts.isEmpty ? "no counts" : parts.joined(separator: ", ")
    }
}
