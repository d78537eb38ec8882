package import DICOM
package import DICOMProtocol
import Synchronization

/// Queries the instances of a retrieval, level by level as the hierarchical model requires (PS3.4 C.4.1.2.1): studies
/// of a patient, series of a study, instances of a series.
package struct InstanceListing {
    /// A series with those of its instances that the peer says it has, and that were asked for.
    package struct Series: Sendable {
        package let studyInstanceUID: UID
        package let seriesInstanceUID: UID
        package var sopInstanceUIDs: [UID] = []
        /// The SOP classes of its instances, each with the transfer syntaxes that the peer names for them.
        package internal(set) var transferSyntaxes: [UID: Set<UID>] = [:]
        /// True if the peer returned the SOP class of every instance.
        package internal(set) var tellsClasses = true
        /// True if the peer returned the transfer syntax of every instance.
        package internal(set) var tellsSyntaxes = true

        package init(studyInstanceUID: UID, seriesInstanceUID: UID) {
            self.studyInstanceUID = studyInstanceUID
            self.seriesInstanceUID = seriesInstanceUID
        }
    }

    /// Whether the peer is asked for several series of a study at once; kept for all lists of a run.
    package final class SeriesLists: Sendable {
        private let isRefused = Atomic<Bool>(false)

        package init() {}

        /// False once such a query has failed, or has not brought what the peer counts.
        package var areOfUse: Bool { !isRefused.load(ordering: .relaxed) }

        fileprivate func giveUp() { isRefused.store(true, ordering: .relaxed) }
    }

    /// A series, and the number of its instances as the peer counts them, if it does.
    private typealias Counted = (series: Series, count: Int?)

    private let session: any QuerySession
    private let model: InformationModel
    private let seriesLists: SeriesLists
    private let answers = Answers()

    private final class Answers {
        var count = 0
        /// So many are held.
        var limit = InstanceListing.maximumAnswers
        /// False once the peer has refused a query for transfer syntaxes.
        var mayHaveSyntaxes = true
    }

    /// The maximum number of matches held, some 300 bytes each, to be compared with the instances that arrive. The
    /// largest studies have some 50,000 instances; an endless list of a faulty peer must not fill memory.
    fileprivate static let maximumAnswers = 1_000_000
    /// The same for several studies that are small.
    private static let maximumAnswersOfStudies = 20_000

    /// - Parameters:
    ///   - session: an association has a context for the model's C-FIND.
    ///   - seriesLists: those of a run, where there are more lists in it.
    package init(on session: any QuerySession, model: InformationModel, seriesLists: SeriesLists = SeriesLists()) {
        self.session = session
        self.model = model
        self.seriesLists = seriesLists
    }

    /// The reason why no list was obtained.
    package enum Failure: Error {
        case association(AssociationError)
        case refused(CommandSet)
        /// More answers than are held.
        case tooMany
        /// The keys name neither a patient nor anything below.
        case nothingToListBy
    }

    /// Lists all instances below the entity that the identifier of a retrieval names.
    ///
    /// - Parameter identifier: The identifier with its unique keys, single or lists of UIDs.
    /// - Throws: `Failure` if a query fails, there are too many matches, or the identifier has no key to list by.
    package func list(_ identifier: DataSet, level: QueryLevel) throws(Failure) -> [Series] {
        let found = try series(identifier, level)
        let together = try listTogether(found, identifier)
        var listed: [Series] = []
        for (series, _) in found {
            if let whole = together[series.seriesInstanceUID] {
                listed.append(whole)
                continue
            }
            var series = series
            var keys = base(.image, identifier, study: series.studyInstanceUID)
            keys.set(.seriesInstanceUID, series.seriesInstanceUID)
            keys.setEmpty(.sopClassUID, .UI)
            keys.setEmpty(.sopInstanceUID, .UI)
            if level == .image { keys[.sopInstanceUID] = identifier[.sopInstanceUID] ?? keys[.sopInstanceUID] }
            try fill(&series, keys)
            listed.append(series)
        }
        return listed
    }

    /// Fewer series are listed one after the other.
    private static let fewestTogether = 3
    /// The instances that are listed by one query of several series of a study.
    private static let mostTogether = 2_000

    /// Lists series of a study by few queries where the peer counts their instances. A series is in the result only if as many are
    /// listed as the peer counts.
    private func listTogether(_ found: [Counted], _ identifier: DataSet) throws(Failure) -> [UID: Series] {
        guard found.count >= Self.fewestTogether else { return [:] }
        var listed: [UID: Series] = [:]
        var group: [Counted] = []
        func listGroup() throws(Failure) {
            defer { group = [] }
            guard group.count > 1, seriesLists.areOfUse else { return }
            do throws(Failure) {
                let study = group[0].series.studyInstanceUID
                let whole = try list(group, base(.image, identifier, study: study))
                // Some take the first of the values alone, or compare the whole list with each UID.
                if whole.count * 2 < group.count { seriesLists.giveUp() }
                listed.merge(whole) { old, _ in old }
            } catch {
                seriesLists.giveUp()
                guard case .refused = error else { throw error }
            }
        }
        for one in found {
            guard let count = one.count, count <= Self.mostTogether else { continue }
            if let first = group.first,
                first.series.studyInstanceUID != one.series.studyInstanceUID
                    || group.count == Self.mostSeriesOfGroup
                    || Self.total(group) + count > Self.mostTogether
            {
                try listGroup()
            }
            group.append(one)
        }
        try listGroup()
        return listed
    }

    /// Lists the instances of several studies by few queries, as lists of UIDs ask for them (PS3.4 C.2.2.2.2).
    ///
    /// A peer that takes no such lists, or cuts off what it returns, must not make a study look smaller: a study is in the result only
    /// if as many series are listed as the peer counts (0020,1206), and as many instances of each (0020,1209).
    ///
    /// - Returns: the series of those studies; nil if the peer shows no use of lists of UIDs, or does not count.
    /// - Throws: `Failure` if a query fails or there are too many matches.
    package func list(studies: [UID]) throws(Failure) -> [UID: [Series]]? {
        answers.limit = Self.maximumAnswersOfStudies
        let wanted = Set(studies)
        var counts: [UID: Int] = [:]
        var keys = base(.study, studies)
        keys.setEmpty(.numberOfStudyRelatedSeries, .IS)
        try find(keys) { match in
            guard let study = match.uid(.studyInstanceUID), wanted.contains(study) else { return }
            counts[study] = match.string(.numberOfStudyRelatedSeries).flatMap { Int($0) }
        }
        // Some take the first of the values alone, or compare the whole list with each UID.
        guard counts.count * 2 >= studies.count else { return nil }
        var found: [UID: [Counted]] = [:]
        keys = base(.series, studies)
        keys.setEmpty(.seriesInstanceUID, .UI)
        keys.setEmpty(.numberOfSeriesRelatedInstances, .IS)
        try find(keys) { match in
            guard let study = match.uid(.studyInstanceUID), wanted.contains(study),
                let series = match.uid(.seriesInstanceUID), let count = Self.instanceCount(match),
                found[study]?.contains(where: { $0.series.seriesInstanceUID == series }) != true
            else { return }
            found[study, default: []].append((Series(studyInstanceUID: study, seriesInstanceUID: series), count))
        }
        guard !found.isEmpty else { return nil }
        var listed: [UID: [Series]] = [:]
        var group: [Counted] = []
        for study in studies {
            guard let own = found[study], own.count == counts[study], Self.total(own) <= Self.mostOfGroup else {
                continue
            }
            if group.count + own.count > Self.mostSeriesOfGroup || Self.total(group + own) > Self.mostOfGroup {
                listed.merge(try listStudies(group)) { old, _ in old }
                group = []
            }
            group += own
        }
        listed.merge(try listStudies(group)) { old, _ in old }
        return listed
    }

    private static func total(_ group: [Counted]) -> Int { group.reduce(0) { $0 + ($1.count ?? 0) } }

    private static func instanceCount(_ match: DataSet) -> Int? {
        match.string(.numberOfSeriesRelatedInstances).flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    /// The instances, and the series, that are listed by one query of several series.
    private static let mostOfGroup = 400
    private static let mostSeriesOfGroup = 48

    /// Lists the instances of series of several studies by one query; returns the studies of which each series has as many as the peer
    /// counts.
    private func listStudies(_ group: [Counted]) throws(Failure) -> [UID: [Series]] {
        guard !group.isEmpty else { return [:] }
        var studies: [UID] = []
        for one in group where studies.last != one.series.studyInstanceUID {
            studies.append(one.series.studyInstanceUID)
        }
        let whole = try list(group, base(.image, studies))
        var listed: [UID: [Series]] = [:]
        var uncertain: Set<UID> = []
        for (series, _) in group {
            if let series = whole[series.seriesInstanceUID] {
                listed[series.studyInstanceUID, default: []].append(series)
            } else {
                uncertain.insert(series.studyInstanceUID)
            }
        }
        return listed.filter { !uncertain.contains($0.key) }
    }

    /// Lists the instances of these series by one query; returns those that have as many as the peer counts.
    ///
    /// - Parameter keys: name their studies.
    private func list(_ group: [Counted], _ keys: DataSet) throws(Failure) -> [UID: Series] {
        var found: [UID: (series: Series, instances: Set<UID>)] = [:]
        for one in group { found[one.series.seriesInstanceUID] = (one.series, []) }
        // One UID in two studies is for queries that ask for one of them.
        guard found.count == group.count else { return [:] }
        var keys = keys
        keys.set(.seriesInstanceUID, .UI, group.map(\.series.seriesInstanceUID.string).joined(separator: "\\"))
        keys.setEmpty(.sopClassUID, .UI)
        keys.setEmpty(.sopInstanceUID, .UI)
        let none = found
        try findInstances(keys, onAttempt: { found = none }) { match in
            guard let series = match.uid(.seriesInstanceUID), let instance = match.uid(.sopInstanceUID),
                found[series]?.instances.insert(instance).inserted == true
            else { return }
            found[series]?.series.add(instance, match)
        }
        var whole: [UID: Series] = [:]
        for one in group {
            guard let series = found[one.series.seriesInstanceUID]?.series, series.sopInstanceUIDs.count == one.count
            else { continue }
            whole[series.seriesInstanceUID] = series
        }
        return whole
    }

    /// Lists the instances of a series.
    private func fill(_ series: inout Series, _ keys: DataSet) throws(Failure) {
        var found = series
        // Some servers answer once for each instance, at every level.
        var seen: Set<UID> = []
        let none = found
        try findInstances(keys, onAttempt: { (found, seen) = (none, []) }) { match in
            guard let instance = match.uid(.sopInstanceUID), seen.insert(instance).inserted else { return }
            found.add(instance, match)
        }
        series = found
    }

    /// Queries instances with their transfer syntaxes (PS3.4 C.4.1.1.3.2), and without these where the peer refuses that.
    ///
    /// - Parameter onAttempt: called before each query, which brings all matches.
    private func findInstances(
        _ keys: DataSet, onAttempt: () -> Void, onMatch: @escaping (DataSet) -> Void
    ) throws(Failure) {
        if answers.mayHaveSyntaxes {
            var withSyntaxes = keys
            withSyntaxes.setEmpty(.availableTransferSyntaxUID, .UI)
            onAttempt()
            do throws(Failure) {
                return try find(withSyntaxes, onMatch: onMatch)
            } catch {
                guard case .refused = error else { throw error }
                onAttempt()
                try find(keys, onMatch: onMatch)
                // What is refused without them as well is refused for another reason.
                answers.mayHaveSyntaxes = false
                return
            }
        }
        onAttempt()
        try find(keys, onMatch: onMatch)
    }

    /// Returns SOP Classes in Study (0008,0062) of the studies that the identifier names; empty unless the peer returns
    /// them for each study.
    ///
    /// - Throws: `Failure` if a query fails or there are too many matches.
    package func sopClasses(_ identifier: DataSet) throws(Failure) -> Set<UID> {
        var classes: Set<UID> = []
        for study in identifier.uids(.studyInstanceUID) {
            var keys = base(.study, identifier, study: study)
            keys.setEmpty(.sopClassesInStudy, .UI)
            var found: [UID] = []
            try find(keys) { found += $0.uids(.sopClassesInStudy) }
            guard !found.isEmpty else { return [] }
            classes.formUnion(found)
        }
        return classes
    }

    private func series(_ identifier: DataSet, _ level: QueryLevel) throws(Failure) -> [Counted] {
        let studies = identifier.uids(.studyInstanceUID)
        if studies.isEmpty, level >= .series { return try unplacedSeries(identifier, level).map { ($0, nil) } }
        var found: [Counted] = []
        for study in studies.isEmpty ? try self.studies(of: identifier, level) : studies {
            for (series, count) in try series(of: study, identifier, level) {
                found.append((Series(studyInstanceUID: study, seriesInstanceUID: series), count))
            }
        }
        return found
    }

    private func studies(of identifier: DataSet, _ level: QueryLevel) throws(Failure) -> [UID] {
        guard level == .patient, identifier.string(.patientID) != nil else { throw .nothingToListBy }
        var keys = base(.study, identifier, study: nil)
        keys.setEmpty(.studyInstanceUID, .UI)
        return try uids(.studyInstanceUID, keys)
    }

    private func series(
        of study: UID, _ identifier: DataSet, _ level: QueryLevel
    ) throws(Failure) -> [(uid: UID, count: Int?)] {
        let given = level >= .series ? identifier.uids(.seriesInstanceUID) : []
        if !given.isEmpty { return given.map { ($0, nil) } }
        var keys = base(.series, identifier, study: study)
        keys.setEmpty(.seriesInstanceUID, .UI)
        if seriesLists.areOfUse {
            var withCounts = keys
            withCounts.setEmpty(.numberOfSeriesRelatedInstances, .IS)
            do throws(Failure) {
                return try series(withCounts)
            } catch {
                guard case .refused = error else { throw error }
                // An optional key, which the peer need not know.
                seriesLists.giveUp()
            }
        }
        return try series(keys)
    }

    private func series(_ keys: DataSet) throws(Failure) -> [(uid: UID, count: Int?)] {
        var found: [(uid: UID, count: Int?)] = []
        var seen: Set<UID> = []
        try find(keys) { match in
            guard let uid = match.uid(.seriesInstanceUID), seen.insert(uid).inserted else { return }
            found.append((uid, Self.instanceCount(match)))
        }
        return found
    }

    /// Series or instances of which only their own UID is known: peers with relational queries find the study (PS3.4
    /// C.4.1.2.2).
    private func unplacedSeries(_ identifier: DataSet, _ level: QueryLevel) throws(Failure) -> [Series] {
        let key = InformationModel.uniqueKey(of: level)
        guard let uids = identifier[key], !uids.isEmpty else { throw .nothingToListBy }
        var keys = base(level, identifier, study: nil)
        keys.setEmpty(.studyInstanceUID, .UI)
        keys.setEmpty(.seriesInstanceUID, .UI)
        keys[key] = uids
        var found: [Series] = []
        var seen: Set<UID> = []
        try find(keys) { answer in
            guard let study = answer.uid(.studyInstanceUID), let series = answer.uid(.seriesInstanceUID) else { return }
            if seen.insert(series).inserted { found.append(Series(studyInstanceUID: study, seriesInstanceUID: series)) }
        }
        // A peer without relational queries may answer with nothing instead of a refusal.
        if found.isEmpty { throw .nothingToListBy }
        return found
    }

    private func base(_ level: QueryLevel, _ identifier: DataSet, study: UID?) -> DataSet {
        var keys = DataSet()
        keys[.specificCharacterSet] = identifier[.specificCharacterSet]
        keys.set(.queryRetrieveLevel, .CS, level.rawValue)
        if model == .patientRoot || model == .patientStudyOnly { keys[.patientID] = identifier[.patientID] }
        if let study { keys.set(.studyInstanceUID, study) }
        return keys
    }

    private func base(_ level: QueryLevel, _ studies: [UID]) -> DataSet {
        var keys = base(level, DataSet(), study: nil)
        keys.set(.studyInstanceUID, .UI, studies.map(\.string).joined(separator: "\\"))
        return keys
    }

    private func uids(_ tag: Tag, _ keys: DataSet) throws(Failure) -> [UID] {
        var found: [UID] = []
        var seen: Set<UID> = []
        try find(keys) { answer in
            if let uid = answer.uid(tag), seen.insert(uid).inserted { found.append(uid) }
        }
        return found
    }

    private func find(_ keys: DataSet, onMatch: @escaping (DataSet) -> Void) throws(Failure) {
        let result: ExchangeResult
        do throws(AssociationError) {
            // What we ask on our own behalf names no character set that it does not need.
            result = try session.find(
                sopClass: model.findSOPClass, identifier: keys.namingCharacterSetWhereNeeded, priority: .medium,
                beforeBlockingRead: nil
            ) { match in
                answers.count += 1
                guard answers.count <= answers.limit else { return .cancel }
                do throws(DataSetError) {
                    onMatch(try match.identifier())
                } catch {
                    // An answer that cannot be read names no instance; what is missing for it is seen in the end.
                }
                return .goOn
            }
        } catch {
            throw .association(error)
        }
        if answers.count > answers.limit { throw .tooMany }
        if result.wasInterrupted { throw .association(.interrupted(.graceful)) }
        guard let final = result.final?.command else { return }
        guard final.status?.kind == .success else { throw .refused(final) }
    }
}

extension InstanceListing.Series {
    fileprivate mutating func add(_ instance: UID, _ match: DataSet) {
        sopInstanceUIDs.append(instance)
        let syntaxes = match.uids(.availableTransferSyntaxUID)
        if syntaxes.isEmpty { tellsSyntaxes = false }
        guard let sopClass = match.uid(.sopClassUID) else {
            tellsClasses = false
            return
        }
        transferSyntaxes[sopClass, default: []].formUnion(syntaxes)
    }

    /// The same series with some of its instances.
    package func reduced(to uids: [UID]) -> InstanceListing.Series {
        var reduced = self
        reduced.sopInstanceUIDs = uids
        return reduced
    }
}
