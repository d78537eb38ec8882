import DICOM
import DICOMNode
import DICOMProtocol
import Synchronization
import System

/// Asks the node that instances were sent to for those that the server lists: `--verify find` of a C-MOVE to a third party.
///
/// Each target is asked for when it was sent, once; what the node does not list by then is asked for again at the end of the run, so
/// that a node which lists late delays nothing.
final class DestinationCheck: Sendable {
    let network: Network
    private let options: RetrieveOptions
    private let outcome: RunOutcome
    private let hasFailed = Atomic<Bool>(false)

    init(_ network: Network, _ options: RetrieveOptions, _ outcome: RunOutcome) {
        self.network = network
        self.options = options
        self.outcome = outcome
    }

    /// What one thread asks by, until it has finished.
    func session() -> ExistingInstances { ExistingInstances(network, priority: options.query.priority) }

    /// Asks again for what was not listed when it was sent, as long as the grace lasts, and records what is missing then.
    ///
    /// - Returns: the places of the outcomes that waited for it, the instances that are missing, and why it is not known whether they
    ///   are there; nil where the node has answered.
    func settle(_ outcomes: inout [TargetOutcome]) -> (settled: [Int], unlisted: Set<UID>, unknown: String?) {
        let waiting = outcomes.indices.filter { outcomes[$0].isUnconfirmed }
        guard !waiting.isEmpty else { return ([], [], nil) }
        var missing = waiting.flatMap { outcomes[$0].unconfirmed }
        let count = missing.reduce(0) { $0 + $1.sopInstanceUIDs.count }
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): \(Quantity.count(count, "instance")) not \(isPostponed ? "confirmed" : "listed") yet",
                "asking again for up to \(Decimal.text(options.grace, digits: 0)) s"))
        let session = session()
        var unknown: String?
        do throws(ExistingInstances.Failure) {
            try session.removeListed(from: &missing, within: options.grace)
        } catch {
            unknown = "it cannot be asked"
            report(error, of: session)
        }
        session.finish()
        let unlisted = Set(missing.flatMap(\.sopInstanceUIDs))
        for index in waiting {
            outcomes[index].settle(unlisted: unlisted)
            guard let problem = outcomes[index].problemAtDestination else { continue }
            var message = problem.message(target: outcomes[index].target.name, server: network.server)
            if let unknown {
                let count = outcomes[index].unconfirmed.reduce(0) { $0 + $1.sopInstanceUIDs.count }
                message.why = "\(Quantity.count(count, "instance")) not confirmed: \(unknown)"
            }
            outcomes[index].fail(problem.exitCode, message)
            outcome.report(message, kind: "requests \(problem.kind ?? "")")
            outcomes[index].giveUpConfirming()
        }
        return (waiting, unlisted, unknown)
    }

    /// True if the node could not be asked: it is asked again once all was sent.
    var isPostponed: Bool { hasFailed.load(ordering: .relaxed) }

    /// Reports that the node cannot be asked; returns true if that is because the run is to end.
    @discardableResult
    func report(_ failure: ExistingInstances.Failure, of session: ExistingInstances) -> Bool {
        if case .association(.interrupted) = failure { return true }
        hasFailed.store(true, ordering: .relaxed)
        outcome.fail(
            session.exitCode(failure).ofWhole(isPartlyDone: true),
            Message("\(network.peerName): cannot verify what was sent there", session.reason(failure)))
        return false
    }
}
