import DICOMProtocol
import Testing

struct DIMSEStatusTests {
    @Test(
        arguments: [
            (0x0000, .success), (0xFF00, .pending), (0xFF01, .pending), (0xFE00, .cancel), (0x0001, .warning),
            (0x0107, .warning), (0x0116, .warning), (0xB000, .warning), (0xB007, .warning), (0xBFFF, .warning),
            (0x0105, .failure), (0x0122, .failure), (0x0213, .failure), (0xA700, .failure), (0xA801, .failure),
            (0xAFFF, .failure), (0xC000, .failure), (0xCFFF, .failure), (0x0002, .failure), (0x8000, .failure),
            (0xD000, .failure), (0xFE01, .failure), (0xFF02, .failure), (0xFFFF, .failure),
        ] as [(UInt16, DIMSEStatus.Kind)])
    func `the kind follows from the number`(_ number: UInt16, _ kind: DIMSEStatus.Kind) {
        #expect(DIMSEStatus(rawValue: number).kind == kind)
    }

    @Test(
        arguments: [
            (0xA700, true), (0xA701, true), (0xA7FF, true), (0x0213, true), (0xA6FF, false), (0xA800, false),
            (0xA900, false), (0xC000, false), (0x0110, false), (0x0000, false),
        ] as [(UInt16, Bool)])
    func `a shortage may pass`(_ number: UInt16, _ isTransient: Bool) {
        #expect(DIMSEStatus(rawValue: number).isTransient == isTransient)
    }

    @Test(
        arguments: [
            (.storage, 0x0000, "success"),
            (.storage, 0xA700, "refused: out of resources"),
            (.storage, 0xA7FF, "refused: out of resources"),
            (.storage, 0xA800, "refused: SOP class not supported"),
            (.storage, 0xA900, "data set does not match the SOP class"),
            (.storage, 0xA9FF, "data set does not match the SOP class"),
            (.storage, 0xB000, "stored, with data elements coerced"),
            (.storage, 0xB006, "stored, with data elements discarded"),
            (.storage, 0xB007, "stored, but the data set does not match the SOP class"),
            (.storage, 0xC000, "cannot understand the data set"),
            (.storage, 0xCFFF, "cannot understand the data set"),
            (.storage, 0xB001, "warning that the standard does not define"),
        ] as [(ServiceKind, UInt16, String)])
    func `storage has its own meanings`(_ service: ServiceKind, _ number: UInt16, _ meaning: String) {
        #expect(DIMSEStatus(rawValue: number).meaning(for: service) == meaning)
    }

    @Test(
        arguments: [ServiceKind.find, .worklist],
        [
            (0x0000, "matching is complete"),
            (0xA700, "refused: out of resources"),
            (0xA800, "refused: SOP class not supported"),
            (0xA900, "identifier does not match the SOP class"),
            (0xC000, "unable to process"),
            (0xCFFF, "unable to process"),
            (0xFE00, "matching ended by the cancel request"),
            (0xFF00, "matches are continuing"),
            (0xFF01, "matches are continuing, but the server did not take all optional keys into account"),
        ] as [(UInt16, String)])
    func `queries have their own meanings`(_ service: ServiceKind, _ row: (number: UInt16, meaning: String)) {
        #expect(DIMSEStatus(rawValue: row.number).meaning(for: service) == row.meaning)
    }

    @Test(
        arguments: [ServiceKind.move, .get],
        [
            (0x0000, "sub-operations complete, none failed"),
            (0xA700, "refused: out of resources"),
            (0xA701, "refused: out of resources, unable to calculate the number of matches"),
            (0xA702, "refused: out of resources, unable to perform sub-operations"),
            (0xA800, "refused: SOP class not supported"),
            (0xA900, "identifier does not match the SOP class"),
            (0xAA00, "none of the requested frames was found in the SOP instance"),
            (0xAA01, "unable to create a new object for this SOP class"),
            (0xAA02, "unable to extract frames"),
            (0xAA03, "request by time for an instance that is not based on time"),
            (0xAA04, "invalid request"),
            (0xC000, "unable to process"),
            (0xFE00, "sub-operations ended by the cancel request"),
            (0xFF00, "sub-operations are continuing"),
        ] as [(UInt16, String)])
    func `retrievals have their own meanings`(_ service: ServiceKind, _ row: (number: UInt16, meaning: String)) {
        #expect(DIMSEStatus(rawValue: row.number).meaning(for: service) == row.meaning)
    }

    @Test func `a move destination is unknown to a move only`() {
        #expect(DIMSEStatus.moveDestinationUnknown.meaning(for: .move) == "refused: move destination unknown")
        #expect(
            DIMSEStatus.moveDestinationUnknown.meaning(for: .get) == "failure that the standard does not define")
    }

    @Test func `the incomplete move and the incomplete get differ in their warnings`() {
        let status = DIMSEStatus.suboperationsCompleteWithFailures
        #expect(status.meaning(for: .move) == "sub-operations complete, one or more failed")
        #expect(status.meaning(for: .get) == "sub-operations complete, one or more failed or had warnings")
    }

    @Test(
        arguments: [
            (0x0001, "requested optional attributes are not supported"),
            (0x0105, "no such attribute"),
            (0x0106, "invalid attribute value"),
            (0x0107, "attribute list error"),
            (0x0110, "processing failure"),
            (0x0111, "duplicate SOP instance"),
            (0x0112, "no such SOP instance"),
            (0x0113, "no such event type"),
            (0x0114, "no such argument"),
            (0x0115, "invalid argument value"),
            (0x0116, "attribute value out of range"),
            (0x0117, "invalid SOP instance"),
            (0x0118, "no such SOP class"),
            (0x0119, "class and instance conflict"),
            (0x0120, "missing attribute"),
            (0x0121, "missing attribute value"),
            (0x0122, "refused: SOP class not supported"),
            (0x0123, "no such action"),
            (0x0124, "refused: not authorized"),
            (0x0210, "duplicate invocation"),
            (0x0211, "unrecognized operation"),
            (0x0212, "mistyped argument"),
            (0x0213, "resource limitation"),
        ] as [(UInt16, String)])
    func `the statuses of PS3_7 mean the same in every service`(_ number: UInt16, _ meaning: String) {
        for service in ServiceKind.allCases {
            #expect(DIMSEStatus(rawValue: number).meaning(for: service) == meaning)
        }
    }

    @Test func `every number has a meaning that is a line of plain words`() {
        for number in stride(from: UInt16(0), through: 0xFF80, by: 0x80) + [0xFFFF] {
            for service in ServiceKind.allCases {
                let meaning = DIMSEStatus(rawValue: number).meaning(for: service)
                #expect(!meaning.isEmpty)
                #expect(!meaning.hasSuffix(".") && meaning.first?.isLowercase == true)
            }
        }
    }

    @Test(arguments: [(0x0000, "0000H"), (0x0122, "0122H"), (0xA7F0, "A7F0H")] as [(UInt16, String)])
    func `a status is written as the standard writes it`(_ number: UInt16, _ text: String) {
        #expect(DIMSEStatus(rawValue: number).description == text)
    }
}
