import DICOM
import DICOMNode

/// `--verify`: makes sure that the peer holds each instance that it has taken.
struct StoreVerification {
    private let options: StoreOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let account: StoreAccount
    private let commitment: CommitmentExchange?

    /// Some servers list an instance only some time after they have taken it: pauses in seconds before asking again.
    private static let pauses = [1.0, 2, 4]

    /// - Parameter commitment: open since before the first instance was sent; for verification by commitment only.
    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        _ account: StoreAccount, _ commitment: CommitmentExchange?
    ) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
        self.account = account
        self.commitment = commitment
    }

    func perform() {
        switch options.verification {
        case .find?: verifyByFind(account.takeStored())
        case .commit?:
            if let commitment {
                CommitVerification(options, network, outcome, environment, account, commitment).perform(
                    account.takeStored())
            }
        case nil: break
        }
    }

    private func verifyByFind(_ stored: [StoredInstance]) {
        let peer = ExistingInstances(network, priority: options.priority)
        var missing = stored
        var why = "not confirmed: the server does not list it"
        do throws(ExistingInstances.Failure) {
            missing = try unlisted(missing, peer)
            for pause in Self.pauses where !missing.isEmpty {
                guard wait(pause) else { break }
                missing = try unlisted(missing, peer)
            }
        } catch {
            let reason = peer.reason(error)
            why = "not confirmed: the server could not be asked"
            outcome.fail(.incomplete, Message("\(network.peerName): cannot verify what was stored", reason))
        }
        peer.finish()
        for instance in missing {
            account.unconfirmed(
                instance,
                instance.seriesInstanceUID == nil || instance.studyInstanceUID == nil
                    ? "not confirmed: the file does not say which study and series it belongs to"
                    : why)
        }
        warnOfCopies(stored)
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): \(stored.count - missing.count) of \(stored.count) instances confirmed by C-FIND")
        )
    }

    /// The server has one instance of a UID, and which file it is made of no query tells.
    private func warnOfCopies(_ stored: [StoredInstance]) {
        let copies = Dictionary(grouping: stored, by: \.sopInstanceUID).values.filter { $0.count > 1 }
        for files in copies.sorted(by: { $0[0].path < $1[0].path }) {
            outcome.diagnostics.warning(
                Message(
                    "\(files[0].path)", "\(files.count) files have its SOP instance UID, and the server keeps one",
                    code: files[0].sopInstanceUID.string))
        }
    }

    private func unlisted(
        _ instances: [StoredInstance], _ peer: ExistingInstances
    ) throws(ExistingInstances.Failure) -> [StoredInstance] {
        let held = try peer.held(instances)
        return instances.filter { !held.contains($0.sopInstanceUID) }
    }

    /// False: somebody wants to stop.
    private func wait(_ seconds: Double) -> Bool {
        !network.cancellation.wait(until: .after(seconds: seconds))
    }
}
