import DICOM
import DICOMNode

/// The instances to be stored, batch by batch, without those that need not be sent.
struct StoreSource: ~Copyable {
    private static let neverSent = "it was not sent: the server had an instance of its UID before"

    private let account: StoreAccount
    private let completed: CompletedInstances?
    private let existing: ExistingInstances?
    private var batches: InstanceBatches

    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ account: StoreAccount,
        _ completed: CompletedInstances?, cancellation: Cancellation
    ) {
        self.account = account
        self.completed = completed
        existing = options.skipsExisting ? ExistingInstances(network, priority: options.priority) : nil
        batches = InstanceBatches(options.input, cancellation: cancellation)
    }

    /// The next instances to send; nil when there are no more.
    mutating func next() -> [InstanceFile]? {
        while true {
            var batch = batches.next(note: { [account] in account.take($0) })
            if batch.isEmpty {
                existing?.finish()
                return nil
            }
            if let completed {
                batch.removeAll { file in
                    guard let before = completed[file] else { return false }
                    account.skip(
                        file, "stored before, says the journal", isRecorded: true, doubt: Self.doubt(before))
                    return true
                }
            }
            if let existing, !batch.isEmpty {
                let held = existing.held(of: batch)
                batch.removeAll { file in
                    guard held.contains(file.sopInstanceUID) else { return false }
                    account.skip(file, "the server has it", isRecorded: false, doubt: Self.neverSent)
                    return true
                }
            }
            if !batch.isEmpty { return batch }
        }
    }

    private static func doubt(_ completion: CompletedInstances.Completion) -> String? {
        switch completion {
        case .wasSent: nil
        case .wasSentWithWarning: "the server has stored it with a warning"
        case .wasThere: neverSent
        }
    }

    /// The run is over: what was not even looked at belongs to the account of what was not done.
    mutating func leaveRest() {
        while let path = batches.nextPath() { account.leaveUnseen(path) }
    }
}
