import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The files that were not stored, by cause: told in one block for each cause once the sending is over, and each file
/// alone with `-V`.
///
/// Several threads may record failures.
final class StoreFailures: Sendable {
    /// What became of the files of a group, as it follows their number.
    enum Fate: String {
        case notRead = "not read"
        case notSent = "not sent"
        case notStored = "not stored"
        case notAnswered = "sent, but not answered"
        case notConfirmed = "not confirmed"
    }

    private struct Group {
        let fate: Fate
        let cause: String
        /// The code that its files have in common.
        let code: String?
        /// The message about the first of its files.
        let first: Message
        /// The first few of its files.
        var names: [String]
        var count = 1
    }

    /// The number of files that a block names.
    private static let namedFiles = 3

    private let outcome: RunOutcome
    /// The file that lists what was not stored, if there is one.
    private let listPath: FilePath?
    private let groups = Locked<[Group]>([])

    init(_ outcome: RunOutcome, listPath: FilePath?) {
        self.outcome = outcome
        self.listPath = listPath
    }

    func record(_ failure: StoreFailure) {
        record(failure.fate, failure.exitCode, cause: failure.commonCause, failure.message)
    }

    /// Records the failure of one file.
    ///
    /// - Parameters:
    ///   - cause: what the files of a group have in common; nil: the reason of the message.
    ///   - message: about this file alone.
    func record(_ fate: Fate, _ code: ExitCode, cause: String? = nil, _ message: Message) {
        outcome.record(code)
        outcome.recordError(message.line(outcome.diagnostics.redaction), message.cause ?? FailureCause(code))
        // A code beside a cause is that of the file alone, such as its UID.
        let code = cause == nil ? message.code : nil
        let cause = cause ?? message.why ?? ""
        let hasGroup = groups.withLock { groups in
            if let index = groups.firstIndex(where: {
                $0.fate == fate && $0.cause == cause && $0.code == code
            }) {
                groups[index].count += 1
                if groups[index].names.count < Self.namedFiles { groups[index].names.append(message.what) }
                return true
            }
            groups.append(Group(fate: fate, cause: cause, code: code, first: message, names: [message.what]))
            return false
        }
        guard outcome.diagnostics.isEnabled(.verbose) else { return }
        // One remedy for all of a cause is enough.
        var message = message
        if hasGroup { message.hint = nil }
        outcome.diagnostics.error(message)
    }

    /// Reports the groups recorded since the last time.
    func report() {
        let groups = groups.withLock { groups in
            defer { groups = [] }
            return groups
        }
        for group in groups {
            if group.count > 1 {
                outcome.diagnostics.error(block(group))
            } else if !outcome.diagnostics.isEnabled(.verbose) {
                outcome.diagnostics.error(group.first)
            }
        }
    }

    private func block(_ group: Group) -> Message {
        let names = group.count <= Self.namedFiles ? group.names.joined(separator: ", ") : nil
        let list = listPath.map { "files in \($0.displayed)" } ?? names ?? "\(OptionName.verbose) shows each"
        // What ended the run was reported, with its own remedy.
        let isKnown = outcome.hasReported(group.cause)
        return Message(
            "\(Quantity.count(group.count, "file")) \(group.fate.rawValue)", isKnown ? nil : group.cause,
            code: group.code.map { "\($0); \(list)" } ?? list, hint: group.first.hint)
    }
}
