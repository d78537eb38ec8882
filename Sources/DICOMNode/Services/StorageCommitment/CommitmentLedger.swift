package import DICOM
package import DICOMProtocol
package import System

/// The storage commitment transactions that are open: what was asked for, and what was reported so far, whichever way it came.
///
/// A transaction is entered before its request leaves, because a report may arrive before the response to the request. With a
/// file, both are on the disk before anybody is told of them.
package final class CommitmentLedger: Sendable {
    /// What a report meant to us.
    package enum Receipt: Sendable, Equatable {
        case recorded(UID)
        /// All of it was known already.
        case repeated(UID)
        /// None of our transactions, or none at all.
        case unknown(UID?)
        /// Known, but it could not be written to the file: the server must not rely on us to remember it.
        case notKept(UID, FileProblem)
    }

    private struct State {
        var transactions: [UID: CommitmentTransaction] = [:]
        var order: [UID] = []
        /// When a transaction is left at what was reported; set by each report that leaves something out.
        var patience: [UID: Deadline] = [:]
        /// Reports that told something new.
        var recorded = 0
        var foreign: [UID?] = []
    }

    /// How long to wait for a further report after one that left something out, in seconds. The standard asks for one report
    /// with everything (PS3.4 J.3.3.1.2), so servers that split it send the parts at once.
    package static let patience = 10.0

    /// Foreign transactions that are remembered for the message at the end; a stranger may send any number.
    private static let maximumForeign = 8

    private let file: CommitmentTransactionFile?
    private let state = ConditionLock(State())
    private let wakeUp: FileDescriptor.Pipe

    /// - Parameters:
    ///   - file: its open transactions are known from the start.
    ///   - awaitsEarlier: whether those are waited for, too.
    package init(file: CommitmentTransactionFile? = nil, awaitsEarlier: Bool = false) throws(SystemError) {
        self.file = file
        wakeUp = try FileDescriptor.pipe()
        let earlier = file?.transactions ?? []
        state.withLock { state in
            for var transaction in earlier {
                transaction.isAwaited = awaitsEarlier && !transaction.isClosed
                state.order.append(transaction.request.transactionUID)
                state.transactions[transaction.request.transactionUID] = transaction
            }
        }
    }

    /// Readable after each report; only for `poll`, and emptied by ``isSettled``.
    var descriptor: CInt { wakeUp.reading.rawValue }

    // MARK: Requests

    /// Enters a transaction; to be called before its request leaves.
    package func register(
        _ request: StorageCommitmentRequest, with peer: CommitmentTransaction.Peer
    ) throws(FileProblem) {
        let transaction = CommitmentTransaction(request, peer: peer)
        try file?.add(transaction)
        state.withLock { state in
            state.order.append(request.transactionUID)
            state.transactions[request.transactionUID] = transaction
        }
    }

    /// The request was refused, or never left: nothing will be reported for it.
    package func forget(_ transactionUID: UID, why: String) throws(FileProblem) {
        state.withLock { state in
            state.transactions[transactionUID] = nil
            state.order.removeAll { $0 == transactionUID }
        }
        try file?.close(transactionUID, why: why)
    }

    /// The request may not have arrived, and is made again in another transaction; a report on this one still counts.
    package func supersede(_ transactionUID: UID) throws(FileProblem) {
        state.withLock { state in
            state.transactions[transactionUID]?.isAwaited = false
            state.transactions[transactionUID]?.isSuperseded = true
        }
        try file?.close(transactionUID, why: "asked again")
    }

    // MARK: Reports

    /// Takes a report, and keeps it in the file. Nobody is woken before ``announce()``, so that the report can be answered
    /// before its association may be ended.
    package func record(_ result: StorageCommitmentResult) -> Receipt {
        let receipt: Receipt = state.withLock { state in
            guard let uid = result.transactionUID, var transaction = state.transactions[uid] else {
                if state.foreign.count < Self.maximumForeign { state.foreign.append(result.transactionUID) }
                return .unknown(result.transactionUID)
            }
            let isNew = transaction.take(result)
            state.transactions[uid] = transaction
            guard isNew else { return .repeated(uid) }
            state.recorded += 1
            state.patience[uid] = .after(seconds: Self.patience)
            return .recorded(uid)
        }
        guard case .recorded(let uid) = receipt, let file else { return receipt }
        do throws(FileProblem) {
            try file.add(result, to: uid)
            return receipt
        } catch {
            return .notKept(uid, error)
        }
    }

    /// Wakes whoever waits for reports.
    package func announce() { wakeUp.wake() }

    /// Whether nothing more is waited for: each transaction is answered in full, or was answered in part and left at that.
    package var isSettled: Bool {
        wakeUp.drain()
        return state.withLock { state in
            state.transactions.values.allSatisfy { transaction in
                !transaction.isAwaited || transaction.isAnswered
                    || state.patience[transaction.request.transactionUID]?.isPast == true
            }
        }
    }

    /// When the patience with the next partly answered transaction ends.
    var nextPatience: Deadline {
        state.withLock { state in
            state.patience.compactMap { uid, deadline in
                guard let transaction = state.transactions[uid], transaction.isAwaited else { return nil }
                return transaction.isAnswered ? nil : deadline
            }.min() ?? .never
        }
    }

    /// Counts reports that told something new; whoever waits compares it to see that something moves.
    package var progress: Int { state.withLock { $0.recorded } }

    // MARK: The end

    /// The transactions that were waited for, in the order of their requests; those too that were given up and reported on.
    package var awaited: [CommitmentTransaction] {
        state.withLock { state in
            state.order.compactMap { state.transactions[$0] }.filter {
                $0.isAwaited || ($0.isSuperseded && $0.isReported)
            }
        }
    }

    /// Transactions of other runs or programs that reports came for; nil for a report that named none.
    package var foreign: [UID?] { state.withLock { $0.foreign } }

    /// Marks in the file what was reported on: nothing more is expected of it.
    package func close() throws(FileProblem) {
        guard let file else { return }
        let reported = state.withLock { state in
            let closing = state.order.filter { uid in
                state.transactions[uid].map { $0.isReported && !$0.isClosed } ?? false
            }
            for uid in closing { state.transactions[uid]?.isClosed = true }
            return closing
        }
        for uid in reported { try file.close(uid, why: "reported") }
    }
}
