package import DICOM
package import DICOMProtocol
package import System

/// The storage commitment transactions that are open: what was asked for, and what was reported so far, whichever way
/// it came.
///
/// A transaction is entered before its request leaves, because a report may arrive before the response to the request.
/// With a file, both are on the disk before anybody is told of them.
package final class CommitmentLedger: Sendable {
    /// The meaning of a report for our transactions.
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
        /// The deadline for the rest of an incomplete report; set again by each incomplete report.
        var patience: [UID: Deadline] = [:]
        /// Reports that told something new.
        var recorded = 0
        var foreign: [UID?] = []
    }

    /// The time to wait for a further report after an incomplete one, in seconds. The standard requires one report with
    /// all instances (PS3.4 J.3.3.1.2), so servers that split it send the parts at once.
    package static let patience = 10.0

    /// Foreign transactions that are remembered for the message at the end; a stranger may send any number.
    private static let maximumForeign = 8

    private let file: CommitmentTransactionFile?
    private let state = ConditionLock(State())
    private let wakeUp: FileDescriptor.Pipe

    /// - Parameters:
    ///   - file: The file of transactions; its open ones are known from the start.
    ///   - awaitsEarlier: True to wait for those, too.
    /// - Throws: `SystemError` if the pipe that wakes waiting threads cannot be made.
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

    /// Records a transaction; to be called before its request is sent.
    ///
    /// - Throws: `FileProblem` if the transaction cannot be written to the file.
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

    /// Removes a transaction whose request was refused, or was not sent: no report will come for it.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    package func forget(_ transactionUID: UID, why: String) throws(FileProblem) {
        state.withLock { state in
            state.transactions[transactionUID] = nil
            state.order.removeAll { $0 == transactionUID }
        }
        try file?.close(transactionUID, why: why)
    }

    /// Marks a transaction as requested again in another one, because its request may not have arrived. A report on
    /// this one still counts.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    package func supersede(_ transactionUID: UID) throws(FileProblem) {
        state.withLock { state in
            state.transactions[transactionUID]?.isAwaited = false
            state.transactions[transactionUID]?.isSuperseded = true
        }
        try file?.close(transactionUID, why: "asked again")
    }

    // MARK: Reports

    /// Takes a report, and keeps it in the file. Nobody is woken before ``announce()``, so that the report can be
    /// answered before its association may be ended.
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

    /// Wakes the threads that wait for reports.
    package func announce() { wakeUp.wake() }

    /// True if no report is waited for: each transaction is reported in full, or in part and its time limit has passed.
    package var isSettled: Bool {
        wakeUp.drain()
        return state.withLock { state in
            state.transactions.values.allSatisfy { transaction in
                !transaction.isAwaited || transaction.isAnswered
                    || state.patience[transaction.request.transactionUID]?.isPast == true
            }
        }
    }

    /// The earliest deadline of the transactions that are reported in part.
    var nextPatience: Deadline {
        state.withLock { state in
            state.patience.compactMap { uid, deadline in
                guard let transaction = state.transactions[uid], transaction.isAwaited else { return nil }
                return transaction.isAnswered ? nil : deadline
            }.min() ?? .never
        }
    }

    /// The number of reports with new results; a caller that waits compares it to detect progress.
    package var progress: Int { state.withLock { $0.recorded } }

    // MARK: The end

    /// The transactions that were waited for, in the order of their requests; those too that were given up and reported
    /// on.
    package var awaited: [CommitmentTransaction] {
        state.withLock { state in
            state.order.compactMap { state.transactions[$0] }.filter {
                $0.isAwaited || ($0.isSuperseded && $0.isReported)
            }
        }
    }

    /// Transactions of other runs or programs that reports came for; nil for a report that named none.
    package var foreign: [UID?] { state.withLock { $0.foreign } }

    /// Marks the transactions in the file for which a report has come: none is expected any more.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
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

/// The time limit of a wait for reports. Each report with new results starts it again, so that a large job does not run
/// out of time while it makes progress.
package struct CommitmentPatience {
    private let seconds: Double
    private var progress: Int
    private var deadline: Deadline

    package init(seconds: Double, ledger: CommitmentLedger) {
        self.seconds = seconds
        progress = ledger.progress
        deadline = .after(seconds: seconds)
    }

    mutating func deadline(for ledger: CommitmentLedger) -> Deadline {
        let now = ledger.progress
        if now != progress {
            progress = now
            deadline = .after(seconds: seconds)
        }
        return deadline
    }
}

extension CommitmentLedger {
    /// Waits until all transactions are settled by reports on associations of the peer; returns false if time is up.
    ///
    /// - Throws: `.interrupted` after a cancellation; `.connectionLost` if the wait itself fails.
    package func wait(
        _ patience: inout CommitmentPatience, cancellation: Cancellation
    ) throws(AssociationError) -> Bool {
        while !isSettled {
            let deadline = patience.deadline(for: self)
            guard !deadline.isPast else { return false }
            do throws(TransportError) {
                _ = try Readiness.wait(
                    descriptor, for: .readable, until: deadline.earlier(nextPatience),
                    limits: WaitLimits(cancellation: cancellation), phase: .read)
            } catch {
                switch error {
                case .timedOut: continue
                case .cancelled: throw .interrupted(cancellation.level)
                default: throw .connectionLost(error)
                }
            }
        }
        return true
    }
}
