import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Asks the peer, by C-FIND at image level (PS3.4 C.4.1), which instances it holds.
final class ExistingInstances {
    private let network: Network
    private let priority: Priority
    private var session: (any QuerySession)?
    private var isGivenUp = false
    /// True if the peer has refused a list of UIDs, and is asked for one instance after the other.
    private var takesNoLists = false

    /// UIDs in one question: some servers cut long values.
    private static let maximumUIDs = 50
    /// Matches of one query: a server that ignores the UIDs answers with a series or a study, and the largest have some 50,000 instances.
    private static let maximumMatches = 200_000
    private static let sopClass = InformationModel.studyRoot.findSOPClass

    enum Failure: Error {
        case association(AssociationError)
        case refused(DIMSEStatus?)
        /// More matches than there can be.
        case tooMany

        /// True if the peer may answer about one instance where it does not about several.
        fileprivate var isAboutList: Bool {
            switch self {
            case .refused: true
            case .association(.web(let error)):
                [.status(400), .status(413), .status(414), .status(431)].contains(error.code)
            case .association, .tooMany: false
            }
        }
    }

    init(_ network: Network, priority: Priority) {
        self.network = network
        self.priority = priority
    }

    /// Those of the files that the peer lists. Where it cannot be asked it lists none, which is told once.
    func held(of files: [InstanceFile]) -> Set<UID> {
        guard !isGivenUp else { return [] }
        do throws(Failure) {
            let series = [InstanceListing.Series](
                files.lazy.map { ($0.studyInstanceUID, $0.seriesInstanceUID, $0.sopInstanceUID) })
            return try held(series)
        } catch {
            isGivenUp = true
            network.diagnostics.warning(
                Message("cannot query the instances of \(network.peerName); all files are sent", reason(error)))
            return []
        }
    }

    /// Those of the instances of these series that the peer lists.
    ///
    /// - Throws: the reason why it cannot be asked.
    func held(_ series: [InstanceListing.Series]) throws(Failure) -> Set<UID> {
        var held: Set<UID> = []
        for one in series {
            let uids = one.sopInstanceUIDs
            for start in stride(from: 0, to: uids.count, by: Self.maximumUIDs) {
                held.formUnion(try self.held(uids[start..<min(start + Self.maximumUIDs, uids.count)], in: one))
            }
        }
        return held
    }

