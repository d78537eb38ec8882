import DICOM
import DICOMProtocol

/// The results of the sub-operations of one C-MOVE or C-GET so far, PS3.4 C.4.2.1 and C.4.3.1.
struct SuboperationProgress {
    private let total: Int
    private var completed = 0
    private var warnings = 0
    private(set) var failed: [UID] = []
    private(set) var isCancelled = false

    init(total: Int) { self.total = total }

    private var done: Int { completed + warnings + failed.count }

    mutating func add(_ uid: UID, _ status: DIMSEStatus?) {
        switch status?.kind {
        case .success?: completed += 1
        case .warning?: warnings += 1
        default: failed.append(uid)
        }
    }

    mutating func cancel() { isCancelled = true }

    /// The counts of a response. The number remaining is in pending responses and after C-CANCEL (PS3.4 C.4.2.1.6).
    func counts(isFinal: Bool) -> SuboperationCounts {
        SuboperationCounts(
            remaining: isFinal && !isCancelled ? nil : total - done, completed: completed, failed: failed.count,
            warning: warnings)
    }

    var status: DIMSEStatus {
        if isCancelled { return .cancel }
        guard !failed.isEmpty || warnings > 0 else { return .success }
        return completed == 0 && warnings == 0 ? .unableToPerformSuboperations : .suboperationsCompleteWithFailures
    }

    /// The identifier of the final response: the failed instances, PS3.4 C.4.2.1.4.2.
    var identifier: DataSet? {
        guard !failed.isEmpty else { return nil }
        var identifier = DataSet()
        identifier.set(.failedSOPInstanceUIDList, .UI, failed.map(\.string).joined(separator: "\\"))
        return identifier
    }

    var text: String {
        "\(completed + warnings) of \(total) sent" + (failed.isEmpty ? "" : ", \(failed.count) failed")
            + (isCancelled ? ", cancelled" : "")
    }
}
