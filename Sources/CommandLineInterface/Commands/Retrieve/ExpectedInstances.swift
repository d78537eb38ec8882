import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The instances that a retrieval should bring, as the peer lists them before.
struct ExpectedInstances {
    /// Nil if the peer cannot list them, refuses to, or was not asked.
    let series: [InstanceListing.Series]?
    /// The SOP classes that may come, each with the transfer syntaxes that the peer names; empty where the peer does not tell
    /// the classes of all.
    private(set) var transferSyntaxes: [UID: Set<UID>]
    /// True if the peer names the transfer syntax of every instance.
    let tellsSyntaxes: Bool
    /// The reason why there is no list, where another question would fail in the same way.
    let failure: AssociationError?
    /// True if the peer was asked by the unique key alone and returned nothing: it has nothing, or does not search by it.
    private(set) var mayHaveNothing = false
    /// When it is too old to ask for parts by: what the peer has received since is in none of them.
    var isRecentUntil = Deadline.never

    var sopClasses: [UID] { transferSyntaxes.keys.sorted { $0.string < $1.string } }
    var uids: [UID]? { series.map { $0.flatMap(\.sopInstanceUIDs) } }

    /// The compressed transfer syntaxes that the peer names for the series of these instances, or for all if it names no instance.
    func compressedSyntaxes(of failed: [UID]) -> [UID] {
        let failed = Set(failed)
        let concerned = (series ?? []).filter { failed.isEmpty || !failed.isDisjoint(with: $0.sopInstanceUIDs) }
        let syntaxes = concerned.reduce(into: Set<UID>()) { all, one in
            for some in one.transferSyntaxes.values { all.formUnion(some) }
        }
        return syntaxes.filter { TransferSyntax($0).isEncapsulated }.sorted { $0.string < $1.string }
    }

    static let unknown = ExpectedInstances(series: nil)

    /// What is known of instances of which the peer has listed all.
    init(listed: [InstanceListing.Series]) {
        var classes: [UID: Set<UID>] = [:]
        if listed.allSatisfy(\.tellsClasses) {
            for one in listed { classes.merge(one.transferSyntaxes) { $0.union($1) } }
        }
        self.init(
            series: listed, transferSyntaxes: classes,
            tellsSyntaxes: listed.allSatisfy { $0.tellsClasses && $0.tellsSyntaxes })
    }

    init(
        series: [InstanceListing.Series]?, transferSyntaxes: [UID: Set<UID>] = [:], tellsSyntaxes: Bool = false,
        failure: AssociationError? = nil
    ) {
        self.series = series
        self.transferSyntaxes = transferSyntaxes
        self.tellsSyntaxes = tellsSyntaxes
        self.failure = failure
    }

    /// The time that the peer may be silent while it lists, in seconds: the retrieval can do without.
    static let silence = 20.0

    /// Asks the peer for every instance. That it cannot answer is no failure: it may retrieve all the same.
    ///
    /// - Parameters:
    ///   - seriesLists: those of the run.
    ///   - needsClasses: whether the SOP classes are asked for where the list does not have them.
    /// - Throws: `unreachable`, `interrupted`, and other errors by which no association can be had.
    static func list(
        _ associations: RetrievalAssociations, _ network: Network, _ model: InformationModel, _ target: RetrievalTarget,
        _ seriesLists: InstanceListing.SeriesLists, needsClasses: Bool
    ) throws(AssociationError) -> ExpectedInstances {
        do throws(AssociationError) {
            return try network.retrying { () throws(AssociationError) in
                let mayListSeries = seriesLists.areOfUse
                do throws(AssociationError) {
                    return try ask(associations, network, model, target, seriesLists, needsClasses: needsClasses)
                } catch {
                    // What the server says to a list of series is not what it says to one.
                    guard mayListSeries, !seriesLists.areOfUse, !error.isInterruption, !network.isOverdue else {
                        throw error
                    }
                    return try ask(associations, network, model, target, seriesLists, needsClasses: needsClasses)
                }
            }
        } catch {
            return try withoutList(network, target, because: error)
        }
    }

    /// What is expected where there is no list, although a retrieval may bring all the same.
    ///
    /// - Throws: the error if a retrieval would end in the same way.
    static func withoutList(
        _ network: Network, _ target: RetrievalTarget, because error: AssociationError
    ) throws(AssociationError) -> ExpectedInstances {
        // Our own limit says nothing of the server, and leaves no time for what follows.
        guard !network.isOverdue, let reason = reason(for: error, network.queryName) else { throw error }
        // Where no request can be made, the error itself is told.
        if !target.needsList(over: network) { noteMissingList(network, target, reason) }
        return ExpectedInstances(series: nil, failure: error)
    }

    /// The reason why there is no list, in words; nil if a retrieval would end in the same way.
    private static func reason(for error: AssociationError, _ query: String) -> String? {
        switch error {
        case .abortedByPeer: return "the server aborted the \(query) for it"
        case .connectionLost, .releasedByPeer: return "the server ended the connection instead of an answer to \(query)"
        case .noPresentationContext: return "the server does not offer \(query)"
        case .timedOut(waitingFor: .message): return "the server did not answer the \(query) for it"
        case .rejected(.noReasonGiven): return "the server rejected the association for \(query)"
        case .protocolViolation(let violation):
            if case .foreignProtocol = violation.code { return nil }
            return "the answer of the server to \(query) broke the protocol"
        case .web(let error) where error.isTooLate: return nil
        case .web(let error) where !error.isTransient:
            switch error.code {
            case .status(401), .status(403), .redirect, .noToken, .notHTTP, .noLibrary, .notAvailable: return nil
            default: return "\(query) has failed: \(error.detail)"
            }
        default: return nil
        }
    }

