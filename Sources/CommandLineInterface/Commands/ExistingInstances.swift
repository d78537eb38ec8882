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
    private static let sopClass = InformationModel.studyRoot.findSOPClass

    enum Failure: Error {
        case association(AssociationError)
        case refused(DIMSEStatus?)

        /// True if the peer may answer about one instance where it does not about several.
        fileprivate var isAboutList: Bool {
            switch self {
            case .refused: true
            case .association(.web(let error)):
                [.status(400), .status(413), .status(414), .status(431)].contains(error.code)
            case .association: false
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

    /// The series of a study that the peer lists: of others it holds no instances.
    private func series(of study: UID) throws(Failure) -> Set<UID> {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, QueryLevel.series.rawValue)
        keys.set(.studyInstanceUID, study)
        keys.setEmpty(.seriesInstanceUID, .UI)
        return try ask(keys, for: .seriesInstanceUID)
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
                there = try retrying { () throws(Failure) in try self.series(of: study) }
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
            return Set(part).intersection(try ask(keys, for: .sopInstanceUID))
        } catch {
            guard error.isAboutList, part.count > 1 else { throw error }
            takesNoLists = true
            return try held(part, in: series)
        }
    }

    private func ask(_ keys: DataSet, for tag: Tag) throws(Failure) -> Set<UID> {
        // The association may have been idle while much was sent, and the peer may have ended it.
        let isOld = session != nil
        do throws(Failure) {
            return try list(keys, tag)
        } catch {
            guard isOld, session == nil, case .association(let reason) = error, !reason.isInterruption else {
                throw error
            }
            return try list(keys, tag)
        }
    }

    private func list(_ keys: DataSet, _ tag: Tag) throws(Failure) -> Set<UID> {
        var found: Set<UID> = []
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try opened().find(
                sopClass: Self.sopClass, identifier: keys, priority: priority, beforeBlockingRead: nil,
                onMatch: { match in
                    // An answer that cannot be read confirms nothing.
                    if let uid = (try? match.identifier())?.uid(tag) { found.insert(uid) }
                    return .goOn
                })
        } catch {
            if error.isInterruption { session?.abort() }
            if !error.leavesAssociationUsable || error.isInterruption { session = nil }
            throw .association(error)
        }
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
        case .refused: .incomplete
        }
    }

    func reason(_ failure: Failure) -> String {
        switch failure {
        case .association(let error): network.message(error).line
        case .refused(let status): status.map { "\($0.meaning(for: .find)) (\($0))" } ?? "no answer"
        }
    }

    func finish() {
        // Everything was answered; how the association ends makes no difference any more.
        if let session { do throws(AssociationError) { try network.release(session) } catch {} }
        session = nil
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
