import DICOM
import DICOMNode
import DICOMProtocol
import Synchronization

/// What all retrievals of a run share: the way to the server, the folder, and the port that the server calls back.
final class RetrievalSession: Sendable {
    let options: RetrieveOptions
    let network: Network
    let outcome: RunOutcome
    let environment: Environment
    /// Nil where the instances go to a third party.
    let reception: Reception?
    /// Nil where nobody calls back.
    let server: AssociationServer?
    private let callbacks: CallbackCounter
    private let lastMoveMessageID = Atomic<UInt16>(0)
    private let hasNoGet = Atomic<Bool>(false)
    private let toldOfNoList = Atomic<Bool>(false)
    private let hasNoDestination = Atomic<Bool>(false)

    /// Nil: the port cannot be had, reported.
    init?(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment)
        throws(FileProblem)
    {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        let callbacks = CallbackCounter()
        self.callbacks = callbacks
        let reception = options.isForThirdParty ? nil : try Reception(options, network, outcome, environment)
        self.reception = reception
        guard options.receivesMovedInstances, let reception else {
            server = nil
            return
        }
        let storage = StorageSCP(
            receiver: reception.sharedReceiver, preferring: options.preferredSyntaxes)
        server = Receiver.start(
            network, outcome, port: network.connection.receiverPort ?? 0, services: [VerificationSCP(), storage],
            from: options.acceptedCallers,
            watch: { event in if case .accepted = event { callbacks.add() } })
        if server == nil { return nil }
    }

    /// Associations that were opened to our port so far.
    var callbackCount: Int { callbacks.count }

    /// Servers tell it with the instances they send, so each move has its own; 0 is none.
    func nextMoveMessageID() -> UInt16 {
        let id = lastMoveMessageID.wrappingAdd(1, ordering: .relaxed).newValue
        return id == 0 ? nextMoveMessageID() : id
    }

    /// Whether the server was found to offer no C-GET, and C-MOVE takes its place.
    var movesInstead: Bool {
        get { hasNoGet.load(ordering: .relaxed) }
        set { hasNoGet.store(newValue, ordering: .relaxed) }
    }

    /// Whether the server does not know where to send to: it would say so of each retrieval.
    var destinationIsUnknown: Bool {
        get { hasNoDestination.load(ordering: .relaxed) }
        set { hasNoDestination.store(newValue, ordering: .relaxed) }
    }

    /// Says, once for all retrievals, that completeness rests on the server's word alone.
    func tellOfNoList() {
        guard !toldOfNoList.exchange(true, ordering: .relaxed) else { return }
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): the server gives no whole list of its instances",
                "what comes is compared with its own count alone"))
    }

    /// Whether no further retrieval should begin.
    var isOver: Bool {
        network.cancellation.isRaised || reception?.outputFailed == true || destinationIsUnknown
    }
}

/// Counts on the threads of the server.
private final class CallbackCounter: Sendable {
    private let value = Atomic<Int>(0)

    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}
