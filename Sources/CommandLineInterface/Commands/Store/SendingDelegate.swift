import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// Opens the associations by which instances are sent, or the sessions over HTTP, and reports what happens on them.
final class SendingDelegate: StorageDelegate, Sendable {
    private let network: Network
    private let outcome: RunOutcome
    private let jobs: LoadChoice
    private let isStopped: @Sendable () -> Bool
    private let recordResult: @Sendable (StoreResult) -> Void
    private let onEnd: @Sendable () -> Void
    private let hasLostAssociation = Locked(false)

    /// - Parameters:
    ///   - jobs: the number of associations.
    ///   - isStopped: true once no more instances are to be sent.
    ///   - record: called with the outcome of each instance, on the threads of the associations.
    ///   - onEnd: called once nothing is sent any more.
    init(
        _ network: Network, _ outcome: RunOutcome, jobs: LoadChoice, isStopped: @escaping @Sendable () -> Bool,
        record: @escaping @Sendable (StoreResult) -> Void, onEnd: @escaping @Sendable () -> Void
    ) {
        self.network = network
        self.outcome = outcome
        self.jobs = jobs
        self.isStopped = isStopped
        recordResult = record
        self.onEnd = onEnd
    }

    /// Starts the associations, or what takes their place over HTTP.
    ///
    /// - Throws: `SystemError` if not even one thread can be started.
    func makeStorage(_ options: StoreOptions) throws(SystemError) -> ParallelStorage {
        guard let web = network.connection.web else {
            var sending = StorageSCU.Options()
            sending.priority = options.priority
            sending.rewrites = !options.neverRewrites
            sending.assumesMeta = options.assumesMeta
            sending.retry = network.retry
            return try ParallelStorage(
                jobs: jobs, window: options.window, options: sending, cancellation: network.cancellation,
                delegate: self, pace: network.pace)
        }
        var sending = WebStorage.Options()
        sending.interface = web.interface
        sending.assumesMeta = options.assumesMeta
        sending.retry = network.retry
        return try ParallelStorage(
            jobs: jobs, answeredTogether: WebStorage.mostInOneRequest, cancellation: network.cancellation,
            delegate: self, pace: network.pace
        ) {
            [network, sending, delegate = self] cancellation, meter in
            WebStorage(sending, cancellation: cancellation, delegate: delegate, meter: meter) {
                () throws(AssociationError) in
                try network.webSession()
            }
        }
    }

    var shouldStop: Bool { isStopped() }

    func open(
        _ contexts: [PresentationContextProposal], window: AsynchronousOperationsWindow?, cancellation: Cancellation
    ) throws(AssociationError) -> Association {
        var parameters = network.parameters(contexts)
        parameters.asynchronousOperationsWindow = window
        return try network.associate(parameters, cancellation: cancellation)
    }

    func report(_ result: StoreResult) { recordResult(result) }

    func willPause(seconds: Double, instances: Int, cause: AssociationError?) {
        network.notePause(
            seconds: seconds, cause == nil ? "trying \(Quantity.count(instances, "file")) again" : "trying again",
            because: cause)
    }

    /// Reports the first one as a note: many associations that end at once end for one reason.
    func lostAssociation(remaining: Int, cause: AssociationError) {
        let isFirst = hasLostAssociation.withLock { hasLost in
            defer { hasLost = true }
            return !hasLost
        }
        let why = network.message(cause).line
        guard isFirst else {
            return outcome.diagnostics.verbose("continuing with \(Quantity.count(remaining, "association")): \(why)")
        }
        let number = jobs.number ?? remaining + 1
        outcome.diagnostics.note(
            Message("continuing with fewer associations", "one of \(number) has ended: \(why)"))
    }

    func willKeepStudiesTogether() {
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): the server failed with an instance of a study that several associations were sending",
                "it is sent again, and each study on one association from here on"))
    }

    func loadChanged(to load: AssociationLoad) {
        let words = load.words(jobs: .automatic, window: .automatic)
        outcome.diagnostics.verbose("\(network.peerName): sending \(words)")
    }

    func releaseUnanswered() { network.noteUnansweredRelease() }

    func sendingEnded() { onEnd() }
}
