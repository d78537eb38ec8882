import DICOM
import DICOMNode
import System

/// The instances that one retrieval should bring, and those that it has brought. Several threads write to it.
final class RetrievedInstances: Sendable {
    struct Counts: Sendable, Equatable {
        var written = 0
        /// Already present when they came.
        var skipped = 0
        /// Could not be stored here; another attempt would not help.
        var notStored = 0
        /// Lost with their association before they were whole.
        var cutOff = 0
        /// Of what was asked for, and not among those that the peer listed.
        var unlisted = 0
        /// Came once more although they were here already, where parts were requested.
        var repeated = 0
        /// Listed and on disk, or without a list all that are on disk.
        var present = 0

        /// Received whole, repetitions included.
        var received: Int { written + skipped }
        /// All that were received or began to be.
        var attempted: Int { received + notStored + cutOff }
    }

    private struct State {
        var counts = Counts()
        /// Of every listed instance, whether it is on disk; nil without a list. The one thing that grows with the number of
        /// instances.
        var listed: [UID: Bool]?
        /// True once parts of them were requested at once: a server that does not keep to parts sends an instance more than once.
        var isShared = false
        /// How many more UIDs are listed than there are different ones: two instances may have one.
        var listedTwice = 0
        var notStored: Set<UID> = []
        /// Without a list: digests of the UIDs that are on disk, so that each counts once.
        var unlisted = DigestTable()
        /// The SOP classes of what was stored.
        var sopClasses: Set<UID> = []
        /// The deepest folder that holds all that was stored.
        var folder: FilePath?
        var lastPath: FilePath?
    }

    private let state: Locked<State>
    /// The entities that the instances must belong to.
    let asked: RequestedEntities
    /// Takes over what comes, if it does not stay here.
    let forwarder: (any InstanceForwarder)?

    /// - Parameters:
    ///   - asked: the entities that the instances must belong to.
    ///   - listed: the instances that the peer lists; nil if it gives no list.
    ///   - forwarder: takes over what comes, if it does not stay here.
    ///   - isPresent: whether a listed instance is on disk from an earlier run.
    init(
        listed: [UID]?, asked: RequestedEntities = RequestedEntities(), forwarder: (any InstanceForwarder)? = nil,
        isPresent: (UID) -> Bool = { _ in false }
    ) {
        self.asked = asked
        self.forwarder = forwarder
        var state = State()
        if let listed {
            var table: [UID: Bool] = [:]
            table.reserveCapacity(listed.count)
            for uid in listed {
                let wasPresent = isPresent(uid)
                if table.updateValue(wasPresent, forKey: uid) == nil, wasPresent { state.counts.present += 1 }
            }
            state.listed = table
            state.listedTwice = listed.count - table.count
        }
        self.state = Locked(state)
    }

    var counts: Counts { state.withLock { $0.counts } }

    /// The folder of what was stored; nil if that is nothing.
    var folder: FilePath? { state.withLock { $0.folder } }

    /// The file of the last instance that was stored: its patient is that of all.
    var lastPath: FilePath? { state.withLock { $0.lastPath } }

    /// The number of different instances that are listed; nil without a list.
    var listedCount: Int? { state.withLock { $0.listed?.count } }

    /// The SOP classes of what was stored.
    var sopClasses: Set<UID> { state.withLock { $0.sopClasses } }

    func isListed(_ uid: UID) -> Bool { state.withLock { $0.listed?[uid] != nil } }

    /// From here on an instance that comes more than once is none of two with one UID.
    func share() { state.withLock { $0.isShared = true } }

    /// True if the instance is here, and comes again because parts were requested, or the whole after them.
    func isRepetition(_ uid: UID) -> Bool { state.withLock { $0.isShared && $0.listed?[uid] == true } }

    /// True if more has come again than is listed more than once.
    var hasExcess: Bool { state.withLock { $0.counts.repeated > $0.listedTwice } }

    /// True if all of them are here.
    func holds(_ uids: [UID]) -> Bool { state.withLock { state in uids.allSatisfy { state.listed?[$0] == true } } }

    /// The number of listed instances that may still come: they are not here, and could have been stored.
    var outstandingCount: Int {
        state.withLock { state in
            guard let listed = state.listed else { return 0 }
            return listed.count - state.counts.present - state.notStored.count { listed[$0] == false }
        }
    }

    func record(_ instance: ReceivedInstance) {
        let uid = instance.sopInstanceUID
        state.withLock { state in
            switch instance.outcome {
            case .stored(let outcome):
                state.lastPath = outcome.path
                if state.folder?.holds(outcome.path) != true {
                    let folder = outcome.path.folder
                    state.folder = state.folder?.commonFolder(with: folder) ?? folder
                }
                if outcome.kind == .skipped { state.counts.skipped += 1 } else { state.counts.written += 1 }
                if !state.sopClasses.contains(instance.sopClassUID) { state.sopClasses.insert(instance.sopClassUID) }
                guard state.listed != nil else {
                    if state.unlisted.insert(SeededDigest.of(uid.string)) { state.counts.present += 1 }
                    return
                }
                guard let place = state.listed?.index(forKey: uid) else {
                    state.counts.unlisted += 1
                    return
                }
                if state.listed?.values[place] == false {
                    state.listed?.values[place] = true
                    state.counts.present += 1
                } else if state.isShared {
                    state.counts.repeated += 1
                }
            case .failed:
                state.counts.notStored += 1
                state.notStored.insert(uid)
            case .cutOff: state.counts.cutOff += 1
            }
        }
    }

    /// The instances of these series that are not on disk.
    ///
    /// - Parameter toRequest: leaves out those that could not be stored here, as another attempt would not help.
    func missing(of series: [InstanceListing.Series], toRequest: Bool) -> [InstanceListing.Series] {
        state.withLock { state in
            series.compactMap { series in
                let uids = series.sopInstanceUIDs.filter { uid in
                    state.listed?[uid] == false && !(toRequest && state.notStored.contains(uid))
                }
                return uids.isEmpty ? nil : series.reduced(to: uids)
            }
        }
    }
}
