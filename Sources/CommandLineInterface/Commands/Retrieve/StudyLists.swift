import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The lists of the instances of a run's studies: those of several studies are asked for at once where the server takes lists of UIDs.
final class StudyLists: Sendable {
    private enum List {
        /// Some thread is asking for it.
        case asked
        case known(ExpectedInstances, until: Deadline)
    }

    private struct State {
        var lists: [UID: List] = [:]
        /// The place of the first study that nobody has asked for with others.
        var next = 0
        var size = StudyLists.mostStudies
        /// True if the server has no use for lists of UIDs.
        var isRefused = false
        /// Queries in a row that ended in an error.
        var failures = 0
    }

    private let associations: RetrievalAssociations
    private let network: Network
    private let model: InformationModel
    /// The studies that can be listed with others, in the order of the run.
    private let studies: [UID]
    private let places: [UID: Int]
    /// So many studies before there is no list any more the next ones are asked for: the other jobs go on meanwhile.
    private var lead: Int {
        let jobs = jobs()
        return jobs > 1 ? Self.leadOfJob * jobs : 0
    }
    /// The number of retrievals that go on at once.
    private let jobs: @Sendable () -> Int
    private let state = ConditionLock(State())
    /// Those of studies that are listed alone.
    private let seriesLists = InstanceListing.SeriesLists()

    /// The most studies of one query.
    private static let mostStudies = 32
    private static let fewestStudies = 2
    /// Studies of each job that go on while a list is made: it takes as long as some small ones.
    private static let leadOfJob = 4
    /// The seconds for which a list is believed: what is listed ahead changes meanwhile.
    private static let validity = 10.0
    /// The same where parts are asked for by it. To list one study more costs three queries, which a study that is asked for whole does
    /// not owe: what is not listed comes with it.
    private static let validityForParts = 2.0

    init(
        _ targets: [RetrievalTarget], _ associations: RetrievalAssociations, _ network: Network,
        _ model: InformationModel, jobs: @escaping @Sendable () -> Int = { 1 }
    ) {
        self.jobs = jobs
        self.associations = associations
        self.network = network
        self.model = model
        // Over HTTP the address of a request names one study.
        let isPossible = network.connection.web == nil && model == .studyRoot
        studies = isPossible ? targets.compactMap(\.studyAlone) : []
        places = Dictionary(studies.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The instances that a target should bring.
    ///
    /// - Parameter needsClasses: whether the SOP classes are asked for where the list does not have them.
    /// - Throws: as ``ExpectedInstances/list(_:_:_:_:_:needsClasses:)`` does.
    func expected(of target: RetrievalTarget, needsClasses: Bool) throws(AssociationError) -> ExpectedInstances {
        let known: ExpectedInstances?
        do throws(AssociationError) {
            known = try network.retrying { () throws(AssociationError) in
                try target.studyAlone.flatMap { study throws(AssociationError) in try listed(study) }
            }
        } catch {
            return try ExpectedInstances.withoutList(network, target, because: error)
        }
        if let listed = known, !needsClasses || !listed.sopClasses.isEmpty {
            return listed
        }
        return try ExpectedInstances.list(associations, network, model, target, seriesLists, needsClasses: needsClasses)
    }

    /// Lists a target anew of which parts are to be asked for, where its list was made ahead and is no longer recent; nil where it is, or
    /// where nothing newer is to be had.
    ///
    /// - Throws: `interrupted`.
    func renewed(
        _ expected: ExpectedInstances, of target: RetrievalTarget, needsClasses: Bool
    ) throws(AssociationError) -> ExpectedInstances? {
        guard expected.isRecentUntil.isPast, let study = target.studyAlone else { return nil }
        do throws(AssociationError) {
            try ask([study])
        } catch {
            // The retrieval itself shows what has become of the server.
            guard error.isInterruption else { return nil }
            throw error
        }
        return takeList(of: study).flatMap { needsClasses && $0.sopClasses.isEmpty ? nil : $0 }
    }

    /// Nil: it is to be asked for alone.
    private func listed(_ study: UID) throws(AssociationError) -> ExpectedInstances? {
        guard let place = places[study] else { return nil }
        let lead = lead
        let (batch, isAhead): ([UID], Bool) = state.withLock(
            when: { if case .asked = $0.lists[study] { false } else { true } },
            { state in
                let start = max(state.next, place)
                let end = min(start + state.size, studies.count)
                guard !state.isRefused, start <= place + lead, end - start > 1 else { return ([], false) }
                state.next = end
                for study in studies[start..<end] { state.lists[study] = .asked }
                return (Array(studies[start..<end]), start > place)
            })
        do throws(AssociationError) {
            if !batch.isEmpty { try ask(batch) }
        } catch {
            // What failed for others is told by them.
            guard isAhead, !error.isInterruption else { throw error }
        }
        return takeList(of: study)
    }

    private func takeList(of study: UID) -> ExpectedInstances? {
        state.withLock { state in
            guard case .known(let list, let end) = state.lists.removeValue(forKey: study), !end.isPast else {
                return nil
            }
            return list
        }
    }

    private func ask(_ batch: [UID]) throws(AssociationError) {
        var listed: [UID: [InstanceListing.Series]]?
        var hasFailed = false
        defer {
            let (end, endForParts) = (
                Deadline.after(seconds: Self.validity), Deadline.after(seconds: Self.validityForParts)
            )
            state.withLock { state in
                for study in batch {
                    state.lists[study] = listed?[study].map { series in
                        var list = ExpectedInstances(listed: series)
                        list.isRecentUntil = endForParts
                        return .known(list, until: end)
                    }
                }
                // A list of one says nothing of lists of several.
                guard batch.count > 1 else { return }
                state.failures = hasFailed ? state.failures + 1 : 0
                // Fewer studies may stay below a limit of the server.
                let helps = listed?.isEmpty == false
                if listed == nil, !hasFailed || state.failures > 1 { state.isRefused = true }
                if !helps, state.size == Self.fewestStudies { state.isRefused = true }
                state.size = helps ? min(state.size * 2, Self.mostStudies) : max(state.size / 2, Self.fewestStudies)
            }
        }
        do throws(AssociationError) {
            listed = try associations.withQueries { [model] session throws(AssociationError) in
                do throws(InstanceListing.Failure) {
                    return try InstanceListing(on: session, model: model).list(studies: batch)
                } catch .association(let error) {
                    throw error
                } catch {
                    return nil
                }
            }
            if listed == nil, batch.count > 1 {
                network.diagnostics.verbose(
                    "\(network.peerName): no list of several studies at once; listing one after the other")
            }
        } catch {
            hasFailed = true
            switch error {
            case .interrupted, .unreachable, .timedOut: throw error
            // What the server says to a list of one study is what counts.
            default: break
            }
        }
    }
}

extension RetrievalTarget {
    /// The study that the target is, if it is one and its other keys say no more.
    fileprivate var studyAlone: UID? {
        let studies = identifier.uids(.studyInstanceUID)
        return level == .study && studies.count == 1 ? studies[0] : nil
    }
}
