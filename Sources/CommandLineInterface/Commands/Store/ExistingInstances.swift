import DICOM
import DICOMNode
import DICOMProtocol

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
            return try held(files.map { StoredInstance($0) })
        } catch {
            isGivenUp = true
            network.diagnostics.warning(
                Message("cannot query the instances of \(network.peerName); all files are sent", reason(error)))
            return []
        }
    }

    func held(_ instances: [StoredInstance]) throws(Failure) -> Set<UID> {
        var series: [UID: [StoredInstance]] = [:]
        for instance in instances {
            // Without its study and series nobody can ask for an instance in a hierarchical model.
            guard let uid = instance.seriesInstanceUID, instance.studyInstanceUID != nil else { continue }
            series[uid, default: []].append(instance)
        }
        var held: Set<UID> = []
        for (uid, members) in series.sorted(by: { $0.key.string < $1.key.string }) {
            for start in stride(from: 0, to: members.count, by: Self.maximumUIDs) {
                let part = members[start..<min(start + Self.maximumUIDs, members.count)]
                held.formUnion(try self.held(part, inSeries: uid))
            }
        }
        return held
    }

    /// Those of instances of one series that the peer lists. Some servers fail at a list of UIDs.
    private func held(_ part: ArraySlice<StoredInstance>, inSeries uid: UID) throws(Failure) -> Set<UID> {
        if takesNoLists, part.count > 1 {
            var held: Set<UID> = []
            for index in part.indices { held.formUnion(try self.held(part[index...index], inSeries: uid)) }
            return held
        }
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, QueryLevel.image.rawValue)
        keys.set(.studyInstanceUID, part.first?.studyInstanceUID ?? uid)
        keys.set(.seriesInstanceUID, uid)
        keys.set(.sopInstanceUID, .UI, part.map(\.sopInstanceUID.string).joined(separator: "\\"))
        do throws(Failure) {
            // A server that ignores the list of UIDs answers with the whole series.
            return Set(part.map(\.sopInstanceUID)).intersection(try ask(keys))
        } catch {
            guard error.isAboutList, part.count > 1 else { throw error }
            takesNoLists = true
            return try held(part, inSeries: uid)
        }
    }

    private func ask(_ keys: DataSet) throws(Failure) -> Set<UID> {
        // The association may have been idle while much was sent, and the peer may have ended it.
        let isOld = session != nil
        do throws(Failure) {
            return try list(keys)
        } catch {
            guard isOld, session == nil, case .association(let reason) = error, !reason.isInterruption else {
                throw error
            }
            return try list(keys)
        }
    }

    private func list(_ keys: DataSet) throws(Failure) -> Set<UID> {
        var found: Set<UID> = []
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try opened().find(
                sopClass: Self.sopClass, identifier: keys, priority: priority, beforeBlockingRead: nil,
                onMatch: { match in
                    if let uid = Self.instance(match) { found.insert(uid) }
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

    private static func instance(_ match: FindSCU.Match) -> UID? {
        do throws(DataSetError) {
            return try match.identifier().uid(.sopInstanceUID)
        } catch {
            // An answer that cannot be read confirms nothing.
            return nil
        }
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
