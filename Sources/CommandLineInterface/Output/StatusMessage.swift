import DICOM
import DICOMProtocol

/// A peer's failure status in words, with all that it says about it.
enum StatusMessage {
    static func refusal(
        of operation: String, by peer: String, _ command: CommandSet, _ service: ServiceKind, hint: Hint? = nil
    ) -> Message {
        let status = command.status ?? .processingFailure
        return Message(
            "\(peer): \(operation) failed", reason(command, service), peerText: command.errorComment,
            code: status.description, hint: hint ?? Self.hint(for: status))
    }

    /// What the status means, with the elements that the peer objects to and its own number for the error.
    static func reason(_ command: CommandSet, _ service: ServiceKind) -> String {
        var why = (command.status ?? .processingFailure).meaning(for: service)
        if !command.offendingElements.isEmpty {
            why +=
                ", offending elements "
                + command.offendingElements.map { QueryKeyParser.name($0) }.joined(separator: ", ")
        }
        if let id = command.errorID { why += ", error id \(id)" }
        return why
    }

    /// The remedy that a status has whatever the operation was.
    static func hint(for status: DIMSEStatus) -> Hint? {
        switch status.rawValue {
        case DIMSEStatus.notAuthorized.rawValue: .notAuthorized
        case 0xA700...0xA702: .outOfResources
        default: nil
        }
    }
}
