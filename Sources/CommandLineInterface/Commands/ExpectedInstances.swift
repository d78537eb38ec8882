import DICOM
import DICOMNode
import DICOMProtocol

/// What a retrieval should bring, as the peer lists it before.
struct ExpectedInstances {
    /// Nil where the peer cannot list, or does not want to.
    let entries: [InstanceListing.Entry]?

    /// Asks the peer. Nil: the peer cannot be worked with, reported.
    init?(_ run: CommandRun, _ query: QueryPreparation) {
        do throws(AssociationError) {
            let association = try run.associate(for: FindSCU.needs(run.invocation.informationModel.findSOPClass))
            entries = try Self.list(run, query, on: association)
            try association.release()
        } catch {
            run.fail(error)
            return nil
        }
    }

    private static func list(
        _ run: CommandRun, _ query: QueryPreparation, on association: Association
    ) throws(AssociationError) -> [InstanceListing.Entry]? {
        var entries: [InstanceListing.Entry] = []
        do throws(InstanceListing.Failure) {
            let listing = InstanceListing(on: association, model: run.invocation.informationModel)
            try listing.list(query.identifier, level: run.invocation.level) { entries.append($0) }
            return entries
        } catch {
            switch error {
            case .association(.interrupted(let level)):
                association.abort()
                throw .interrupted(level)
            case .association(let error) where !error.leavesAssociationUsable:
                throw error
            case .association, .refused, .nothingToListBy:
                run.diagnostics.verbose(
                    "\(run.peerName): cannot list what is asked for; proposing the usual SOP classes")
                return nil
            }
        }
    }

    /// The SOP classes; empty where the peer does not tell those of all.
    var sopClasses: [UID] {
        guard let entries else { return [] }
        let classes = entries.compactMap(\.sopClassUID)
        guard classes.count == entries.count else { return [] }
        return Set(classes).sorted { $0.string < $1.string }
    }

    /// What to ask for next: the instances that are listed and not held, series by series; where nothing was listed, all again.
    func identifiers(
        missingFrom held: Set<UID>, _ outcome: RetrievalOutcome, original: DataSet
    ) -> [DataSet] {
        guard let entries else { return outcome.failed > 0 ? [original] : [] }
        var series: [UID: [InstanceListing.Entry]] = [:]
        for entry in entries where !held.contains(entry.sopInstanceUID) {
            series[entry.seriesInstanceUID, default: []].append(entry)
        }
        return series.values.sorted { $0[0].seriesInstanceUID.string < $1[0].seriesInstanceUID.string }
            .flatMap { Self.identifiers(for: $0, original) }
    }

    /// A list of UIDs must not grow without bounds: some servers cut values that are longer than 64 KiB.
    private static let maximumUIDs = 500

    private static func identifiers(for entries: [InstanceListing.Entry], _ original: DataSet) -> [DataSet] {
        stride(from: 0, to: entries.count, by: maximumUIDs).map { start in
            let part = entries[start..<min(start + maximumUIDs, entries.count)]
            var identifier = DataSet()
            identifier[.specificCharacterSet] = original[.specificCharacterSet]
            identifier.set(.queryRetrieveLevel, .CS, QueryLevel.image.rawValue)
            identifier[.patientID] = original[.patientID]
            identifier.set(.studyInstanceUID, entries[0].studyInstanceUID)
            identifier.set(.seriesInstanceUID, entries[0].seriesInstanceUID)
            identifier.set(.sopInstanceUID, .UI, part.map(\.sopInstanceUID.string).joined(separator: "\\"))
            return identifier
        }
    }
}
