import DICOM
import DICOMNode
import DICOMProtocol

/// The instances that a retrieval should bring, as the peer lists them before.
struct ExpectedInstances {
    /// Nil if the peer cannot list them, refuses to, or was not asked.
    let series: [InstanceListing.Series]?
    /// The SOP classes that may come; empty where the peer does not tell those of all.
    let sopClasses: [UID]

    var uids: [UID]? { series.map { $0.flatMap(\.sopInstanceUIDs) } }

    static let unknown = ExpectedInstances(series: nil, sopClasses: [])

    private init(series: [InstanceListing.Series]?, sopClasses: [UID]) {
        self.series = series
        self.sopClasses = sopClasses
    }

    /// Asks the peer for every instance.
    static func list(_ network: Network, _ model: InformationModel, _ target: RetrievalTarget) throws(AssociationError)
        -> ExpectedInstances
    {
        let found = try ask(network, model) { listing throws(InstanceListing.Failure) in
            try listing.list(target.identifier, level: target.level)
        }
        let series = found ?? []
        let classes =
            series.allSatisfy(\.tellsClasses) ? series.reduce(into: Set()) { $0.formUnion($1.sopClassUIDs) } : []
        return ExpectedInstances(series: found, sopClasses: sorted(classes))
    }

    /// Asks for the SOP classes alone: one question a study.
    static func classes(_ network: Network, _ model: InformationModel, _ target: RetrievalTarget)
        throws(AssociationError) -> ExpectedInstances
    {
        let found = try ask(network, model) { listing throws(InstanceListing.Failure) in
            try listing.sopClasses(target.identifier)
        }
        return ExpectedInstances(series: nil, sopClasses: sorted(found ?? []))
    }

    private static func sorted(_ classes: Set<UID>) -> [UID] { classes.sorted { $0.string < $1.string } }

    /// Nil: the peer cannot answer such a question, which is no failure.
    private static func ask<Answer>(
        _ network: Network, _ model: InformationModel,
        _ question: (InstanceListing) throws(InstanceListing.Failure) -> Answer
    ) throws(AssociationError) -> Answer? {
        let association = try network.associate(for: FindSCU.needs(model.findSOPClass))
        let answer: Answer?
        do throws(InstanceListing.Failure) {
            answer = try question(InstanceListing(on: association, model: model))
        } catch {
            switch error {
            case .association(.interrupted(let level)):
                association.abort()
                throw .interrupted(level)
            case .association(.abortedByPeer):
                // A server that lets us retrieve, but not query, may abort like this.
                network.report(
                    .abortedList, .note,
                    Message(
                        "\(network.peerName): the server aborted the C-FIND that lists the instances",
                        "retrieving without a list"))
                return nil
            case .association(let error) where !error.leavesAssociationUsable:
                throw error
            case .association, .refused, .tooMany, .nothingToListBy:
                answer = nil
            }
        }
        do throws(AssociationError) {
            try network.release(association)
        } catch .interrupted(let level) {
            throw .interrupted(level)
        } catch {
            // All matches are here; an error at the release does not change them.
        }
        return answer
    }

    /// The identifiers to request next: the instances that are listed and not on disk, series by series.
    static func identifiers(for missing: [InstanceListing.Series], like original: DataSet) -> [DataSet] {
        missing.flatMap { series in
            stride(from: 0, to: series.sopInstanceUIDs.count, by: RetrievalList.maximumUIDs).map { start in
                let end = min(start + RetrievalList.maximumUIDs, series.sopInstanceUIDs.count)
                var identifier = DataSet()
                identifier[.specificCharacterSet] = original[.specificCharacterSet]
                identifier.set(.queryRetrieveLevel, .CS, QueryLevel.image.rawValue)
                identifier[.patientID] = original[.patientID]
                identifier.set(.studyInstanceUID, series.studyInstanceUID)
                identifier.set(.seriesInstanceUID, series.seriesInstanceUID)
                let uids = series.sopInstanceUIDs[start..<end].map(\.string).joined(separator: "\\")
                identifier.set(.sopInstanceUID, .UI, uids)
                return identifier
            }
        }
    }
}
