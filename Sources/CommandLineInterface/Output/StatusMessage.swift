import DICOM
import DICOMProtocol

/// A peer's failure status in words, with all that it says about it.
enum StatusMessage {
    static func refusal(
        of operation: String, by peer: String, _ command: CommandSet, _ service: ServiceKind, hint: Hint? = nil
    ) -> Message {
        let status = command.status ?? .processingFailure
        var why = status.meaning(for: service)
        if let comment = command.errorComment, !comment.isEmpty { why += ": \(comment)" }
        if !command.offendingElements.isEmpty {
            why += ", offending elements " + command.offendingElements.map(\.description).joined(separator: " ")
        }
        if let id = command.errorID { why += ", error id \(id)" }
        return Message("\(peer): \(operation) failed", why, code: status.description, hint: hint)
    }
}
