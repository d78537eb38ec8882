import DICOMNode
import DICOMProtocol
import Synchronization
import System

/// The things that all retrievals of a run share: the server, the output folder, and the port that the server calls
/// back.
final class RetrievalContext: Sendable {
    let options: RetrieveOptions
    let network: Network
    let outcome: RunOutcome
    let environment: Environment
    let associations: RetrievalAssociations
    /// Nil where the instances go to a third party.
    let reception: Reception?
    /// The file for the outcome of each row.
    let rowReport: RetrievalRowReport?
    /// Asks the third party for what it got; nil if nobody wants that.
    let destination: DestinationCheck?
    /// The archive that instances are copied to; nil where they stay here, or are sent by the server.
    let copyDestination: String?
    /// Our port; nil where nothing calls back.
    let server: AssociationServer?
    private let callbacks: Callbacks
    private let moved = Locked(Moved())
    private let lastMoveMessageID = Atomic<UInt16>(0)
    private let hasNoGet = Atomic<Bool>(false)
    private let failureOfList = Locked<AssociationError?>(nil)
    private let hasNoDestination = Atomic<Bool>(false)
    private let isAccepting = Atomic<Bool>(false)
    private let hasNoShares = Atomic<Bool>(false)
    private let longestList = Atomic<Int>(0)
    private let isStopped: @Sendable () -> Bool
    /// The associations that they may use.
    let jobs: RetrievalJobs

    /// Returns nil if the port cannot be opened, which is reported.
    ///
    /// - Parameters:
    ///   - destination: the node that instances go to, if it is to be asked for what it got.
    ///   - buffer: for instances that do not stay here.
    ///   - isStopped: true once nothing more is to be retrieved, for a cause of the caller's.
    /// - Throws: the problem of the output folder or the journal.
    init?(
        _ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        destination: Network? = nil, buffer: InstanceBuffer? = nil,
        isStopped: @escaping @Sendable () -> Bool = { false }
    ) throws(FileProblem) {
        self.isStopped = isStopped
        copyDestination = buffer == nil ? nil : destination?.peerName
        self.destination = destination.map { DestinationCheck($0, options, outcome) }
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        let jobs = RetrievalJobs(options.jobs) { [network] load in
            network.diagnostics.verbose(
                "\(network.peerName): retrieving \(load.words(jobs: .automatic, window: .fixed(1)))")
        }
        self.jobs = jobs
        associations = RetrievalAssociations(network, options, jobs)
        let destination = options.isForThirdParty ? options.moveDestination.string : nil
        rowReport = try options.reportPath.map { path throws(FileProblem) in
            try RetrievalRowReport(path, destination: destination)
        }
        let callbacks = Callbacks(ours: network.connection.callingAETitle)
        self.callbacks = callbacks
        let reception =
            options.isForThirdParty ? nil : try Reception(options, network, outcome, environment, jobs, buffer: buffer)
        self.reception = reception
        guard options.receivesMovedInstances, let reception else {
            server = nil
            return
        }
        let storage = StorageSCP(receiver: reception.sharedReceiver, preferring: options.preferredSyntaxes)
        server = Receiver.start(
            network, outcome, port: network.connection.receiverPort ?? 0, services: [VerificationSCP(), storage],
            from: network.connection.acceptedCallers, isAccepting: false,
            watch: { callbacks.record($0) })
        if server == nil { return nil }
    }

    /// Lets callers in, once the first C-MOVE-RQ has left: what came before would be what nobody asked for.
    func acceptCallers() {
        guard let server, !isAccepting.exchange(true, ordering: .relaxed) else { return }
        _ = Receiver.accept(server, outcome)
    }

    /// Leaves the associations of the server to its own release, but no longer than the grace after the last sign of life.
    func waitForRelease() {
        guard let server else { return }
        waitWithinGrace { server.openAssociations == 0 }
    }

    /// Waits until the condition holds, and no longer than the grace after the last sign of life at our port.
    func waitWithinGrace(until isFulfilled: () -> Bool) {
        guard let server else { return }
        var seen = server.progress
        var end = Deadline.after(seconds: options.grace)
        var look = Duration.milliseconds(1)
        while !isFulfilled(), !shouldStop {
            if server.progress != seen || server.messagesArriving > 0 {
                seen = server.progress
                end = .after(seconds: options.grace)
            }
            guard !end.isPast else { return }
            if network.cancellation.wait(until: end.earlier(.after(look))) { return }
            look = min(look * 2, Self.longestLook)
        }
    }

    /// The progress of all requests by which instances go to a third party, as the server counts it.
    ///
    /// - Parameter request: tells the requests apart; each counts from 0.
    func movedElsewhere(_ counts: SuboperationCounts, by request: Int) -> ProgressLine.Progress {
        moved.withLock { moved in
            let before = moved.last[request]
            moved.last[request] = counts
            let sent = Self.done(counts) - Self.done(before)
            for _ in 0..<max(sent, 0) { jobs.received(bytes: 0) }
            moved.progress.instances += sent
            moved.progress.failures += (counts.failed ?? 0) - (before?.failed ?? 0)
            moved.total += Self.all(counts) - Self.all(before)
            moved.progress.total = counts.remaining == nil ? nil : moved.total
            return moved.progress
        }
    }

