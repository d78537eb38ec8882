import DICOM
import DICOMNode
import DICOMProtocol

/// `--get`: C-GET, with contexts for the SOP classes that the peer says are there.
final class GetCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let model = run.invocation.informationModel
        guard let query = QueryPreparation(run, sopClass: model.getSOPClass, purpose: .retrieval) else { return }
        do throws(FileProblem) {
            let reception = try Reception(run)
            get(query, reception)
            try reception.sync()
            if reception.now.outputFailed { run.note(.localFiles) }
        } catch {
            run.fail(.localFiles, InputNotes.message(error))
        }
    }

    /// Round after round, until nothing is missing or nothing more can be proposed.
    private func get(_ query: QueryPreparation, _ reception: Reception) {
        guard let listing = ExpectedInstances(run, query) else { return }
        let rounds = StorageProposals.rounds(for: listing.sopClasses)
        var outcome = RetrievalOutcome()
        var identifiers = [query.identifier]
        for (number, storage) in rounds.enumerated() {
            outcome.beginRound()
            let isOver = !get(identifiers, query, storage, reception, &outcome)
            identifiers = listing.identifiers(missingFrom: reception.heldUIDs, outcome, original: query.identifier)
            // The next round can only help with what was refused for want of a context.
            guard !isOver, number + 1 < rounds.count, outcome.failed > 0, !identifiers.isEmpty else { break }
            run.diagnostics.verbose(
                "\(run.peerName): \(outcome.failed) failed; asking again with other presentation contexts")
        }
        RetrievalReport(run, operation: "C-GET", service: .get).settle(outcome, held: reception.now, port: nil)
    }

    /// One association's worth. False: the association failed, reported; no other would do better.
    private func get(
        _ identifiers: [DataSet], _ query: QueryPreparation, _ storage: StorageProposals.Round,
        _ reception: Reception, _ outcome: inout RetrievalOutcome
    ) -> Bool {
        run.withAssociation(
            for: GetSCU.needs(query.sopClass, storage: storage), roleSelections: GetSCU.roleSelections(for: storage)
        ) { association throws(AssociationError) in
            for identifier in identifiers {
                let result = try GetSCU.get(
                    on: association, sopClass: query.sopClass, identifier: identifier,
                    priority: run.invocation.priority, receiver: reception.receiver,
                    onProgress: { [run] counts in run.diagnostics.verbose("C-GET: \(RetrievalReport.text(counts))") })
                outcome.add(result)
                if result.wasInterrupted { return }
            }
        } && !outcome.wasInterrupted
    }
}
