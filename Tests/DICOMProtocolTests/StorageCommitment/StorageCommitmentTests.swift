import DICOM
import DICOMProtocol
import Testing

struct StorageCommitmentTests {
    private static let first = SOPInstanceReference(sopClassUID: "1.2.840.10008.5.1.4.1.1.2", sopInstanceUID: "1.2.33")
    private static let second = SOPInstanceReference(sopClassUID: "1.2.840.10008.5.1.4.1.1.4", sopInstanceUID: "1.2.35")
    private static let request = StorageCommitmentRequest(transactionUID: "2.25.7", references: [first, second])

    @Test func `a request names the transaction and each instance with its class`() {
        let dataSet = Self.request.dataSet
        #expect(dataSet.elements.map(\.tag) == [.transactionUID, .referencedSOPSequence])
        #expect(dataSet.uid(.transactionUID) == "2.25.7")
        let items = dataSet.items(.referencedSOPSequence) ?? []
        #expect(items.map { $0.uid(.referencedSOPClassUID) } == [Self.first.sopClassUID, Self.second.sopClassUID])
        #expect(items.map { $0.uid(.referencedSOPInstanceUID) } == ["1.2.33", "1.2.35"])
    }

    @Test func `a request is read as it was written`() {
        #expect(StorageCommitmentRequest(reading: Self.request.dataSet) == Self.request)
    }

    @Test func `a request without a transaction cannot be read`() {
        var dataSet = Self.request.dataSet
        dataSet.remove(.transactionUID)
        #expect(StorageCommitmentRequest(reading: dataSet) == nil)
    }

    @Test func `the command acts on the well-known instance`() {
        let command = StorageCommitmentRequest.command(messageID: 4)
        #expect(command.commandField == .nActionRQ)
        #expect(command.requestedSOPClassUID == "1.2.840.10008.1.20.1")
        #expect(command.requestedSOPInstanceUID == "1.2.840.10008.1.20.1.1")
        #expect(command.actionTypeID == 1)
        #expect(command.hasDataSet)
        #expect(UIDRegistry.name(of: StorageCommitmentRequest.sopClass) == "Storage Commitment Push Model SOP Class")
    }

