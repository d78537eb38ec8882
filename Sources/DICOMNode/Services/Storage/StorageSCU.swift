import DICOM
package import DICOMProtocol

/// Sends instances by C-STORE, PS3.4 annex B, over one association at a time: it opens one when it is needed, with what the files
/// at hand need, and another when files come that need more.
///
/// Used by one thread. Parallel sending is several of these.
package final class StorageSCU {
    package struct Options: Sendable {
        package var priority: Priority = .medium
        /// C-STOREs that may be unanswered at a time, if the peer grants it (PS3.7 D.3.3.3); 1 asks for nothing.
        package var operationsWindow: UInt16 = 1
        /// Whether a file whose syntax the peer refuses may be rewritten in another native syntax.
        package var rewrites = true
        /// Whose C-MOVE asks for the instances, and which: said by an SCP that sends its sub-operations (PS3.7 9.3.1.1).
        package var moveOriginator: (title: AETitle, messageID: UInt16)?

        package init() {}
    }

    /// Opens the association with these contexts.
    package typealias Open = (
        _ contexts: [PresentationContextProposal], _ window: AsynchronousOperationsWindow?
    ) throws(AssociationError) -> Association

    private let options: Options
    private let cancellation: Cancellation?
    private let open: Open
    private let report: (StoreResult) -> Void

    private var association: Association?
    private var proposed: Set<StorageContextNeed> = []
    private var outstanding: [(messageID: UInt16, pending: Pending, rewrittenAs: TransferSyntax?)] = []

    /// A file on its way.
    private struct Pending {
        let file: InstanceFile
        var attempts: Int
    }

    /// Associations in a row that ended before a single file had left on them, after which the peer is given up.
    private static let maximumBarrenAssociations = 3

    package init(
        options: Options, cancellation: Cancellation?, open: @escaping Open, report: @escaping (StoreResult) -> Void
    ) {
        self.options = options
        self.cancellation = cancellation
        self.open = open
        self.report = report
    }

    /// Sends all of the files; each is reported exactly once, as soon as its fate is known.
    ///
    /// - Throws: what ended the work with the peer for good. The files that were not sent for it are reported, too.
    package func store(_ files: [InstanceFile]) throws(AssociationError) {
        var waiting = files.map { Pending(file: $0, attempts: 0) }[...]
        var barren = 0
        while !waiting.isEmpty {
            let before = waiting.count
            do throws(AssociationError) {
                try sendAll(&waiting)
                barren = 0
            } catch {
                settleOutstanding(error)
                let isOver = association == nil || error.isInterruption
                if !error.leavesAssociationUsable { association = nil }
                barren = waiting.count == before ? barren + 1 : 0
                guard !isOver, barren < Self.maximumBarrenAssociations else {
                    for pending in waiting { tell(pending, .notSent(error)) }
                    throw error
                }
            }
        }
    }

    /// Releases the association, if there is one.
    package func finish() throws(AssociationError) {
        defer { association = nil }
        try association?.release()
    }

    // MARK: One association's worth

    /// Sends from the front of the files those that the association has contexts for; what it has none for is sent on the next.
    private func sendAll(_ waiting: inout ArraySlice<Pending>) throws(AssociationError) {
        let association = try association(for: waiting)
        let window = options.operationsWindow == 1 ? 1 : window(of: association)
        var deferred: [Pending] = []
        defer { waiting = deferred + waiting }
        while let next = waiting.first {
            if let cancellation, cancellation.level >= .graceful {
                association.heeds = .abort
                try drain(association, downTo: 0)
                throw .interrupted(cancellation.level)
            }
            let need = StorageContextNeed(next.file)
            guard proposed.contains(need) else {
                deferred.append(waiting.removeFirst())
                continue
            }
            try drain(association, downTo: window - 1)
            try send(waiting.removeFirst(), on: association)
        }
        try drain(association, downTo: 0)
    }

    private func window(of association: Association) -> Int {
        let granted = association.operationsWindow
        return granted == 0 ? Int(options.operationsWindow) : min(granted, Int(options.operationsWindow))
    }

    private func send(_ pending: Pending, on association: Association) throws(AssociationError) {
        var pending = pending
        pending.attempts += 1
        let file = pending.file
        guard let choice = choose(for: file, on: association) else {
            return tell(pending, .noContext(refusal(of: file, on: association)))
        }
        let source: any DataSetSource
        do throws(FileProblem) {
            source = try self.source(of: file, as: choice.transferSyntax)
        } catch {
            return tell(pending, .unreadable(error))
        }
        let request = CommandSet.storeRequest(
            messageID: association.nextMessageID(), sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID,
            priority: options.priority, moveOriginator: options.moveOriginator)
        let rewritten = choice.transferSyntax == file.transferSyntax ? nil : choice.transferSyntax
        do throws(AssociationError) {
            try association.send(request, contextID: choice.id, source: source)
        } catch {
            switch error {
            case .sourceUnreadable(let reason):
                return tell(pending, .unreadable(FileProblem(file.path, reason)))
            case .sourceCutShort(let reason):
                tell(pending, .unreadable(FileProblem(file.path, reason)))
                throw error
            default:
                tell(pending, .unanswered(error))
                throw error
            }
        }
        outstanding.append((request.messageID ?? 0, pending, rewritten))
    }

    private func source(of file: InstanceFile, as syntax: TransferSyntax) throws(FileProblem) -> any DataSetSource {
        let descriptor = try file.reopen()
        try file.checkComplete(descriptor)
        guard syntax != file.transferSyntax else { return FileDataSetSource(file, descriptor: descriptor) }
        do throws(DataSetError) {
            return try RewritingDataSetSource(file, descriptor: descriptor, to: syntax)
        } catch {
            throw FileProblem(file.path, .malformed, error.description)
        }
    }

    /// Waits for answers until no more than so many are due.
    private func drain(_ association: Association, downTo count: Int) throws(AssociationError) {
        while outstanding.count > count {
            let message: Message
            do throws(AssociationError) {
                message = try association.receive()
            } catch .interrupted(.graceful) {
                // The instances on their way are brought to their end first.
                association.heeds = .abort
                continue
            }
            let id = message.command.messageIDBeingRespondedTo
            // While one operation is outstanding, an answer without an id can only be to that one.
            let found = outstanding.firstIndex { $0.messageID == id } ?? (id == nil && outstanding.count == 1 ? 0 : nil)
            guard let index = found, message.command.command == .cStoreRSP, message.command.status != nil else {
                throw association.violation(
                    .unexpectedMessage(
                        message.command,
                        while: .storeRequest(
                            messageID: outstanding[0].messageID, sopClass: outstanding[0].pending.file.sopClassUID,
                            sopInstance: outstanding[0].pending.file.sopInstanceUID)))
            }
            let done = outstanding.remove(at: index)
            tell(done.pending, .answered(message.command, rewrittenAs: done.rewrittenAs))
        }
    }

    private func settleOutstanding(_ error: AssociationError) {
        let lost = outstanding
        outstanding = []
        for entry in lost { tell(entry.pending, .unanswered(error)) }
    }

    private func tell(_ pending: Pending, _ outcome: StoreResult.Outcome) {
        report(StoreResult(file: pending.file, outcome: outcome, attempts: pending.attempts))
    }

    // MARK: Contexts

    /// The association at hand if it was asked for all that the files need, else a new one.
    private func association(for waiting: ArraySlice<Pending>) throws(AssociationError) -> Association {
        var needs: [StorageContextNeed] = []
        var wanted: Set<StorageContextNeed> = []
        for pending in waiting {
            let need = StorageContextNeed(pending.file)
            if wanted.insert(need).inserted { needs.append(need) }
        }
        if let association {
            if wanted.isSubset(of: proposed) { return association }
            try finish()
        }
        // What earlier files needed is likely to come again; it is proposed too as far as there is room.
        let remembered = needs + proposed.subtracting(wanted).sorted { $0.sopClassUID.string < $1.sopClassUID.string }
        let contexts = StorageContextNeed.plan(remembered, rewrites: options.rewrites)
        proposed = Set(contexts.covered)
        let window =
            options.operationsWindow == 1
            ? nil : AsynchronousOperationsWindow(invoked: options.operationsWindow, performed: 1)
        let opened = try open(contexts.proposals, window)
        association = opened
        return opened
    }

    private func choose(
        for file: InstanceFile, on association: Association
    ) -> NegotiatedContexts.Accepted? {
        let accepted = association.contexts?.contexts(for: file.sopClassUID) ?? []
        if let same = accepted.first(where: { $0.transferSyntax == file.transferSyntax }) { return same }
        guard options.rewrites, file.transferSyntax.isUncompressed else { return nil }
        return StorageContextNeed.rewritable.lazy.compactMap { syntax in
            accepted.first { $0.transferSyntax == syntax }
        }.first
    }

    private func refusal(of file: InstanceFile, on association: Association) -> StoreResult.Refusal {
        let accepted = association.contexts?.contexts(for: file.sopClassUID).map(\.transferSyntax) ?? []
        let refusals = association.contexts?.refusals(for: file.sopClassUID) ?? []
        let own = refusals.first { $0.transferSyntaxes == [file.transferSyntax.uid] } ?? refusals.first
        return StoreResult.Refusal(accepted: accepted, reason: own?.reason ?? "not proposed")
    }
}

extension AssociationError {
    var isInterruption: Bool { if case .interrupted = self { true } else { false } }
}

extension FileProblem {
    init(_ path: FilePath, _ reason: DataSetSourceError) {
        switch reason {
        case .changed(let detail): self.init(path, .changed, detail)
        case .unreadable(let error): self.init(reading: path, error)
        case .unconvertible(let error): self.init(path, .malformed, error.description)
        }
    }
}