    /// Those of the series of a study that the peer lists: of others it holds no instances.
    private func series(of study: UID, among wanted: Set<UID>) throws(Failure) -> Set<UID> {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, QueryLevel.series.rawValue)
        keys.set(.studyInstanceUID, study)
        keys.setEmpty(.seriesInstanceUID, .UI)
        return try ask(keys, for: .seriesInstanceUID, among: wanted)
    }

    /// Finds out whether the peer can be reached at all; what it answers makes no difference.
    ///
    /// - Throws: the error by which nothing can be sent to it either.
    func reach() throws(AssociationError) {
        do throws(Failure) {
            _ = try retrying { () throws(Failure) in
                // Over HTTP nothing is connected before something is asked.
                if network.connection.web != nil { return try series(of: network.newUID(), among: []) }
                do throws(AssociationError) { _ = try opened() } catch { throw .association(error) }
                return []
            }
        } catch {
            guard case .association(let reason) = error else { return }
            switch reason {
            case .noPresentationContext: return
            case .web(let error):
                // It may take instances and not answer about them.
                switch error.code {
                case .status(404), .status(405), .status(406), .status(501), .notOffered: return
                default: throw reason
                }
            default: throw reason
            }
        }
    }

    /// Leaves those instances that the peer does not list within a time; after a transient failure it is asked again as the
    /// options of the run say. Some servers list an instance only some time after they have it.
    ///
    /// - Parameter seconds: the time; 0 asks once.
    /// - Throws: the reason why it cannot be asked; what was listed by then is left out all the same.
    func removeListed(from series: inout [InstanceListing.Series], within seconds: Double) throws(Failure) {
        let end = Deadline.after(seconds: seconds)
        var pause = Self.firstPause
        try removeListed(from: &series)
        while !series.isEmpty, !end.isPast {
            guard !network.cancellation.wait(until: Deadline.after(seconds: pause).earlier(end)) else { return }
            pause *= 2
            try removeListed(from: &series)
        }
    }

    /// The pause in seconds before the peer is asked again; each further one is twice as long.
    private static let firstPause = 1.0

    private func removeListed(from series: inout [InstanceListing.Series]) throws(Failure) {
        let asked = series
        let held = try retrying { () throws(Failure) in try self.held(asked) }
        series = series.compactMap { one in
            let left = one.sopInstanceUIDs.filter { !held.contains($0) }
            return left.isEmpty ? nil : one.reduced(to: left)
        }
    }

    /// Those of the instances of these series that the peer lists, series by series. What it has nothing of is found out by one query a
    /// study.
    ///
    /// - Throws: the reason why it cannot be asked.
    func present(of series: [InstanceListing.Series]) throws(Failure) -> [InstanceListing.Series] {
        var known: [UID: Set<UID>] = [:]
        var present: [InstanceListing.Series] = []
        for one in series {
            let study = one.studyInstanceUID
            let there: Set<UID>
            if let asked = known[study] {
                there = asked
            } else {
                let wanted = Set(series.lazy.filter { $0.studyInstanceUID == study }.map(\.seriesInstanceUID))
                there = try retrying { () throws(Failure) in try self.series(of: study, among: wanted) }
                known[study] = there
            }
            guard there.contains(one.seriesInstanceUID) else { continue }
            let held = try retrying { () throws(Failure) in try self.held([one]) }
            let uids = one.sopInstanceUIDs.filter(held.contains)
            if !uids.isEmpty { present.append(one.reduced(to: uids)) }
        }
        return present
    }

    /// Asks again after a transient failure, as the options of the run say.
    private func retrying(_ ask: () throws(Failure) -> Set<UID>) throws(Failure) -> Set<UID> {
        var failures = 0
        while true {
            do throws(Failure) {
                return try ask()
            } catch {
                guard case .association(let reason) = error else { throw error }
                failures += 1
                guard network.mayRetry(after: reason, failures: failures) else { throw error }
                do throws(AssociationError) {
                    try network.pause(after: failures, because: reason)
                } catch {
                    throw .association(error)
                }
            }
        }
    }

    /// Those of instances of one series that the peer lists. Some servers fail at a list of UIDs.
    private func held(_ part: ArraySlice<UID>, in series: InstanceListing.Series) throws(Failure) -> Set<UID> {
        if takesNoLists, part.count > 1 {
            var held: Set<UID> = []
            for index in part.indices { held.formUnion(try self.held(part[index...index], in: series)) }
            return held
        }
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, QueryLevel.image.rawValue)
        keys.set(.studyInstanceUID, series.studyInstanceUID)
        keys.set(.seriesInstanceUID, series.seriesInstanceUID)
        keys.set(.sopInstanceUID, .UI, part.map(\.string).joined(separator: "\\"))
        do throws(Failure) {
            // A server that ignores the list of UIDs answers with the whole series.
            return try ask(keys, for: .sopInstanceUID, among: Set(part))
        } catch {
            guard error.isAboutList, part.count > 1 else { throw error }
            takesNoLists = true
            return try held(part, in: series)
        }
    }

    private func ask(_ keys: DataSet, for tag: Tag, among wanted: Set<UID>) throws(Failure) -> Set<UID> {
        // The association may have been idle while much was sent, and the peer may have ended it.
        let isOld = session != nil
        do throws(Failure) {
            return try list(keys, tag, wanted)
        } catch {
            guard isOld, session == nil, case .association(let reason) = error, !reason.isInterruption else {
                throw error
            }
            return try list(keys, tag, wanted)
        }
    }

    /// Nothing but what was asked for is kept of the matches.
    private func list(_ keys: DataSet, _ tag: Tag, _ wanted: Set<UID>) throws(Failure) -> Set<UID> {
        var found: Set<UID> = []
        var count = 0
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try opened().find(
                sopClass: Self.sopClass, identifier: keys, priority: priority, beforeBlockingRead: nil,
                onMatch: { match in
                    // An answer that cannot be read confirms nothing.
                    count += 1
                    guard count <= Self.maximumMatches else { return .cancel }
                    guard let identifier = try? match.identifier(), let uid = identifier.uid(tag) else { return .goOn }
                    if wanted.contains(uid), identifier.agrees(with: keys) { found.insert(uid) }
                    return .goOn
                })
        } catch {
            if error.isInterruption { session?.abort() }
            if !error.leavesAssociationUsable || error.isInterruption { session = nil }
            throw .association(error)
        }
        if count > Self.maximumMatches { throw .tooMany }
        if result.wasInterrupted { throw .association(.interrupted(.graceful)) }
        guard let final = result.final?.command, final.status?.kind == .success else {
            throw .refused(result.final?.command.status)
        }
        return found
    }

    private func opened() throws(AssociationError) -> any QuerySession {
        if let session { return session }
        let opened = try network.querySession(for: [Self.sopClass])
        session = opened
        return opened
    }

    /// The code for a run that could not ask.
    func exitCode(_ failure: Failure) -> ExitCode {
        switch failure {
        case .association(let error): ExitCode(for: error)
        case .refused, .tooMany: .incomplete
        }
    }

    func reason(_ failure: Failure) -> String {
        switch failure {
        case .association(let error): network.message(error).line
        case .refused(let status): status.map { "\($0.meaning(for: .find)) (\($0))" } ?? "no answer"
        case .tooMany: "more than \(Self.maximumMatches) matches of one query, more than there can be"
        }
    }

    func finish() {
        // Everything was answered; how the association ends makes no difference any more.
        if let session { do throws(AssociationError) { try network.release(session) } catch {} }
        session = nil
    }
}

extension DataSet {
    /// True unless it says that it is of another study or series than the one that was asked for.
    fileprivate func agrees(with keys: DataSet) -> Bool {
        for tag in [Tag.studyInstanceUID, .seriesInstanceUID] {
            guard let asked = keys.uid(tag), let returned = uid(tag) else { continue }
            if asked != returned { return false }
        }
        return true
    }
}

extension [InstanceListing.Series] {
    /// The series that instances belong to, in the order of their first one. Without study and series nobody can ask for an instance in
    /// a hierarchical model: such ones are left out.
    init(_ instances: some Sequence<(study: UID?, series: UID?, instance: UID)>) {
        self = []
        var places: [UID: Int] = [:]
        for (study, series, instance) in instances {
            guard let study, let series else { continue }
            let place = places[series] ?? count
            if place == count {
                places[series] = place
                append(InstanceListing.Series(studyInstanceUID: study, seriesInstanceUID: series))
            }
            self[place].sopInstanceUIDs.append(instance)
        }
    }
}
