import DICOM
import DICOMNode
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct RetrievalProblemTests {
    private static let server = CalledServer(
        endpoint: Endpoint(host: "pacs", port: 104), calledAETitle: AETitle(wire: "PACS".utf8),
        callingAETitle: AETitle(wire: "ME".utf8), service: .move, usesTLS: false, hasCertificate: false,
        receiverPort: nil)
    private static let hint = Hint.noIncomingAssociation(aeTitle: "ME", host: nil, port: 7)

    static let wordings: [(RetrievalProblem, String)] = [
        (.notOnServer, "study 1.2: not found on the server"),
        (.fewerSent(3, listed: 5), "study 1.2: the server lists 5 instances and says that it sent 3"),
        (.missing(1, listed: 8, hint: nil), "study 1.2: 1 of 8 instances listed by the server is missing"),
        (.missing(8, listed: 8, hint: nil), "study 1.2: 8 of 8 instances listed by the server are missing"),
        (
            .nothingReceived(isCounted: false, hint: nil),
            "study 1.2: nothing was received, and the server does not say that it sent anything"
        ),
        (
            .nothingReceived(isCounted: true, hint: nil),
            "study 1.2: nothing was received, and the server says that it sent nothing"
        ),
        (
            .countsDiffer(sent: 10, received: 1, hint: nil),
            "study 1.2: the server says that it sent 10 instances, but 1 was received"
        ),
        (.notStored(2), "study 1.2: 2 instances could not be stored here"),
        (.suboperationWarnings(1), "1 sub-operation with warnings"),
        (
            .suboperationsFailed(2, DIMSEStatus(rawValue: 0xB000), .get, hint: nil),
            "2 sub-operations failed: \(DIMSEStatus(rawValue: 0xB000).meaning(for: .get)) (B000H)"
        ),
    ]

    @Test(arguments: wordings)
    func `a problem says what, of what, and why`(_ problem: RetrievalProblem, _ text: String) {
        let message = problem.message(target: "study 1.2", server: Self.server)
        #expect(message.line == "PACS@pacs:104: \(text)")
        #expect(problem.exitCode == .incomplete)
    }

    @Test(arguments: [
        (RetrievalProblem.unlisted(1), "the server sent 1 instance that it does not list; it was stored"),
        (
            .countsNothing(received: 3),
            "the server says that it sent 0 instances, but all 3 that it lists were received"
        ),
    ])
    func `what is odd and no fault is a note`(_ problem: RetrievalProblem, _ text: String) {
        #expect(problem.message(target: "study 1.2", server: Self.server).line == "PACS@pacs:104: study 1.2: \(text)")
        #expect(problem.isNote)
        #expect(problem.exitCode == .success)
    }

    @Test func `the summary counts what the server was asked for`() {
        var identifier = DataSet()
        identifier.set(.studyInstanceUID, .UI, "1.2")
        var whole = TargetOutcome(target: RetrievalTarget(identifier: identifier, level: .study))
        (whole.listed, whole.attempts, whole.localAddress, whole.sent) = (8, 1, "::1", 8)
        identifier.set(.studyInstanceUID, .UI, "1.3")
        var lost = TargetOutcome(target: RetrievalTarget(identifier: identifier, level: .study))
        (lost.code, lost.attempts) = (.unreachable, 1)
        let summary = RetrievalReport.Summary([whole, lost])
        #expect([whole, lost].map(\.isBegun) == [true, false])
        #expect(summary.studies == 1)
        #expect(summary.wasCutShort)
        let text = { (outcomes: [TargetOutcome]) in
            RetrievalReport.Summary(outcomes).text(total: nil, folder: ".", seconds: 1)
        }
        // Interrupted while the instances were listed.
        var interrupted = lost
        (interrupted.code, interrupted.attempts) = (.interrupted, 0)
        #expect(text([interrupted]) == "nothing was requested")
        var present = whole
        (present.attempts, present.presentBefore, present.sent) = (0, 8, nil)
        #expect(text([present]) == "8 listed, 8 present from an earlier run, nothing had to be requested")
    }

    @Test func `an association's problem is that of any operation`() {
        let problem = RetrievalProblem.association(.unreachable(.refused))
        #expect(problem.exitCode == .unreachable)
        #expect(
            problem.message(target: "study 1.2", server: Self.server).hint
                == Hint.connectionRefused(host: "pacs", port: 104).text)
    }

    // MARK: What is listed, sent and received

    private func outcome(
        listed: Int? = nil, sent: Int? = nil, receivedOfSent: Int = 0,
        _ counts: (inout RetrievedInstances.Counts) -> Void
    ) -> TargetOutcome {
        var identifier = DataSet()
        identifier.set(.studyInstanceUID, "1.2")
        var outcome = TargetOutcome(target: RetrievalTarget(identifier: identifier, level: .study))
        outcome.listed = listed
        outcome.sent = sent
        outcome.receivedOfSent = receivedOfSent
        counts(&outcome.counts)
        return outcome
    }

    private func texts(_ outcome: TargetOutcome, isReceiver: Bool = true, hasProblems: Bool = false) -> [String] {
        outcome.differences(isReceiver: isReceiver, hasProblems: hasProblems, neverCalledBack: Self.hint).map {
            let message = $0.message(target: "T", server: Self.server)
            return String(message.line.dropFirst("PACS@pacs:104: ".count)) + (message.hint == nil ? "" : " [hint]")
        }
    }

    @Test func `nothing differs if all that is listed was sent and received`() {
        let all = outcome(listed: 8, sent: 8, receivedOfSent: 8) {
            $0.written = 8
            $0.present = 8
        }
        #expect(texts(all) == [])
        // A server that does not count is not doubted.
        let uncounted = outcome(listed: 8) {
            $0.written = 8
            $0.present = 8
        }
        #expect(texts(uncounted) == [])
    }

    @Test func `the remedy is given if nothing at all was received`() {
        #expect(
            texts(outcome(listed: 8, sent: 8) { _ in }) == [
                "T: 8 of 8 instances listed by the server are missing [hint]",
                "T: the server says that it sent 8 instances, but 0 were received [hint]",
            ])
        let some = outcome(listed: 8, sent: 8, receivedOfSent: 7) {
            $0.written = 7
            $0.present = 7
        }
        #expect(
            texts(some) == [
                "T: 1 of 8 instances listed by the server is missing",
                "T: the server says that it sent 8 instances, but 7 were received",
            ])
    }

    @Test func `without a list silence is a problem, unless another explains it`() {
        let silence = "T: nothing was received, and the server does not say that it sent anything [hint]"
        #expect(texts(outcome { _ in }) == [silence])
        #expect(texts(outcome { _ in }, hasProblems: true) == [])
        // What a third party gets nobody here sees.
        #expect(texts(outcome { _ in }, isReceiver: false) == [])
        #expect(
            texts(outcome(sent: 0) { _ in }, isReceiver: false) == [
                "T: nothing was received, and the server says that it sent nothing [hint]"
            ])
    }

    @Test func `counts of zero are no problem where all that is listed is here`() {
        let zero = outcome(listed: 8, sent: 0, receivedOfSent: 8) {
            $0.written = 8
            $0.present = 8
        }
        #expect(
            texts(zero) == ["T: the server says that it sent 0 instances, but all 8 that it lists were received"])
        let fewer = outcome(listed: 8, sent: 0, receivedOfSent: 7) {
            $0.written = 7
            $0.present = 7
        }
        #expect(texts(fewer).count == 2)
    }

    @Test func `a list of nothing is outdone by what the server sends and counts`() {
        let unlisted = outcome(listed: 0, sent: 3, receivedOfSent: 3) {
            $0.written = 3
            $0.unlisted = 3
        }
        #expect(texts(unlisted) == ["T: the server sent 3 instances that it does not list; they were stored"])
    }

    @Test func `of what goes to a third party the server's counts are compared`() {
        #expect(
            texts(outcome(listed: 5, sent: 3) { _ in }, isReceiver: false) == [
                "T: the server lists 5 instances and says that it sent 3"
            ])
        #expect(texts(outcome(listed: 5, sent: 5) { _ in }, isReceiver: false) == [])
        #expect(texts(outcome(listed: 0, sent: 0) { _ in }, isReceiver: false) == ["T: not found on the server [hint]"])
    }

    @Test func `what could not be stored here is a problem of its own`() {
        let full = outcome(listed: 2, sent: 0, receivedOfSent: 0) { $0.notStored = 2 }
        #expect(
            texts(full) == [
                "T: 2 of 2 instances listed by the server are missing [hint]",
                "T: 2 instances could not be stored here",
            ])
    }

    // MARK: Sums

    @Test func `a sum says only what is not zero`() {
        var one = outcome(listed: 8, sent: 8) { _ in }
        one.attempts = 1
        var total = Reception.Total()
        total.written = 8
        total.bytes = 51_256
        #expect(
            RetrievalReport.Summary([one]).text(total: total, folder: "out", seconds: 0.06)
                == "8 listed, 8 sent by the server, 8 received, 51.3 kB in 0.06 s (854.3 kB/s), in out")
        #expect(
            RetrievalReport.Summary([one]).text(total: nil, folder: "out", seconds: 1)
                == "8 listed, 8 sent by the server")
        var before = outcome(listed: 8) { _ in }
        before.presentBefore = 8
        #expect(
            RetrievalReport.Summary([before]).text(total: Reception.Total(), folder: "out", seconds: 1)
                == "8 listed, 8 present from an earlier run, nothing had to be requested")
    }
}

