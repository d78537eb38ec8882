import DICOM
import DICOMNode
import DICOMProtocol

/// `--move`: C-MOVE, to a receiver of our own that lasts as long as the move, or to a third party.
final class MoveCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let model = run.invocation.informationModel
        guard let query = QueryPreparation(run, sopClass: model.moveSOPClass, purpose: .retrieval) else { return }
        guard run.invocation.receivesMovedInstances else { return move(query, reception: nil, server: nil) }
        do throws(FileProblem) {
            let reception = try Reception(run)
            let services: [any ServiceClass] = [VerificationSCP(), StorageSCP(receiver: reception.receiver)]
            guard let server = Receiver.start(run, port: run.invocation.receiverPort ?? 0, services: services) else {
                return
            }
            move(query, reception: reception, server: server)
            server.stop()
            try reception.sync()
            if reception.now.outputFailed { run.note(.localFiles) }
        } catch {
            run.fail(.localFiles, InputNotes.message(error))
        }
    }

    private func move(_ query: QueryPreparation, reception: Reception?, server: AssociationServer?) {
        let invocation = run.invocation
        run.withAssociation(for: MoveSCU.needs(query.sopClass)) { association throws(AssociationError) in
            var seen = server?.progress ?? 0
            association.movesElsewhere = {
                guard let server, server.progress != seen else { return false }
                seen = server.progress
                return true
            }
            let result = try MoveSCU.move(
                on: association, sopClass: query.sopClass, identifier: query.identifier,
                destination: invocation.effectiveMoveDestination, priority: invocation.priority,
                onProgress: { [run] counts in run.diagnostics.verbose("C-MOVE: \(RetrievalReport.text(counts))") })
            var outcome = RetrievalOutcome()
            outcome.add(result)
            if let reception, outcome.told > 0 {
                _ = reception.wait(for: outcome.told, until: .after(seconds: invocation.grace))
            }
            RetrievalReport(run, operation: "C-MOVE", service: .move).settle(
                outcome, held: reception?.now, port: server?.port)
        }
    }
}
