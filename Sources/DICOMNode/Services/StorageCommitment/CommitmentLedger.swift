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
        /// Known, but from a sender that was not asked: it changes nothing.
        case notBelieved(UID, Distrust)
        /// Known, but it could not be written to the file: the server must not rely on us to remember it, and nothing counts
        /// as committed on its strength.
        case notKept(UID, FileProblem)
        /// Not understood at all.
        case refused(Refusal)
    }

    /// The reason why a report cannot be understood.
    package enum Refusal: Sendable, Equatable {
        /// PS3.4 J.3.3 knows the event types 1 and 2.
        case eventType(UInt16)
        case noDataSet
        case unreadable(DataSetError)
    }

    /// The reason why a report is not believed.
    package enum Distrust: Sendable, Equatable {
        /// The caller's AE title is neither that of the server that was asked nor one that is accepted.
        case otherAETitle(String, asked: String)
        /// The report came from another address than that of the server.
        case otherAddress(String, asked: String)
    }

    /// Whose reports are believed, beside those of the server that was asked: a Transaction UID alone proves nothing.
    package struct Trust: Sendable, Equatable {
        /// Further AE titles that report for it.
        package var callers: [AETitle]
        /// True if the address must be the server's, too. Clusters and address translation report from others.
        package var checksAddress: Bool

        package init(callers: [AETitle] = [], checksAddress: Bool = false) {
            self.callers = callers
            self.checksAddress = checksAddress
        }
    }

    /// The sender of a report, as its association tells.
    package struct Reporter: Sendable, Equatable {
        package let aeTitle: AETitle
        /// In numbers, without the port.
        package let address: String
        /// True on an association that we opened: then the sender is who was asked.
        package let wasCalled: Bool

        package init(aeTitle: AETitle, address: String, wasCalled: Bool) {
            self.aeTitle = aeTitle
            self.address = address
            self.wasCalled = wasCalled
        }

        init(of association: Association) {
            let wasCalled = association.isRequestor
            self.init(
                aeTitle: wasCalled ? association.request.calledAETitle : association.request.callingAETitle,
                address: association.peerAddress, wasCalled: wasCalled)
        }

        /// Nil if the address is that of the peer, or either is not known.
        func differingAddress(from peer: CommitmentTransaction.Peer) -> Distrust? {
            guard !wasCalled, let asked = peer.address, asked != address else { return nil }
            func isLoopback(_ address: String) -> Bool { address == "::1" || address.hasPrefix("127.") }
            guard !isLoopback(asked) || !isLoopback(address) else { return nil }
            return .otherAddress(address, asked: asked)
        }

        /// Returns the reason not to believe a report of this sender about a transaction with the peer.
        func distrust(_ trust: Trust, _ peer: CommitmentTransaction.Peer) -> Distrust? {
            let isAsked = AETitle(peer.calledAETitle) == aeTitle
            guard isAsked || (!wasCalled && trust.callers.contains(aeTitle)) else {
                return .otherAETitle(aeTitle.string, asked: peer.calledAETitle)
            }
            return trust.checksAddress ? differingAddress(from: peer) : nil
        }
    }

    private struct State {
        var transactions = CommitmentTransactions()
        /// The deadline for the rest of an incomplete report; set again by each incomplete report.
        var patience: [UID: Deadline] = [:]
        /// Reports that told something new.
        var recorded = 0
        var foreign: [UID?] = []
        var distrust: Distrust?
        var unkept: [UID: FileProblem] = [:]
    }

    /// The time to wait for a further report after an incomplete one, in seconds. The standard requires one report with
    /// all instances (PS3.4 J.3.3.1.2), so servers that split it send the parts at once.
    package static let patience = 10.0

    /// Foreign transactions that are remembered for the message at the end; a stranger may send any number.
    private static let maximumForeign = 8

    private let file: CommitmentTransactionFile?
    private let awaitsEarlier: Bool
    private let trust: Trust
    private let state = ConditionLock(State())
    private let wakeUp: FileDescriptor.WakeUp

    /// - Parameters:
    ///   - file: The file of transactions; its open ones are known from the start.
    ///   - awaitsEarlier: True to wait for those, too.
    ///   - trust: Whose reports are believed, beside those of the server that was asked.
    /// - Throws: `SystemError` if what wakes waiting threads cannot be made.
    package init(
        file: CommitmentTransactionFile? = nil, awaitsEarlier: Bool = false, trust: Trust = Trust()
    ) throws(SystemError) {
        self.file = file
        self.awaitsEarlier = awaitsEarlier
        self.trust = trust
        wakeUp = try FileDescriptor.WakeUp()
        let earlier = file?.transactions ?? []
        state.withLock { state in
            for var transaction in earlier {
                transaction.isAwaited = awaitsEarlier && !transaction.isClosed
                state.transactions[transaction.request.transactionUID] = transaction
            }
        }
    }

    /// Readable after each report; only for `poll`, and emptied by ``isSettled``.
    var descriptor: CInt { wakeUp.descriptor.rawValue }

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
            state.transactions[request.transactionUID] = transaction
        }
    }

    /// Removes a transaction whose request was refused, or was not sent: no report will come for it.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    package func forget(_ transactionUID: UID, why: String) throws(FileProblem) {
        state.withLock { $0.transactions[transactionUID] = nil }
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
    package func record(_ result: StorageCommitmentResult, from reporter: Reporter) -> Receipt {
        guard let uid = result.transactionUID, let transaction = transaction(uid) else {
            state.withLock { state in
                if state.foreign.count < Self.maximumForeign { state.foreign.append(result.transactionUID) }
            }
            return .unknown(result.transactionUID)
        }
        if let distrust = reporter.distrust(trust, transaction.peer) {
            state.withLock { $0.distrust = $0.distrust ?? distrust }
            return .notBelieved(uid, distrust)
        }
        var changed = transaction
        guard changed.take(result) else { return .repeated(uid) }
        do throws(FileProblem) {
            try file?.add(result, to: uid)
        } catch {
            state.withLock { state in
                state.unkept[uid] = error
                state.patience[uid] = .after(seconds: Self.patience)
            }
            return .notKept(uid, error)
        }
        state.withLock { state in
            _ = state.transactions[uid]?.take(result)
            state.unkept[uid] = nil
            state.recorded += 1
            state.patience[uid] = .after(seconds: Self.patience)
        }
        return .recorded(uid)
    }

    /// A transaction of this run, or one of the file that another process has added meanwhile.
    private func transaction(_ uid: UID) -> CommitmentTransaction? {
        if let transaction = state.withLock({ $0.transactions[uid] }) { return transaction }
        catchUp()
        return state.withLock { $0.transactions[uid] }
    }

    /// Learns from the file what others have added. Where it cannot be read, the report or request that comes next is not
    /// kept, which is reported.
    private func catchUp() {
        guard let news = try? file?.takeNews() else { return }
        state.withLock { state in
            for event in news where state.transactions.apply(event, isAwaited: awaitsEarlier) {
                if case .reported = event { state.recorded += 1 }
            }
        }
    }

    /// The address of a reporter, where it is not the one of the server that was asked for the transaction.
    func differingAddress(of reporter: Reporter, on uid: UID) -> Distrust? {
        state.withLock { $0.transactions[uid] }.flatMap { reporter.differingAddress(from: $0.peer) }
    }

    /// Wakes the threads that wait for reports.
    package func announce() { wakeUp.wake() }

    /// True if no report is waited for: each transaction is reported in full, or in part and its time limit has passed.
    package var isSettled: Bool {
        wakeUp.drain()
        return state.withLock { state in
            state.transactions.all.allSatisfy { transaction in
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
            state.transactions.all.filter { $0.isAwaited || ($0.isSuperseded && $0.isReported) }
        }
    }

    /// Transactions of other runs or programs that reports came for; nil for a report that named none.
    package var foreign: [UID?] { state.withLock { $0.foreign } }

    /// The first reason why a report was not believed.
    package var distrust: Distrust? { state.withLock { $0.distrust } }

    /// Reports that came and could not be kept, unless they came again and were.
    package var unkept: [(transactionUID: UID, problem: FileProblem)] {
        state.withLock { state in
            state.transactions.all.compactMap { transaction in
                let uid = transaction.request.transactionUID
                return state.unkept[uid].map { (uid, $0) }
            }
        }
    }

    /// Marks the transactions in the file for which a report has come: none is expected any more.
    ///
    /// - Throws: `FileProblem` if the file cannot be written.
    package func close() throws(FileProblem) {
        guard let file else { return }
        catchUp()
        let reported = state.withLock { state in
            let closing = state.transactions.all.filter { $0.isReported && !$0.isClosed }.map(\.request.transactionUID)
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
        _ patience: inout CommitmentPatience, cancellation: Cancellation, notice: WaitNotice? = nil
    ) throws(AssociationError) -> Bool {
        var limits = WaitLimits(cancellation: cancellation)
        limits.notice = notice
        while !isSettled {
            let deadline = patience.deadline(for: self)
            guard !deadline.isPast else { return false }
            do throws(TransportError) {
                _ = try Readiness.wait(
                    descriptor, for: .readable, until: deadline.earlier(nextPatience), limits: limits, phase: .read)
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
