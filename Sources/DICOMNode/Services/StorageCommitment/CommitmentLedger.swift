package import DICOM
package import DICOMProtocol

/// The storage commitment transactions that are open: what was asked for, and what was reported so far, whichever way it came.
///
/// A transaction is entered before its request leaves, because a report may arrive before the response to the request.
package final class CommitmentLedger: Sendable {
    /// What a report meant to us.
    package enum Receipt: Sendable, Equatable {
        case recorded
        /// All of it was known already.
        case repeated
        /// None of our transactions, or none at all.
        case unknown(UID?)
    }

    private struct Transaction {
        let request: StorageCommitmentRequest
        var committed: [StorageCommitmentResult.Committed] = []
        var failed: [StorageCommitmentResult.Failed] = []
        /// A report has come that left something out; more may follow, but not for ever.
        var patienceEnds: Deadline?

        var result: StorageCommitmentResult {
            StorageCommitmentResult(transactionUID: request.transactionUID, committed: committed, failed: failed)
        }

        var isAnswered: Bool { StorageCommitmentOutcome(of: request, result: result).unanswered.isEmpty }
    }

    private struct State {
        var transactions: [UID: Transaction] = [:]
        var order: [UID] = []
    }

    /// How long to wait for a further report after one that left something out, in seconds.
    private static let patience = 10.0

    private let state = ConditionLock(State())
    private let wakeUp: FileDescriptor.Pipe

    package init() throws(SystemError) { wakeUp = try FileDescriptor.pipe() }

    /// Readable after each report; only for `poll`, and emptied by ``settled()``.
    var descriptor: CInt { wakeUp.reading.rawValue }

    package func register(_ request: StorageCommitmentRequest) {
        state.withLock { state in
            state.order.append(request.transactionUID)
            state.transactions[request.transactionUID] = Transaction(request: request)
        }
    }

    /// The request was refused: nothing will be reported for it.
    package func forget(_ transactionUID: UID) {
        state.withLock { state in
            state.transactions[transactionUID] = nil
            state.order.removeAll { $0 == transactionUID }
        }
    }

    package func record(_ result: StorageCommitmentResult) -> Receipt {
        let receipt: Receipt = state.withLock { state in
            guard let uid = result.transactionUID, var transaction = state.transactions[uid] else {
                return .unknown(result.transactionUID)
            }
            let wasAnswered = transaction.isAnswered
            transaction.committed += result.committed
            transaction.failed += result.failed
            transaction.patienceEnds = .after(seconds: Self.patience)
            state.transactions[uid] = transaction
            return wasAnswered ? .repeated : .recorded
        }
        wakeUp.wake()
        return receipt
    }

    /// Whether nothing more is waited for: each transaction is answered in full, or was answered in part and left at that.
    package var isSettled: Bool {
        wakeUp.drain()
        return state.withLock { state in
            state.transactions.values.allSatisfy { $0.isAnswered || $0.patienceEnds?.isPast == true }
        }
    }

    /// When the patience with the next partly answered transaction ends.
    var nextPatience: Deadline {
        state.withLock { state in
            state.transactions.values.compactMap { $0.isAnswered ? nil : $0.patienceEnds }.min() ?? .never
        }
    }

    /// The outcome of each transaction, in the order of the requests; nil for one that was never reported on.
    package var outcomes: [(request: StorageCommitmentRequest, outcome: StorageCommitmentOutcome?)] {
        state.withLock { state in
            state.order.compactMap { state.transactions[$0] }.map { transaction in
                let isReported = transaction.patienceEnds != nil
                return (
                    transaction.request,
                    isReported ? StorageCommitmentOutcome(of: transaction.request, result: transaction.result) : nil
                )
            }
        }
    }
}
