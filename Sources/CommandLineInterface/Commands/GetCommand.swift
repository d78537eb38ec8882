import DICOM
import DICOMNode
import DICOMProtocol

/// `--get`: C-GET, with contexts for just the SOP classes that the peer says are there.
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

    private func get(_ query: QueryPreparation, _ reception: Reception) {
        guard let classes = sopClasses(query) else { return }
        let storage = StorageProposals.needs(for: classes)
        run.withAssociation(
            for: GetSCU.needs(query.sopClass, storage: storage), roleSelections: GetSCU.roleSelections(for: storage)
        ) { association throws(AssociationError) in
            let result = try GetSCU.get(
                on: association, sopClass: query.sopClass, identifier: query.identifier,
                priority: run.invocation.priority, receiver: reception.receiver,
                onProgress: { [run] counts in run.diagnostics.verbose("C-GET: \(RetrievalReport.text(counts))") })
            RetrievalReport(run, operation: "C-GET", service: .get).settle(result, held: reception.now, port: nil)
        }
    }

    /// The SOP classes of what is to come, asked at the peer; empty where it cannot tell. Nil: the peer cannot be worked with, reported.
    private func sopClasses(_ query: QueryPreparation) -> [UID]? {
        let model = run.invocation.informationModel
        var classes: Set<UID> = []
        do throws(AssociationError) {
            let association = try run.associate(for: FindSCU.needs(model.findSOPClass))
            do throws(InstanceListing.Failure) {
                try InstanceListing(on: association, model: model).list(query.identifier, level: run.invocation.level) {
                    if let sopClass = $0.sopClassUID { classes.insert(sopClass) }
                }
                try? association.release()
            } catch {
                switch error {
                case .association(let error) where !error.leavesAssociationUsable: throw error
                case .association(.interrupted(let level)):
                    association.abort()
                    throw .interrupted(level)
                case .association, .refused, .nothingToListBy:
                    run.diagnostics.verbose("\(run.peerName): cannot tell the SOP classes of what is asked for; proposing the usual ones")
                    association.abort()
                }
            }
        } catch {
            run.fail(error)
            return nil
        }
        return classes.sorted { $0.string < $1.string }
    }
}