struct QuantityTests {
    @Test func `one thing has no plural`() {
        #expect(Quantity.count(1, "file") == "1 file")
        #expect(Quantity.count(0, "file") == "0 files")
        #expect(Quantity.count(2, "match") == "2 matches")
        #expect(Quantity.count(3, "study") == "3 studies")
    }

    @Test func `decimals are rounded, and numbers without any are told as they are`() {
        #expect(Decimal.text(0.125, digits: 2) == "0.13")
        #expect(Decimal.text(-0.125, digits: 2) == "-0.13")
        #expect(Decimal.text(-0.004, digits: 2) == "0.00")
        #expect(Decimal.text(12.5, digits: 0) == "13")
        #expect(Decimal.text(1e17, digits: 6) == "1e+17")
        #expect(Decimal.text(.infinity, digits: 1) == "inf" && Decimal.text(.nan, digits: 1) == "nan")
        #expect(Decimal.rounded(0.000_123_456, digits: 6) == 0.000_123)
        #expect(Decimal.rounded(1.25, digits: 1) == 1.3 && Decimal.rounded(7, digits: 3) == 7)
        #expect(Decimal.rounded(1e15, digits: 6) == 1e15 && Decimal.rounded(.nan, digits: 1).isNaN)
    }

    @Test func `sizes have the unit that fits`() {
        #expect(Quantity.size(1) == "1 byte")
        #expect(Quantity.size(999) == "999 bytes")
        #expect(Quantity.size(51_256) == "51.3 kB")
        #expect(Quantity.size(63_600_000) == "63.6 MB")
        #expect(Quantity.size(1_250_000_000) == "1.25 GB")
    }
}

struct StoreSummaryTests {
    @Test func `a sum of what was stored says only what is not zero`() {
        var counts = StoreSummary.Counts()
        counts.stored = 12
        counts.bytes = 63_600_000
        #expect(counts.text(seconds: 2) == "12 stored, 63.6 MB in 2.00 s (31.8 MB/s)")
        counts.warned = 1
        counts.failed = 5
        counts.notSent = 3
        counts.skipped = 2
        counts.notInstances = 1
        counts.bytes = 0
        #expect(
            counts.text(seconds: 2) == "12 stored (1 warning), 2 failed, 3 not sent, 2 skipped, 1 other file ignored")
        #expect(StoreSummary.Counts().text(seconds: 1) == "0 stored")
    }
}
