import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The outcome of one file, as an event of `--format jsonl` and as a line of the journal.
struct StoreRecord {
    let path: FilePath
    var outcome: RunEvent.Outcome
    private let file: InstanceFile?
    /// Length and last change of the file, by which the journal knows it again.
    private let identity: (bytes: UInt64, modified: Int64)?
    var sopClassUID: UID?
    var sopInstanceUID: UID?
    var sentTransferSyntax: TransferSyntax?
    var response: CommandSet?
    var attempts = 0
    var error: String?
    var cause: FailureCause?

    init(_ file: InstanceFile, outcome: RunEvent.Outcome) {
        path = file.path
        self.file = file
        identity = (file.size, file.modified)
        sopClassUID = file.sopClassUID
        sopInstanceUID = file.sopInstanceUID
        self.outcome = outcome
    }

    /// An instance that was sent before.
    init(_ instance: StoredInstance, outcome: RunEvent.Outcome) {
        path = instance.path
        file = nil
        sopClassUID = instance.sopClassUID
        sopInstanceUID = instance.sopInstanceUID
        identity = (instance.bytes, instance.modified)
        self.outcome = outcome
    }

    /// A file of which only the name is known.
    init(path: FilePath, outcome: RunEvent.Outcome) {
        self.path = path
        file = nil
        identity = nil
        self.outcome = outcome
    }

    var event: RunEvent {
        var event = RunEvent(.store)
        event.set(path)
        event.set(.sopClassUID, sopClassUID)
        event.set(.sopInstanceUID, sopInstanceUID)
        event.set(.transferSyntaxUID, file?.transferSyntax.uid)
        event.set(.sentTransferSyntaxUID, sentTransferSyntax?.uid)
        event.set(.bytes, identity.map { Int(clamping: $0.bytes) })
        event.set(outcome)
        if let response { event.set(response, for: .storage) }
        event.set(.error, error)
        event.set(.cause, cause?.rawValue)
        return event
    }

    var entry: JournalEntry {
        var entry = JournalEntry()
        entry.set(.time, JournalEntry.now)
        entry.set(path: path)
        entry.set(.sopClassUID, sopClassUID)
        entry.set(.sopInstanceUID, sopInstanceUID)
        entry.set(.studyInstanceUID, file?.studyInstanceUID)
        entry.set(.seriesInstanceUID, file?.seriesInstanceUID)
        entry.set(.transferSyntaxUID, file?.transferSyntax.uid)
        if let identity {
            entry.set(.bytes, identity.bytes)
            entry.set(.modified, identity.modified)
        }
        entry.set(JournalOutcome(outcome))
        entry.set(.status, response?.status?.description)
        if attempts > 0 { entry.set(.attempts, attempts) }
        entry.set(.error, error)
        return entry
    }
}

/// An instance that the peer has accepted, with all that its verification needs.
struct StoredInstance: Sendable {
    let path: FilePath
    let sopClassUID: UID
    let sopInstanceUID: UID
    let studyInstanceUID: UID?
    let seriesInstanceUID: UID?
    /// Length and last change of the file when it was sent.
    let bytes: UInt64
    let modified: Int64
    /// The reason why the peer's instance may differ from the file; nil if the file was sent unchanged and accepted
    /// without a warning.
    let doubt: String?

    let count: Count

    /// The count in the summary that it belongs to.
    enum Count: Sendable { case stored, warned, skipped }

    init(_ file: InstanceFile, as count: Count = .stored, doubt: String? = nil) {
        self.count = count
        self.doubt = doubt
        bytes = file.size
        modified = file.modified
        path = file.path
        sopClassUID = file.sopClassUID
        sopInstanceUID = file.sopInstanceUID
        studyInstanceUID = file.studyInstanceUID
        seriesInstanceUID = file.seriesInstanceUID
    }
}

extension JournalOutcome {
    fileprivate init(_ outcome: RunEvent.Outcome) {
        self =
            switch outcome {
            case .done: .done
            case .warning: .warning
            case .skipped: .skipped
            case .failed: .failed
            case .pending: .pending
            }
    }
}
