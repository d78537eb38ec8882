import DICOM
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMNode

struct CommitmentTransactionFileTests {
    private static let references = (1...2).map {
        SOPInstanceReference(sopClassUID: "1.2.840.10008.5.1.4.1.1.7", sopInstanceUID: UID("1.2.\($0)"))
    }
    private static let request = StorageCommitmentRequest(transactionUID: "2.25.1", references: references)
    private static let peer = CommitmentTransaction.Peer(
        calledAETitle: "ARCHIVE", callingAETitle: "US \"1\"",
        endpoint: Endpoint(host: "pacs.example.org", port: 11112), address: "192.0.2.7")

    /// A run that asks, and is told of the first instance only.
    private func fill(_ path: FilePath) throws {
        let ledger = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: true, cancellation: .never))
        try ledger.register(Self.request, with: Self.peer)
        let result = StorageCommitmentResult(
            transactionUID: "2.25.1", committed: [],
            failed: [.init(reference: Self.references[0], reason: .resourceLimitation)])
        #expect(ledger.record(result, from: Self.reporter) == .recorded("2.25.1"))
    }

    @Test func `a later run knows what was asked of whom, and what was reported`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        try fill(path)
        let transactions = try CommitmentTransactionFile(path, creates: false, cancellation: .never).transactions
        let transaction = try #require(transactions.first)
        #expect(transactions.count == 1)
        #expect(transaction.request == Self.request)
        #expect(transaction.peer == Self.peer)
        #expect(transaction.isReported && !transaction.isAnswered && !transaction.isClosed)
        #expect(transaction.outcome.failed == [.init(reference: Self.references[0], reason: .resourceLimitation)])
        #expect(transaction.outcome.unanswered == [Self.references[1]])
    }

    @Test func `the earlier transactions are waited for only by who listens, and known to all`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        try fill(path)
        let rest = StorageCommitmentResult(
            transactionUID: "2.25.1", committed: [.init(reference: Self.references[1])], failed: [])
        let asking = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: true, cancellation: .never))
        #expect(asking.isSettled)
        #expect(asking.awaited.isEmpty)
        let listening = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: false, cancellation: .never), awaitsEarlier: true)
        #expect(!listening.isSettled)
        #expect(listening.record(rest, from: Self.reporter) == .recorded("2.25.1"))
        #expect(listening.isSettled)
        try listening.close()
        let closed = try CommitmentTransactionFile(path, creates: false, cancellation: .never)
        #expect(closed.transactions.map(\.isClosed) == [true])
        // Told again, in a run after it was closed.
        #expect(
            try CommitmentLedger(file: closed, awaitsEarlier: true).record(rest, from: Self.reporter)
                == .repeated("2.25.1"))
        #expect(try CommitmentLedger(file: closed, awaitsEarlier: true).isSettled)
    }

    @Test func `a file cut at any byte is read as far as its lines are whole, and can be added to`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        try fill(path)
        let bytes = try folder.read(folder["open"])
        let firstLine = try #require(bytes.firstIndex(of: UInt8(ascii: "\n")))
        for length in 0..<bytes.count {
            try folder.write(Array(bytes[..<length]), to: "cut")
            let file = try CommitmentTransactionFile(folder["cut"], creates: false, cancellation: .never)
            #expect(file.transactions.count == (length > firstLine ? 1 : 0))
            #expect(file.transactions.first?.isReported ?? false == false)
            let ledger = try CommitmentLedger(file: file)
            let request = StorageCommitmentRequest(transactionUID: "2.25.9", references: Self.references)
            try ledger.register(request, with: Self.peer)
            let again = try CommitmentTransactionFile(folder["cut"], creates: false, cancellation: .never)
            #expect(again.transactions.last?.request == request)
        }
    }

    @Test(
        arguments: [
            "PATIENT LIST", String(repeating: "\0", count: 128) + "DICM\u{2}\0\0\0UL\u{4}\0",
            "\u{8}\0\u{5}\0\n\0\0\0ISO_IR 100", "some text\nof another kind\n", "{\"event\":\"requested\"}\n", "[]\n",
            "{\"a\":1}\n",
            "{\"event\":\"commitment\",\"transactionUID\":\"1.2\"}\n", "{\"journal\":\"dcmscu\"}",
        ])
    func `a file of another kind is refused and left as it is`(_ text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(Array(text.utf8), to: "other")
        #expect(throws: FileProblem.self) {
            try CommitmentTransactionFile(folder["other"], creates: true, cancellation: .never)
        }
        #expect(try folder.read(folder["other"]) == Array(text.utf8))
    }

    @Test func `events and members of versions to come are passed over`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        try fill(path)
        let more = "{\"event\":\"extended\",\"transactionUID\":\"2.25.1\",\"days\":[1,2]}\n\n"
        try folder.write(try folder.read(folder["open"]) + Array(more.utf8), to: "open")
        #expect(try CommitmentTransactionFile(path, creates: false, cancellation: .never).transactions.count == 1)
    }

    @Test func `a damaged line costs itself, wherever it is`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        try fill(path)
        let lines = try folder.read(folder["open"])
        for damage in ["{\"event\":\"requested\",\"transac", "\0\0\0\0", "[", "{\"event\":\"reported\"}"] {
            for whole in [Array("\(damage)\n".utf8) + lines, lines + Array("\(damage)\n".utf8)] {
                try folder.write(whole, to: "damaged")
                let file = try CommitmentTransactionFile(folder["damaged"], creates: false, cancellation: .never)
                #expect(file.transactions.map(\.isReported) == [true])
                #expect(file.damagedLines == (damage.hasPrefix("\0") ? 0 : 1))
            }
        }
        // Even where nothing else is there.
        try folder.write(Array("{\"event\":\"requested\",\"transactionUID\":\"2.2\n".utf8), to: "damaged")
        #expect(
            try CommitmentTransactionFile(folder["damaged"], creates: false, cancellation: .never).damagedLines == 1)
    }

    @Test func `two processes with one file know each other's transactions`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        let listening = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: true, cancellation: .never), awaitsEarlier: true)
        let asking = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: true, cancellation: .never))
        try asking.register(Self.request, with: Self.peer)
        let result = StorageCommitmentResult(
            transactionUID: "2.25.1", committed: Self.references.map { .init(reference: $0) }, failed: [])
        #expect(listening.record(result, from: Self.reporter) == .recorded("2.25.1"))
        #expect(listening.awaited.map(\.isAnswered) == [true])
        try listening.close()
        // The one that asked learns of the report from the file, and closes nothing twice.
        try asking.close()
        #expect(asking.awaited.map(\.isAnswered) == [true])
        let events = try folder.read(path).split(separator: UInt8(ascii: "\n")).count
        #expect(events == 3)
    }

    @Test func `lines of several threads and processes are whole`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        let workers = try (1...4).map { worker in
            let file = try CommitmentTransactionFile(path, creates: true, cancellation: .never)
            return try Background {
                let ledger = try CommitmentLedger(file: file)
                for number in 1...25 {
                    let request = StorageCommitmentRequest(
                        transactionUID: UID("2.25.\(worker).\(number)"), references: Self.references)
                    try ledger.register(request, with: Self.peer)
                }
            }
        }
        for worker in workers { try worker.value() }
        let file = try CommitmentTransactionFile(path, creates: false, cancellation: .never)
        #expect(file.transactions.count == 100)
        #expect(file.damagedLines == 0)
    }

    @Test func `what another process left incomplete meanwhile does not spoil our line`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        let ledger = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: true, cancellation: .never))
        try folder.write(try folder.read(path) + Array("{\"event\":\"requ".utf8), to: "open")
        try ledger.register(Self.request, with: Self.peer)
        #expect(try CommitmentTransactionFile(path, creates: false, cancellation: .never).transactions.count == 1)
    }

    @Test func `a report that cannot be kept commits to nothing, until it comes again`() throws {
        let folder = try TemporaryFolder()
        let path = folder["open"]
        let ledger = try CommitmentLedger(
            file: try CommitmentTransactionFile(path, creates: true, lockSeconds: 0.01, cancellation: .never))
        try ledger.register(Self.request, with: Self.peer)
        let result = StorageCommitmentResult(
            transactionUID: "2.25.1", committed: Self.references.map { .init(reference: $0) }, failed: [])
        let other = try FileDescriptor.open(path, for: .readingAndWriting)
        #expect(other.lock() == .held)
        guard case .notKept = ledger.record(result, from: Self.reporter) else {
            Issue.record("it was kept")
            return
        }
        #expect(ledger.awaited.map(\.outcome.committed) == [[]])
        #expect(ledger.unkept.map(\.transactionUID) == ["2.25.1"])
        other.unlock()
        #expect(ledger.record(result, from: Self.reporter) == .recorded("2.25.1"))
        #expect(ledger.awaited.map(\.outcome.committed) == [Self.references])
        #expect(ledger.unkept.isEmpty)
    }

    private static let reporter = CommitmentLedger.Reporter(
        aeTitle: AETitle(wire: "ARCHIVE".utf8), address: "192.0.2.7", wasCalled: false)

    @Test func `only who asks makes a file that is missing`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FileProblem.self) {
            try CommitmentTransactionFile(folder["none"], creates: false, cancellation: .never)
        }
        #expect(try CommitmentTransactionFile(folder["new"], creates: true, cancellation: .never).transactions.isEmpty)
    }
}
