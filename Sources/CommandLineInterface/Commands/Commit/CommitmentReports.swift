import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Follows the associations at our port while reports are awaited: it knows afterwards why none came, and lets an association end
/// in order before the port is closed.
final class ReportListener: Sendable {
    private struct State {
        var accepted = 0
        var open = 0
        /// The first AE title, other than ours, that was called.
        var otherAETitle: AETitle?
        /// The first caller that may not call.
        var otherCaller: AETitle?
    }

    private let state = ConditionLock(State())

    /// The time for a peer to release its association after its last report, in seconds.
    private static let closingSeconds = 5.0

    func record(_ event: AssociationServer.Event) {
        state.withLock { state in
            switch event {
            case .accepted:
                state.accepted += 1
                state.open += 1
            case .ended, .failed: state.open -= 1
            case .rejected(let request, let reject, _):
                switch reject {
                case .calledAETitleNotRecognized: state.otherAETitle = state.otherAETitle ?? request.calledAETitle
                case .callingAETitleNotRecognized: state.otherCaller = state.otherCaller ?? request.callingAETitle
                default: break
                }
            case .stranger, .turnedAway, .refusedForMemory: break
            }
        }
    }

    /// Waits for the associations that are open to end: a server whose last report is cut off may take it for undelivered.
    func waitForEnds() {
        _ = state.wait(until: .after(seconds: Self.closingSeconds)) { $0.open <= 0 }
    }

    /// The remedy if nothing has called; nil if something has.
    func hint(calling: AETitle, port: UInt16) -> Hint.Commitment? {
        let (accepted, otherAETitle, otherCaller) = state.withLock { ($0.accepted, $0.otherAETitle, $0.otherCaller) }
        guard accepted == 0 else { return nil }
        if let otherCaller { return .callerNotAccepted(otherCaller.string) }
        if let otherAETitle { return .calledByOtherAETitle(otherAETitle.string, ours: calling.string) }
        return .neverCalledBack(calling: calling.string, port: port)
    }
}

/// Logs each report as it comes. Works on any thread.
final class CommitmentNarrator: Sendable {
    private let outcome: RunOutcome
    /// The addresses that were warned of.
    private let warned = Locked<Set<String>>([])

    init(outcome: RunOutcome) { self.outcome = outcome }

    func narrate(_ report: CommitmentReport) {
        let diagnostics = outcome.diagnostics
        let way =
            report.reporter.wasCalled
            ? "on our association"
            : "on an association opened by \(report.reporter.aeTitle) from \(report.reporter.address)"
        switch report.receipt {
        case .recorded(let uid): diagnostics.verbose("report on transaction \(uid), \(way)")
        case .repeated(let uid):
            diagnostics.note(
                Message("the server repeated its report on transaction \(uid)", "the same response was sent again"))
        case .unknown(let uid):
            diagnostics.note(
                Message(
                    "a report came for an unknown transaction", uid?.string ?? "it names none",
                    code: "answered with 0115H"))
        case .notBelieved(let uid, let distrust):
            return diagnostics.warning(
                Message("a report on transaction \(uid) is not believed", distrust.text, code: "answered with 0115H"))
        case .notKept(let uid, let problem):
            diagnostics.warning(
                Message(
                    "the report on transaction \(uid) cannot be saved", "\(problem)",
                    code: "answered with 0110H, so that the server may repeat it"))
        case .refused(let refusal):
            diagnostics.warning(
                Message("a report of storage commitment, \(way), was refused", refusal.text, code: refusal.code))
        }
        warnOfAddress(report)
    }

    /// A cluster, or the translation of addresses on the way, reports from another address; so may a stranger.
    private func warnOfAddress(_ report: CommitmentReport) {
        guard case .otherAddress(let address, _)? = report.differingAddress else { return }
        guard warned.withLock({ $0.insert(address).inserted }), let distrust = report.differingAddress else { return }
        outcome.diagnostics.warning(
            Message(
                "a report of \(report.reporter.aeTitle) is believed", distrust.text,
                hint: .commitment(.otherAddress)))
    }
}

extension CommitmentLedger.Refusal {
    fileprivate var text: String {
        switch self {
        case .eventType(let type): "its event type is \(type), and not 1 or 2"
        case .noDataSet: "it has no data set, so that it is about no transaction"
        case .unreadable(let error): "its data set cannot be read: \(error)"
        }
    }

    fileprivate var code: String? {
        guard case .eventType = self else { return nil }
        return "PS3.4 J.3.3, answered with \(DIMSEStatus.noSuchEventType)"
    }
}

extension CommitmentLedger.Distrust {
    /// The reason in lower case.
    var text: String {
        switch self {
        case .otherAETitle(let found, let asked): "it came from \"\(found)\", and \"\(asked)\" was asked"
        case .otherAddress(let found, let asked): "it came from \(found), and the server is at \(asked)"
        }
    }
}

/// Writes reports as DICOM files, `<Transaction UID>.dcm`, which any viewer shows.
///
/// A report is not a storage instance; in its place the file names the SOP class of storage commitment and the transaction.
final class CommitmentReportFiles: Sendable {
    private let folder: OutputFolder
    private let title: String
    private let problems = Locked<[FileProblem]>([])

    init(_ path: FilePath, source title: String) throws(FileProblem) {
        folder = try OutputFolder(path)
        self.title = title
    }

    /// Several threads may call it. ``finish()`` returns the problems.
    func write(_ report: CommitmentReport) {
        guard let transaction = report.transactionUID else { return }
        switch report.receipt {
        case .unknown, .refused, .notBelieved: return
        case .recorded, .repeated, .notKept: break
        }
        let syntax = TransferSyntax.explicitVRLittleEndian
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: StorageCommitmentRequest.sopClass, mediaStorageSOPInstanceUID: transaction,
            transferSyntax: syntax, sourceApplicationEntityTitle: title.isEmpty ? nil : title)
        let writer = InstanceWriter(in: folder, naming: .standard, metaInformation: meta)
        do throws(FileProblem) {
            let bytes = DataSetEncoder(syntax).encode(report.dataSet)
            // Not inside the closure of withUnsafeBytes, which cannot throw typed errors.
            let failure: FileProblem? = bytes.withUnsafeBytes { raw in
                do throws(FileProblem) {
                    try writer.write(raw)
                    return nil
                } catch {
                    return error
                }
            }
            if let failure { throw failure }
            // Parts of a split result stand side by side; a repeated report is written once.
            _ = try writer.finish(existing: .rename)
        } catch {
            problems.withLock { $0.append(error) }
        }
    }

    /// Forces the files onto the disk, and returns the problems with any of them.
    func finish() -> [FileProblem] {
        do throws(FileProblem) {
            try folder.sync()
        } catch {
            problems.withLock { $0.append(error) }
        }
        return problems.withLock { $0 }
    }
}
