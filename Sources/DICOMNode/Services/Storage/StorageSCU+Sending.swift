import DICOM
import DICOMProtocol

/// One association's worth of C-STOREs.
extension StorageSCU {
    /// Sends those of the waiting files that the association has contexts for; what it has none for is sent on the next.
    func sendAll() throws(AssociationError) {
        let association = try association(for: waiting[next...])
        let window = options.operationsWindow == 1 ? 1 : window(of: association)
        var deferred: [PendingInstance] = []
        var staged: Staged?
        defer { if !deferred.isEmpty { waiting.append(contentsOf: deferred) } }
        while true {
            if cancellation.level >= .graceful {
                try drain(association, downTo: 0)
                throw .interrupted(cancellation.level)
            }
            if staged == nil { staged = try stageNext(on: association, &deferred) }
            guard let message = staged else { break }
            try drain(association, downTo: window - 1)
            guard !isStopped else { break }
            staged = nil
            next += 1
            try send(message, on: association)
            // Read while the peer is at work on the one before.
            staged = try stageNext(on: association, &deferred)
        }
        try drain(association, downTo: 0)
    }

    /// A file that is laid out in the association's send buffer. It is still the next of those that wait.
    private struct Staged {
        let pending: PendingInstance
        let message: MessageWriter.StagedMessage
        let source: any DataSetSource
        let rewrittenAs: TransferSyntax?
    }

    /// Lays out the next file that can be sent on this association; nil when there is none. What is wrong with a file is
    /// reported, and the one behind it takes its turn.
    private func stageNext(
        on association: Association, _ deferred: inout [PendingInstance]
    ) throws(AssociationError) -> Staged? {
        while next < waiting.count {
            let pending = waiting[next]
            guard proposed.contains(StorageContextNeed(pending.file)) else {
                deferred.append(pending)
                next += 1
                continue
            }
            do throws(StoreResult.Unsendable) {
                return try stage(pending, on: association)
            } catch {
                switch error {
                case .outcome(let outcome):
                    next += 1
                    var pending = pending
                    pending.attempts += 1
                    conclude(pending, outcome)
                case .association(let error): throw error
                }
            }
        }
        return nil
    }

    private func stage(_ pending: PendingInstance, on association: Association) throws(StoreResult.Unsendable) -> Staged
    {
        let file = pending.file
        guard let choice = choose(for: file, on: association) else {
            throw .outcome(.noContext(refusal(of: file, on: association)))
        }
        let source: any DataSetSource
        do throws(FileProblem) {
            source = try file.dataSetSource(
                as: choice.transferSyntax, staysOpen: outstanding.count < Self.maximumOpenFiles)
        } catch {
            throw .outcome(.unreadable(error))
        }
        let request = CommandSet.storeRequest(
            messageID: association.nextMessageID(), sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID,
            priority: options.priority, moveOriginator: options.moveOriginator)
        do throws(AssociationError) {
            return Staged(
                pending: pending, message: try association.stage(request, contextID: choice.id, source: source),
                source: source,
                rewrittenAs: choice.transferSyntax == file.transferSyntax ? nil : choice.transferSyntax)
        } catch .sourceUnreadable(let reason) {
            throw .outcome(.unreadable(FileProblem(file.path, reason)))
        } catch {
            throw .association(error)
        }
    }

    private func send(_ staged: Staged, on association: Association) throws(AssociationError) {
        var pending = staged.pending
        pending.attempts += 1
        do throws(AssociationError) {
            try association.send(staged.message)
        } catch {
            if case .sourceCutShort(let reason) = error {
                conclude(pending, .unreadable(FileProblem(pending.file.path, reason)))
            } else {
                conclude(pending, .unanswered(error))
            }
            throw error
        }
        outstanding.append(
            Outstanding(
                messageID: staged.message.command.messageID ?? 0, pending: pending, source: staged.source,
                rewrittenAs: staged.rewrittenAs))
    }

    private func window(of association: Association) -> Int {
        let granted = association.operationsWindow
        return granted == 0 ? Int(options.operationsWindow) : min(granted, Int(options.operationsWindow))
    }

    /// Waits for answers until no more than so many are due.
    private func drain(_ association: Association, downTo count: Int) throws(AssociationError) {
        while outstanding.count > count {
            // The instances on their way are brought to their end first.
            var options = ReceiveOptions()
            options.cancelledAt = .abort
            let message = try association.receive(options)
            let id = message.command.messageIDBeingRespondedTo
            // While one operation is outstanding, an answer without an id can only be to that one.
            let found = outstanding.firstIndex { $0.messageID == id } ?? (id == nil && outstanding.count == 1 ? 0 : nil)
            guard let index = found, message.command.command == .cStoreRSP, message.command.status != nil else {
                try association.abort(
                    for: .unexpectedMessage(
                        message.command,
                        while: .storeRequest(
                            messageID: outstanding[0].messageID, sopClass: outstanding[0].pending.file.sopClassUID,
                            sopInstance: outstanding[0].pending.file.sopInstanceUID)))
            }
            let done = outstanding.remove(at: index)
            answered += 1
            conclude(done.pending, done.outcome(message.command))
        }
    }

    // MARK: Contexts

    private func choose(for file: InstanceFile, on association: Association) -> NegotiatedContexts.Accepted? {
        let accepted = association.contexts.contexts(for: file.sopClassUID)
        guard options.rewrites else { return accepted.first { $0.transferSyntax == file.transferSyntax } }
        return file.context(among: accepted)
    }

    private func refusal(of file: InstanceFile, on association: Association) -> StoreResult.Refusal {
        let accepted = association.contexts.contexts(for: file.sopClassUID).map(\.transferSyntax)
        let refusals = association.contexts.refusals(for: file.sopClassUID)
        let own = refusals.first { $0.transferSyntaxes == [file.transferSyntax.uid] } ?? refusals.first
        return StoreResult.Refusal(accepted: accepted, reason: own?.reason ?? "not proposed")
    }
}

extension StorageSCU.Outstanding {
    /// What the peer's answer means: it may be of bytes that were changed while they were on their way.
    func outcome(_ answer: CommandSet) -> StoreResult.Outcome {
        do throws(DataSetSourceError) {
            try source.checkArrived()
            return .answered(answer, rewrittenAs: rewrittenAs)
        } catch .changed {
            let detail = "the server may hold a mixture of old and new bytes; send it again"
            return .unreadable(FileProblem(pending.file.path, .changed, detail))
        } catch {
            return .unreadable(FileProblem(pending.file.path, error))
        }
    }
}

extension StoreResult {
    /// Why a file was not laid out: its own fault or the peer's refusal, or what has befallen the association.
    enum Unsendable: Error {
        case outcome(StoreResult.Outcome)
        case association(AssociationError)
    }
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
