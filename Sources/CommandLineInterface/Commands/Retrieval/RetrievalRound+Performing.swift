import DICOM
import DICOMNode
import DICOMProtocol

extension RetrievalRound {
    /// C-MOVE of each identifier; returns when what the server says it sent is here, or does not come.
    static func move(
        _ identifiers: [DataSet], _ session: RetrievalSession, _ ledger: InstanceLedger
    ) -> RetrievalRound {
        perform(session, sopClass: session.options.query.informationModel.moveSOPClass, storage: []) {
            association, sopClass, round throws(AssociationError) in
            var seen = session.server?.progress ?? 0
            let receivesInstances = {
                guard let server = session.server, server.progress != seen else { return false }
                seen = server.progress
                return true
            }
            for (index, identifier) in identifiers.enumerated() {
                let id = session.nextMoveMessageID()
                let before = ledger.now.attempts
                session.reception?.begin(ledger, moveMessageID: id)
                defer { session.reception?.end(moveMessageID: id) }
                let result = try MoveSCU.move(
                    on: association, sopClass: sopClass, identifier: identifier,
                    destination: session.options.moveDestination, messageID: id,
                    priority: session.options.query.priority, hasProgressElsewhere: receivesInstances,
                    onProgress: { progress($0, "C-MOVE", session) })
                round.add(result, isFirst: index == 0)
                let counts = result.final?.command.suboperationCounts
                let announced = (counts?.completed ?? 0) + (counts?.warning ?? 0)
                waitForOutstanding(before + announced, session, ledger)
                if result.wasInterrupted || result.final?.command.status?.kind == .failure { return }
            }
        }
    }

    /// C-GET of each identifier, with contexts for what comes back.
    static func get(
        _ identifiers: [DataSet], storage: StorageProposals.Round, _ session: RetrievalSession, _ ledger: InstanceLedger
    ) -> RetrievalRound {
        perform(session, sopClass: session.options.query.informationModel.getSOPClass, storage: storage) {
            association, sopClass, round throws(AssociationError) in
            guard let receiver = session.reception?.receiver(for: ledger) else { return }
            for (index, identifier) in identifiers.enumerated() {
                let result = try GetSCU.get(
                    on: association, sopClass: sopClass, identifier: identifier,
                    priority: session.options.query.priority, receiver: receiver,
                    onProgress: { progress($0, "C-GET", session) })
                round.add(result, isFirst: index == 0)
                // One list's failure is not another's, unless it is the service that fails.
                if round.isHopeless { return }
            }
        }
    }

    private static func perform(
        _ session: RetrievalSession, sopClass: UID?, storage: StorageProposals.Round,
        _ body: (Association, UID, inout RetrievalRound) throws(AssociationError) -> Void
    ) -> RetrievalRound {
        var round = RetrievalRound()
        guard let sopClass else { return round }
        do throws(AssociationError) {
            let needs = GetSCU.needs(sopClass, storage: storage)
            var parameters = session.network.parameters(PresentationContextPlan(needs: needs).associations.first ?? [])
            parameters.roleSelections = GetSCU.roleSelections(for: storage)
            let association = try session.network.associate(parameters)
            round.localAddress = address(association.localDescription)
            do throws(AssociationError) {
                try body(association, sopClass, &round)
            } catch {
                if error.leavesAssociationUsable { association.abort() }
                throw error
            }
            release(association, session)
        } catch {
            round.error = error
        }
        return round
    }

    /// All is answered by then: how the server says farewell changes nothing about what it sent.
    private static func release(_ association: Association, _ session: RetrievalSession) {
        do throws(AssociationError) {
            try association.release()
        } catch {
            session.outcome.diagnostics.verbose(session.network.message(error).line)
        }
    }

    private static func progress(
        _ counts: SuboperationCounts, _ operation: String, _ session: RetrievalSession
    ) -> ExchangeControl {
        session.outcome.diagnostics.verbose("\(operation): \(text(counts))")
        if session.reception == nil {
            session.environment.progress?.update(
                {
                    var progress = ProgressLine.Progress()
                    progress.instances = (counts.completed ?? 0) + (counts.warning ?? 0)
                    progress.failures = counts.failed ?? 0
                    progress.total = counts.remaining.map { $0 + progress.instances + progress.failures }
                    return progress
                }())
        }
        // A full disk stays full: the rest would only be refused, one by one.
        return session.reception?.outputFailed == true ? .cancel : .goOn
    }

    /// Waits as long as announced instances are outstanding, and no longer than the grace after the last sign of life.
    private static func waitForOutstanding(_ count: Int, _ session: RetrievalSession, _ ledger: InstanceLedger) {
        guard let server = session.server else { return }
        var seen = server.progress
        while !ledger.wait(forAttempts: count, until: .after(seconds: session.options.grace)) {
            guard server.progress != seen, !session.isOver else { return }
            seen = server.progress
        }
    }

    /// `[::1]:4711` without the port.
    private static func address(_ description: String) -> String {
        guard let colon = description.lastIndex(of: ":") else { return description }
        return description[..<colon].filter { $0 != "[" && $0 != "]" }
    }
}