    /// Notes, once for the run, what is left to show whether its retrievals are complete.
    private static func noteMissingList(_ network: Network, _ target: RetrievalTarget, _ reason: String) {
        let consequence =
            if network.connection.web == nil {
                "only the server's own counts can tell then whether all was sent"
            } else if target.needsList(over: network) {
                "without it only what is named with its StudyInstanceUID, an instance also with its "
                    + "SeriesInstanceUID, can be requested over HTTP"
            } else {
                "over HTTP the server gives no counts either, so there is nothing left to compare with, and a missing "
                    + "instance goes unnoticed unless the answer is cut off or says that it is only a part (status 206)"
            }
        network.report(
            .missingList, .note,
            Message("\(network.peerName): there is no list of the instances, as \(reason)", consequence))
    }

    private static func ask(
        _ associations: RetrievalAssociations, _ network: Network, _ model: InformationModel, _ target: RetrievalTarget,
        _ seriesLists: InstanceListing.SeriesLists, needsClasses: Bool
    ) throws(AssociationError) -> ExpectedInstances {
        guard network.connection.web == nil else {
            return try ask(network, try network.webSession(), model, target, seriesLists, needsClasses: needsClasses)
        }
        return try associations.withQueries { session throws(AssociationError) in
            try ask(network, session, model, target, seriesLists, needsClasses: needsClasses)
        }
    }

    private static func ask(
        _ network: Network, _ session: any QuerySession, _ model: InformationModel, _ target: RetrievalTarget,
        _ seriesLists: InstanceListing.SeriesLists, needsClasses: Bool
    ) throws(AssociationError) -> ExpectedInstances {
        var mayHaveNothing = false
        let listing = InstanceListing(on: session, model: model, seriesLists: seriesLists)
        let series = try answer(network, target) { () throws(InstanceListing.Failure) in
            do throws(InstanceListing.Failure) {
                return try listing.list(target.identifier, level: target.level)
            } catch {
                if case .nothingToListBy = error { mayHaveNothing = true }
                throw error
            }
        }
        var expected = series.map { ExpectedInstances(listed: $0) } ?? .unknown
        if needsClasses, series?.allSatisfy(\.tellsClasses) != true {
            let told = try answer(network, target) { () throws(InstanceListing.Failure) in
                try listing.sopClasses(target.identifier)
            }
            for sopClass in told ?? [] { expected.transferSyntaxes[sopClass] = [] }
        }
        expected.mayHaveNothing = mayHaveNothing
        return expected
    }

    /// Nil: the peer cannot answer such a question.
    private static func answer<Answer>(
        _ network: Network, _ target: RetrievalTarget, _ question: () throws(InstanceListing.Failure) -> Answer
    ) throws(AssociationError) -> Answer? {
        do throws(InstanceListing.Failure) {
            return try question()
        } catch {
            switch error {
            case .association(let error): throw error
            case .refused(let response):
                let status = response.status.map { " (\($0))" } ?? ""
                noteMissingList(
                    network, target, "the server does not answer the \(network.queryName) for it to its end\(status)")
            case .tooMany: noteMissingList(network, target, "the server lists more than can be held")
            case .nothingToListBy:
                noteMissingList(
                    network, target,
                    "the server returned nothing by this key alone in \(network.queryName): it has nothing of it, or needs the keys above"
                )
            }
            return nil
        }
    }

    /// The identifiers to request next: the instances that are listed and not on disk, series by series.
    ///
    /// - Parameter maximum: of the UIDs in one.
    static func identifiers(
        for missing: [InstanceListing.Series], like original: DataSet, maximum: Int = RetrievalList.maximumUIDs
    ) -> [DataSet] {
        missing.flatMap { series in
            stride(from: 0, to: series.sopInstanceUIDs.count, by: maximum).map { start in
                let end = min(start + maximum, series.sopInstanceUIDs.count)
                var identifier = identifier(.image, of: series, like: original)
                let uids = series.sopInstanceUIDs[start..<end].map(\.string).joined(separator: "\\")
                identifier.set(.sopInstanceUID, .UI, uids)
                return identifier
            }
        }
    }

    /// The identifiers by which several associations share what is missing: a series each, where there are enough; lists of
    /// instances of those that are larger than a fair share.
    ///
    /// - Parameter isWhole: True if nothing of the series is here yet.
    static func shares(
        of missing: [InstanceListing.Series], among count: Int, isWhole: Bool, like original: DataSet
    ) -> [DataSet] {
        let total = missing.reduce(0) { $0 + $1.sopInstanceUIDs.count }
        // Two for each, so that one that is slow does not hold up all.
        let share = max(total / (2 * count), 1)
        return missing.flatMap { series in
            isWhole && series.sopInstanceUIDs.count <= 2 * share
                ? [identifier(.series, of: series, like: original)]
                : identifiers(for: [series], like: original, maximum: min(share, RetrievalList.maximumUIDs))
        }
    }

    private static func identifier(
        _ level: QueryLevel, of series: InstanceListing.Series, like original: DataSet
    ) -> DataSet {
        var identifier = DataSet()
        identifier[.specificCharacterSet] = original[.specificCharacterSet]
        identifier.set(.queryRetrieveLevel, .CS, level.rawValue)
        identifier[.patientID] = original[.patientID]
        identifier.set(.studyInstanceUID, series.studyInstanceUID)
        identifier.set(.seriesInstanceUID, series.seriesInstanceUID)
        return identifier
    }
}
