import DICOM
import DICOMProtocol

/// One association's worth of C-STOREs.
extension StorageSCU {
    /// Sends those of the waiting files that the association has contexts for; what it has none for is sent on the next.
    func sendAll() throws(AssociationError) {
        let association = try association(for: waiting[next...])
        let window = options.operationsWindow == 1 ? 1 : window(of: association)
        var deferred: [PendingInstance] = []
        defer { if !deferred.isEmpty { waiting.append(contentsOf: deferred) } }
        while next < waiting.count {
            if let cancellation, cancellation.level >= .graceful {
                association.heeds = .abort
                try drain(association, downTo: 0)
                throw .interrupted(cancellation.level)
            }
            let pending = waiting[next]
            guard proposed.contains(StorageContextNeed(pending.file)) else {
                deferred.append(pending)
                next += 1
                continue
            }
            try drain(association, downTo: window - 1)
            guard !isStopped else { break }
            next += 1
            try send(pending, on: association)
        }
        try drain(association, downTo: 0)
    }

    private func window(of association: Association) -> Int {
        let granted = association.operationsWindow
        return granted == 0 ? Int(options.operationsWindow) : min(granted, Int(options.operationsWindow))
    }

    private func send(_ pending: PendingInstance, on association: Association) throws(AssociationError) {
        var pending = pending
        pending.attempts += 1
        let file = pending.file
        guard let choice = choose(for: file, on: association) else {
            return conclude(pending, .noContext(refusal(of: file, on: association)))
        }
        let source: any DataSetSource
        do throws(FileProblem) {
            source = try self.source(of: file, as: choice.transferSyntax)
        } catch {
            return conclude(pending, .unreadable(error))
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
                return conclude(pending, .unreadable(FileProblem(file.path, reason)))
            case .sourceCutShort(let reason):
                conclude(pending, .unreadable(FileProblem(file.path, reason)))
                throw error
            default:
                conclude(pending, .unanswered(error))
                throw error
            }
        }
        outstanding.append(
            Outstanding(messageID: request.messageID ?? 0, pending: pending, rewrittenAs: rewritten))
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
            answered += 1
            conclude(done.pending, .answered(message.command, rewrittenAs: done.rewrittenAs))
        }
    }

    // MARK: Contexts

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

extension FileProblem {
    init(_ path: FilePath, _ reason: DataSetSourceError) {
        switch reason {
        case .changed(let detail): self.init(path, .changed, detail)
        case .unreadable(let error): self.init(reading: path, error)
        case .unconvertible(let error): self.init(path, .malformed, error.description)
        }
    }
}
