import DICOM
import Testing

@testable import DICOMProtocol

struct QueryNegotiationTests {
    private static let find = InformationModel.studyRoot.findSOPClass
    private static let worklist = InformationModel.modalityWorklist.findSOPClass

    private static let items: [(QueryNegotiation, UID, [UInt8])] = [
        (.relational, find, [1]), (.fuzzyNames, find, [0, 0, 1]), ([.relational, .timezone], find, [1, 0, 0, 1]),
        (.fuzzyNames, worklist, [1, 1, 1]), (.timezone, worklist, [1, 1, 0, 1]),
        (.relational, "1.2.840.10008.5.1.4.1.2.2.2", [1]),
        ([.relational, .fuzzyNames], "1.2.840.10008.5.1.4.1.2.2.3", [1]),
    ]

    @Test(arguments: items)
    func `an item has a byte for each option up to the last that is asked for`(
        _ negotiation: QueryNegotiation, _ sopClass: UID, _ information: [UInt8]
    ) {
        #expect(negotiation.item(for: sopClass)?.information == information)
    }

    @Test func `nothing is offered where nothing is asked for or known`() {
        #expect(QueryNegotiation([]).item(for: Self.find) == nil)
        #expect(QueryNegotiation.relational.item(for: Self.worklist) == nil)
        #expect(QueryNegotiation.fuzzyNames.item(for: "1.2.840.10008.5.1.4.1.2.2.2") == nil)
        #expect(QueryNegotiation.relational.item(for: "1.2.840.10008.1.1") == nil)
    }

    private static let answers: [([UInt8], QueryNegotiation)] = [
        ([], []), ([1], .relational), ([0, 0, 1], .fuzzyNames), ([2, 0, 0, 1, 1, 2], .timezone),
        ([0, 0, 0, 1, 1, 1], [.timezone, .emptyValues]), ([0, 0, 0, 0, 0, 0, 1, 1], .multipleValues),
    ]

    @Test(arguments: answers)
    func `a missing byte grants nothing, and unknown ones are passed over`(
        _ information: [UInt8], _ granted: QueryNegotiation
    ) {
        let item = SOPClassExtendedNegotiation(sopClass: Self.find, information: information)
        #expect(QueryNegotiation(granted: item) == granted)
    }

    private static let requests: [(UID, [UInt8], [UInt8])] = [
        (find, [1, 1, 1, 1], [1, 1, 0, 0]), (find, [1], [1]), (find, [0, 1], [0, 1]), (find, [], []),
        (find, [1, 0, 0, 0, 1, 7, 1, 1], [1, 0, 0, 0, 0, 0, 0]), (worklist, [1, 1, 1, 1], [1, 1, 0, 0]),
        (worklist, [1], [1]),
        ("1.2.840.10008.5.1.4.1.2.2.2", [1, 1], [1, 0]), ("1.2.840.10008.1.1", [1, 1], [0, 0]),
    ]

    @Test(arguments: requests)
    func `an acceptor answers each byte that it was asked, with what it can do`(
        _ sopClass: UID, _ asked: [UInt8], _ answered: [UInt8]
    ) {
        let item = SOPClassExtendedNegotiation(sopClass: sopClass, information: asked)
        let answer = QueryNegotiation([.relational, .dateTimeMatching]).answer(to: item)
        #expect(answer.sopClass == sopClass)
        #expect(answer.information == answered)
    }

    @Test func `the reserved bytes of a worklist grant nothing`() {
        let item = SOPClassExtendedNegotiation(sopClass: Self.worklist, information: [1, 1, 1])
        #expect(QueryNegotiation(granted: item) == .fuzzyNames)
    }
}
