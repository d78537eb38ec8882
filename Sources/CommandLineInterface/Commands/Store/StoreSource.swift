import DICOM
import DICOMNode
import System

/// The instances to be stored, batch by batch, without those that need not be sent.
struct StoreSource: ~Copyable {
    private static let neverSent = "it was not sent: the server had an instance of its UID before"

    private let summary: StoreSummary
    private let completed: CompletedInstances?
    private let existing: ExistingInstances?
    private var batches: InstanceBatches

    init(
        _ options: StoreOptions, _ network: Network, _ outcome: RunOutcome, _ summary: StoreSummary,
        _ completed: CompletedInstances?, cancellation: Cancellation
    ) {
        self.summary = summary
        self.completed = completed
        existing = options.skipsExisting ? ExistingInstances(network, priority: options.priority) : nil
        batches = InstanceBatches(options.input, cancellation: cancellation)
    }

    /// The next instances to send; nil when there are no more.
    mutating func next() -> [InstanceFile]? {
        while true {
            var batch = batches.next(note: { [summary] in summary.record($0) })
            if batch.isEmpty {
                existing?.finish()
                return nil
            }
            if let completed {
                batch.removeAll { file in
                    guard let before = completed[file] else { return false }
                    summary.recordSkipped(
                        file, why: "stored before, according to the journal", isInJournal: true,
                        doubt: Self.doubt(before))
                    return true
                }
            }
            if let existing, !batch.isEmpty {
                let held = existing.held(of: batch)
                batch.removeAll { file in
                    guard held.contains(file.sopInstanceUID) else { return false }
                    summary.recordSkipped(file, why: "the server has it", isInJournal: false, doubt: Self.neverSent)
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

    /// Records all that was not even read, once the run is over.
    mutating func recordRest() {
        while let path = batches.nextPath() { summary.recordUnread(path) }
    }
}
