import DICOM
import DICOMNode
import DICOMProtocol

/// The reason why a target was not retrieved, was retrieved in part, or has an unknown outcome.
enum RetrievalProblem: Sendable {
    /// The association could not be made, or ended before all was answered.
    case association(AssociationError)
    /// The query that lists the instances before failed so.
    case listing(AssociationError)
    /// The final response has a status of failure.
    case refused(CommandSet, ServiceKind, hint: Hint?)
    /// The final response counts sub-operations that failed.
    case suboperationsFailed(Int, DIMSEStatus, ServiceKind, hint: Hint?)
    /// Sub-operations with warnings, where these count as failures.
    case suboperationWarnings(Int)
    /// The server lists no instance of the target.
    case notOnServer
    /// The same of what the keys name: they match nothing, as other keys may. No fault.
    case keysMatchNothing
    /// The server lists none of some of the instances or series that are asked for together.
    case partNotOnServer(Int)
    /// Of a retrieval to a third party: the server says that it sent fewer instances than it lists.
    case fewerSent(Int, listed: Int)
    case missing(Int, listed: Int, hint: Hint?)
    /// Instances that the server lists, and that the third party does not list which they were sent to.
    case missingAtDestination(Int, listed: Int)
    /// The third party cannot be asked for what was sent, as the server gives no list.
    case notVerifiable
    /// Instances of what was asked for that were received although the server does not list them. No fault.
    case unlisted(Int)
    /// The server counts none of the instances that it has sent, and all that it lists are here. No fault.
    case countsNothing(received: Int)
    /// No instance; the server says that it sent none, or does not say how many.
    case nothingReceived(isCounted: Bool, hint: Hint?)
    /// The server's count of instances sent is not the count of those received.
    case countsDiffer(sent: Int, received: Int, hint: Hint?)
    /// Instances that could not be stored here; each was reported with its reason.
    case notStored(Int)

    /// True if a server answers like this also where it does not have what is asked for.
    var mayMeanNotFound: Bool {
        if case .association(.web(let error)) = self {
            return error.code == .status(404) || error.code == .status(410)
        }
        guard case .refused(let response, _, _) = self, let status = response.status else { return false }
        switch status {
        case .unableToProcess...0xCFFF, .processingFailure, .noSuchObjectInstance, .identifierDoesNotMatchSOPClass,
            .unableToCalculateMatches:
            return true
        default: return false
        }
    }

    /// True if nothing is wrong, and people are only told.
    var isNote: Bool {
        switch self {
        case .unlisted, .countsNothing, .keysMatchNothing: true
        default: false
        }
    }

    var exitCode: ExitCode {
        switch self {
        case .unlisted, .countsNothing, .keysMatchNothing: .success
        case .association(let error), .listing(let error): ExitCode(for: error)
        case .refused: .failureStatus
        default: .incomplete
        }
    }

    /// The kind of a problem whose message names its target, as it follows the number of such targets; otherwise nil.
    var kind: String? {
        switch self {
        case .association, .listing, .refused, .suboperationsFailed, .suboperationWarnings, .unlisted,
            .countsNothing, .keysMatchNothing, .notVerifiable:
            nil
        case .notOnServer: "not found on the server"
        case .partNotOnServer: "not completely found on the server"
        case .fewerSent: "of which the server sent fewer instances than it lists"
        case .missing: "with missing instances"
        case .missingAtDestination: "with instances that the destination does not list"
        case .nothingReceived: "without a sign that anything was sent"
        case .countsDiffer: "of which fewer instances were received than the server sent"
        case .notStored: "with instances that could not be stored here"
        }
    }

    /// - Parameter target: the target's name.
    func message(target: String, server: CalledServer) -> Message {
        let subject = "\(server.name): \(target)"
        switch self {
        case .association(let error):
            return Message(error, calling: server)
        case .listing(let error):
            var asked = server
            asked.service = .find
            return Message(error, calling: asked)
        case .refused(let response, let service, let hint):
            return Message(
                refusal: response, of: service == .move ? "C-MOVE" : "C-GET", by: server.name, service: service,
                hint: hint)
        case .suboperationsFailed(let count, let status, let service, let hint):
            return Message(
                "\(server.name): \(Quantity.count(count, "sub-operation")) failed", status.meaning(for: service),
                code: status.description, hint: hint)
        case .suboperationWarnings(let count):
            return Message("\(server.name): \(Quantity.count(count, "sub-operation")) with warnings")
        case .notOnServer, .keysMatchNothing:
            return Message(subject, "not found on the server", hint: .notOnServer)
        case .partNotOnServer(let count):
            return Message(subject, "\(count) of them not found on the server")
        case .fewerSent(let count, let listed):
            return Message(
                subject,
                "the server lists \(Quantity.count(listed, "instance")) and says that it sent \(count)")
        case .missing(let count, let listed, let hint):
            return Message(
                subject,
                "\(count) of \(Quantity.count(listed, "instance")) listed by the server "
                    + (count == 1 ? "is" : "are") + " missing", hint: hint)
        case .missingAtDestination(let count, let listed):
            return Message(
                subject,
                "\(count) of \(Quantity.count(listed, "instance")) " + (count == 1 ? "is" : "are") + " not listed there"
            )
        case .notVerifiable:
            return Message(
                "\(server.name): cannot verify what was sent", "there is no list of the instances of \(target)")
        case .unlisted(let count):
            return Message(
                subject,
                "the server sent \(Quantity.count(count, "instance")) that it does not list; "
                    + (count == 1 ? "it was stored" : "they were stored"))
        case .countsNothing(let received):
            return Message(
                subject,
                "the server says that it sent 0 instances, but all \(received) that it lists were received")
        case .nothingReceived(let isCounted, let hint):
            return Message(
                subject,
                "nothing was received, and the server "
                    + (isCounted ? "says that it sent nothing" : "does not say that it sent anything"), hint: hint)
        case .countsDiffer(let sent, let received, let hint):
            return Message(
                subject,
                "the server says that it sent \(Quantity.count(sent, "instance")), but \(received) "
                    + (received == 1 ? "was" : "were") + " received", hint: hint)
        case .notStored(let count):
            return Message(subject, "\(Quantity.count(count, "instance")) could not be stored here")
        }
    }
}