    @Test(arguments: [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1200, [500, 500, 200])] as [(Int, [Int])])
    func `a transaction has at most 500 references`(_ count: Int, _ sizes: [Int]) {
        let references = (0..<count).map { SOPInstanceReference(sopClassUID: "1.2", sopInstanceUID: UID("1.3.\($0)")) }
        let groups = StorageCommitmentRequest.groups(references + references)
        #expect(groups.map(\.count) == sizes)
        #expect(groups.flatMap(\.self) == references)
    }

    @Test func `a result with failures is read into both lists`() {
        let result = StorageCommitmentResult(
            transactionUID: "2.25.7", committed: [.init(reference: Self.first, retrieveAETitle: "ARCHIVE")],
            failed: [.init(reference: Self.second, reason: .noSuchObjectInstance)])
        #expect(result.eventTypeID == 2)
        #expect(StorageCommitmentResult(reading: result.dataSet) == result)
        #expect(result.dataSet.elements.map(\.tag) == [.transactionUID, .failedSOPSequence, .referencedSOPSequence])
    }

    @Test func `a result without failures has event type 1 and no list of them`() {
        let result = StorageCommitmentResult(
            transactionUID: "2.25.7", committed: [.init(reference: Self.first)], failed: [])
        #expect(result.eventTypeID == 1)
        #expect(result.dataSet[.failedSOPSequence] == nil)
        #expect(StorageCommitmentResult(reading: result.dataSet) == result)
    }

    @Test func `a result is read from the bytes of a server, with padding and an empty list`() throws {
        // As dcm4che and Orthanc send it: UIDs padded with a space, an empty list present, extra elements.
        let bytes = annotatedHex(
            """
            08 00 54 00 08 00 00 00 'ARCHIVE '            ; Retrieve AE Title
            08 00 95 11 06 00 00 00 '2.25.7'              ; Transaction UID
            08 00 98 11 32 00 00 00                       ; Failed SOP Sequence
              FE FF 00 E0 2A 00 00 00                     ; item
              08 00 50 11 08 00 00 00 '1.2.840' 20        ; Referenced SOP Class UID
              08 00 55 11 08 00 00 00 '1.2.335' 00        ; Referenced SOP Instance UID
              08 00 97 11 02 00 00 00 19 01               ; Failure Reason 0119H
            08 00 99 11 00 00 00 00                       ; Referenced SOP Sequence, empty
            88 00 30 01 04 00 00 00 'SET1'                ; Storage Media File-Set ID
            88 00 40 01 04 00 00 00 '1.2' 20              ; Storage Media File-Set UID
            """)
        let result = StorageCommitmentResult(
            reading: try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...]))
        #expect(result.transactionUID == "2.25.7")
        #expect(result.committed.isEmpty)
        #expect(
            result.failed == [
                .init(
                    reference: .init(sopClassUID: "1.2.840", sopInstanceUID: "1.2.335"),
                    reason: .classInstanceConflict)
            ])
        #expect(result.unreadableItemCount == 0)
    }

    @Test func `the retrieve title of the whole result holds for items without their own`() {
        var dataSet = StorageCommitmentResult(
            transactionUID: "2.25.7",
            committed: [.init(reference: Self.first), .init(reference: Self.second, retrieveAETitle: "OTHER")],
            failed: []
        ).dataSet
        dataSet.set(.retrieveAETitle, .AE, "ARCHIVE")
        #expect(StorageCommitmentResult(reading: dataSet).committed.map(\.retrieveAETitle) == ["ARCHIVE", "OTHER"])
    }

    @Test func `what a server leaves out is missing and nothing more`() {
        var failure = DataSet()
        failure.set(.referencedSOPInstanceUID, "1.2.33")
        var dataSet = DataSet()
        dataSet.set(.failedSOPSequence, items: [failure, DataSet()])
        dataSet.set(.referencedSOPSequence, items: [DataSet()])
        let result = StorageCommitmentResult(reading: dataSet)
        #expect(result.transactionUID == nil)
        #expect(result.failed == [.init(reference: .init(sopClassUID: "", sopInstanceUID: "1.2.33"), reason: nil)])
        #expect(result.committed.isEmpty)
        #expect(result.unreadableItemCount == 2)
        #expect(StorageCommitmentResult(reading: DataSet()).unreadableItemCount == 0)
    }

    @Test(
        arguments: [
            (0x0110, "processing failure"), (0x0112, "no such object instance"),
            (0x0119, "class and instance conflict"), (0x0122, "referenced SOP class not supported"),
            (0x0131, "duplicate transaction UID"), (0x0213, "resource limitation"),
            (0x0124, "refused: not authorized"), (0x7777, "failure that the standard does not define"),
        ] as [(UInt16, String)])
    func `failure reasons have meanings`(_ number: UInt16, _ meaning: String) {
        let reason = StorageCommitmentFailureReason(rawValue: number)
        #expect(reason.meaning == meaning)
        #expect(reason.isTransient == (number == 0x0213))
    }

    @Test func `each instance asked for has one outcome`() {
        let committed = StorageCommitmentResult(
            transactionUID: "2.25.7", committed: [.init(reference: Self.first), .init(reference: Self.second)],
            failed: [])
        #expect(outcome(committed).isComplete)
        #expect(outcome(committed).committed == [Self.first, Self.second])

        let partial = StorageCommitmentResult(
            transactionUID: "2.25.7", committed: [.init(reference: Self.first)], failed: [])
        #expect(outcome(partial).unanswered == [Self.second])
        #expect(!outcome(partial).isComplete)
    }

    @Test func `an instance in both lists is not committed`() {
        let result = StorageCommitmentResult(
            transactionUID: "2.25.7", committed: [.init(reference: Self.first), .init(reference: Self.second)],
            failed: [.init(reference: Self.second, reason: .resourceLimitation)])
        #expect(outcome(result).committed == [Self.first])
        #expect(outcome(result).failed == [.init(reference: Self.second, reason: .resourceLimitation)])
    }

    @Test func `an instance committed under another class is not committed, and without a class it is`() {
        let result = StorageCommitmentResult(
            transactionUID: "2.25.7",
            committed: [
                .init(reference: .init(sopClassUID: "1.2.9", sopInstanceUID: Self.first.sopInstanceUID)),
                .init(reference: .init(sopClassUID: "", sopInstanceUID: Self.second.sopInstanceUID)),
            ], failed: [])
        #expect(outcome(result).classMismatches == [Self.first])
        #expect(outcome(result).committed == [Self.second])
        #expect(!outcome(result).isComplete)
    }

    @Test func `what was never asked for changes nothing`() {
        let stranger = SOPInstanceReference(sopClassUID: "1.2", sopInstanceUID: "9.9")
        let result = StorageCommitmentResult(
            transactionUID: "2.25.7",
            committed: [.init(reference: Self.first), .init(reference: Self.second), .init(reference: stranger)],
            failed: [.init(reference: stranger, reason: nil)])
        #expect(outcome(result).isComplete)
    }

    private func outcome(_ result: StorageCommitmentResult) -> StorageCommitmentOutcome {
        StorageCommitmentOutcome(of: Self.request, result: result)
    }
}