    private static func done(_ counts: SuboperationCounts?) -> Int { (counts?.completed ?? 0) + (counts?.warning ?? 0) }

    private static func all(_ counts: SuboperationCounts?) -> Int {
        done(counts) + (counts?.failed ?? 0) + (counts?.remaining ?? 0)
    }

    /// What goes to a third party: the last counts of each request, and their sums.
    private struct Moved {
        var last: [Int: SuboperationCounts] = [:]
        var progress = ProgressLine.Progress()
        var total = 0
    }

    /// Where the retrieval stands.
    func standing(done: Int, _ targets: [RetrievalTarget], underWay: [String]) -> RunStatus.Standing {
        var standing = RunStatus.Standing()
        let isOfStudies = targets.allSatisfy { $0.level == .study }
        standing.counts.append("\(done) of \(Quantity.count(targets.count, isOfStudies ? "study" : "request"))")
        let (instances, failures): (Int, Int)
        if let total = reception?.total {
            (instances, failures, standing.bytes) = (total.written + total.skipped, total.failed, total.bytes)
        } else {
            (instances, failures) = moved.withLock { ($0.progress.instances, $0.progress.failures) }
        }
        standing.counts.append(Quantity.count(instances, "instance"))
        if failures > 0 { standing.counts.append("\(failures) failed") }
        standing.work = RunStatus.Work(done: Double(done), whole: Double(targets.count))
        standing.underWay = underWay
        return standing
    }

    /// The longest time between two looks at what has come.
    private static let longestLook = Duration.milliseconds(20)

    /// Associations that were opened to our port so far.
    var callbackCount: Int { callbacks.count }
    /// The remedy if the first call to our port was rejected by us.
    var rejectedCallback: Hint? { callbacks.rejection }

    /// A message ID that no other move uses: servers repeat it with the instances they send. 0 means none there.
    func nextMoveMessageID() -> UInt16 {
        let id = lastMoveMessageID.wrappingAdd(1, ordering: .relaxed).newValue
        return id == 0 ? nextMoveMessageID() : id
    }

    /// True if the server does not offer C-GET, so that C-MOVE is used instead.
    var movesInstead: Bool {
        get { hasNoGet.load(ordering: .relaxed) }
        set { hasNoGet.store(newValue, ordering: .relaxed) }
    }

    /// True if the server does not know our move destination: it would refuse each retrieval.
    var destinationIsUnknown: Bool {
        get { hasNoDestination.load(ordering: .relaxed) }
        set { hasNoDestination.store(newValue, ordering: .relaxed) }
    }

    /// The reason why the server has no list for us; nil while it may have. Each further question would only cost time.
    var listFailure: AssociationError? {
        get { failureOfList.withLock { $0 } }
        set { failureOfList.withLock { $0 = newValue } }
    }

    /// True if the server fails with parts of what it is asked for: it is asked for each thing as a whole.
    var sharesNothing: Bool {
        get { hasNoShares.load(ordering: .relaxed) }
        set { hasNoShares.store(newValue, ordering: .relaxed) }
    }

    /// The number of instances in the longest list of which the server has brought all.
    var longestWholeList: Int { longestList.load(ordering: .relaxed) }

    func noteWholeList(of count: Int) { longestList.max(count, ordering: .relaxed) }

    /// True if the caller has ended the retrievals, for a cause that is none of the server's.
    var isEndedByCaller: Bool { isStopped() }

    /// True if no further retrieval should begin.
    var shouldStop: Bool {
        network.cancellation.isRaised || reception?.diskIsFullOrReadOnly == true || destinationIsUnknown
            || network.isOverdue || isStopped()
    }
}

/// Counts the associations that were opened to our port, and keeps why the first that we rejected was.
private final class Callbacks: Sendable {
    private let ours: AETitle
    private let state = Locked<(count: Int, rejection: Hint?)>((0, nil))

    init(ours: AETitle) { self.ours = ours }

    var count: Int { state.withLock { $0.count } }
    var rejection: Hint? { state.withLock { $0.rejection } }

    /// Called on the threads of the server.
    func record(_ event: AssociationServer.Event) {
        state.withLock { state in
            switch event {
            case .accepted: state.count += 1
            case .rejected(let request, .calledAETitleNotRecognized, _) where state.rejection == nil:
                state.rejection = .commitment(
                    .calledByOtherAETitle(request.calledAETitle.string, ours: ours.string))
            case .rejected(let request, .callingAETitleNotRecognized, _) where state.rejection == nil:
                state.rejection = .callerNotAccepted(caller: request.callingAETitle.string)
            default: break
            }
        }
    }
}
