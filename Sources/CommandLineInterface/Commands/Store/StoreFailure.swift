import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The reason why one instance was not stored, for messages, events and journals.
struct StoreFailure {
    let fate: StoreFailures.Fate
    let exitCode: ExitCode
    /// What the instances have in common that failed so; nil: the reason of the message.
    var commonCause: String?
    /// About this instance alone, by its file.
    var message: Message
    /// The error of an event; nil where the status of the response tells it.
    var words: String?
    let cause: FailureCause?

    /// Nil if it was stored, or its turn never came.
    ///
    /// - Parameter response: the server's, without patient data; nil if there is none.
    init?(_ result: StoreResult, _ response: CommandSet?, _ network: Network, _ outcome: RunOutcome) {
        let path = result.file.path.displayed
        switch result.outcome {
        case .answered(let answer, _):
            guard !result.isStored else { return nil }
            let response = response ?? answer
            let status = response.status ?? .processingFailure
            fate = .notStored
            exitCode = .failureStatus
            cause = FailureCause(status)
            message = Message(
                path, response.reason(for: .storage), peerText: response.errorComment, code: status.description,
                hint: Hint(for: status, of: .storage))
        case .unreadable(let problem):
            fate = problem.fate
            exitCode = .incomplete
            commonCause = problem.causeOfSeveral
            cause = FailureCause(problem)
            message = Message(problem)
            words = message.why
        case .noContext(let refusal):
            fate = .notSent
            exitCode = .noPresentationContext
            cause = .notOffered
            message = Message(refusal, of: result.file)
            words = message.why
        case .unanswered(let error):
            let ended = network.message(error)
            // What is wrong with the instance itself explains more than the end of the association.
            let flaw = result.file.sopInstanceUID.excess.map { "; \($0)" } ?? ""
            let why = "sent, but not answered: \(ended.line)\(flaw)"
            fate = .notAnswered
            exitCode = .incomplete
            commonCause = ended.line + flaw
            cause = FailureCause(error)
            let isKnown = flaw.isEmpty && outcome.hasReported(ended.line)
            message = Message(path, isKnown ? "sent, but not answered" : why)
            message.cause = ended.cause
            words = why
        case .refused(let error):
            fate = .notStored
            exitCode = .failureStatus
            cause = FailureCause(.web(error))
            message = Message(error, about: result.file)
            words = message.why
        case .notSent, .stopped: return nil
        }
    }
}

extension StoreResult.Refusal {
    /// The syntaxes that are accepted.
    var names: String { accepted.map { UIDRegistry.displayName(of: $0.uid) }.joined(separator: ", ") }
}

extension FileProblem {
    /// What became of the file.
    fileprivate var fate: StoreFailures.Fate {
        switch code {
        case .noUIDsInDataSet, .pixelsNotEncapsulated, .oddLength: .notSent
        default: .notRead
        }
    }
}

extension Message {
    /// A file for which the server accepted no presentation context.
    init(_ refusal: StoreResult.Refusal, of file: InstanceFile) {
        let sopClass = UIDRegistry.displayName(of: file.sopClassUID)
        let syntax = UIDRegistry.displayName(of: file.transferSyntax.uid)
        guard !refusal.accepted.isEmpty else {
            self.init(
                file.path.displayed, "\(sopClass) in \(syntax) not accepted by the server: \(refusal.reason)",
                code: file.sopClassUID.string, hint: .sopClassNotAccepted(sopClass))
            return
        }
        self.init(
            file.path.displayed, "\(syntax) not accepted for \(sopClass)", code: file.transferSyntax.uid.string,
            hint: .syntaxNotAccepted(syntax, accepted: refusal.names))
    }
}
