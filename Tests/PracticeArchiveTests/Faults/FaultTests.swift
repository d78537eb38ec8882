import DICOM
import DICOMProtocol
import Testing

@testable import PracticeArchive

@Suite struct FaultTests {
    @Test(arguments: [
        ("store-status=0xA700/5", Fault.status(of: .cStoreRQ, 0xA700, every: 5)),
        ("find-status=A700", .status(of: .cFindRQ, 0xA700, every: 1)),
        ("commit-report=new", .commitmentReport(.newAssociation)), ("delay=1.5", .delay(1.5)),
        ("refuse-syntax=JPEGBaseline8Bit", .refuseTransferSyntax("1.2.840.10008.1.2.4.50")),
        ("refuse-class=1.2.3", .refuseSOPClass("1.2.3")), ("close-in-file=7", .closeInFile(every: 7)),
        ("http-status=503/5", .httpStatus(503, every: 5)), ("http-status=404", .httpStatus(404, every: 1)),
        ("short-body", .shortBody(every: 1)), ("silent-drop=2", .silentDrop(every: 2)),
        ("ignore-keys=", .ignoreKeys(every: 1)), ("no-decode", .noDecode),
    ])
    func `a fault is read from its name and value`(text: String, expected: Fault) throws {
        #expect(try Fault(parsing: text) == expected)
    }

    @Test(arguments: [
        "store-status=A700/5", "find-status=A700", "move-status=A801", "get-status=A702/2", "retrieve-failure=10",
        "commit-failure=0110/2", "commit-report=never", "abort-after=7", "close-in-file=3", "delay=0.5", "reject=2",
        "refuse-syntax=JPEGBaseline8Bit", "refuse-class=MRImageStorage", "http-status=503/5", "http-status=413",
        "short-body", "short-body=3", "ignore-keys", "silent-drop=2", "no-decode",
    ])
    func `a fault is told as it was written`(text: String) throws {
        #expect("\(try Fault(parsing: text))" == text)
    }

    @Test(arguments: [
        "nonsense=1", "delay", "delay=-1", "store-status=A700/0", "store-status=XYZ", "reject=0", "=",
        "http-status=200", "http-status=A700", "http-status=503/0", "short-body=0", "no-decode=1",
    ])
    func `a fault that is none is refused`(text: String) {
        #expect(throws: Fault.ParsingError.self) { try Fault(parsing: text) }
    }

    @Test func `every nth time is counted over all that ask`() {
        let plan = FaultPlan([.status(of: .cStoreRQ, 0xA700, every: 3)])
        let due = (1...7).map { _ in plan.nextStore() != nil }
        #expect(due == [false, false, true, false, false, true, false])
        #expect(!plan.failsNextSuboperation())
    }

    @Test func `an instance is dropped without a word, by C-STORE as over HTTP`() {
        let plan = FaultPlan([.silentDrop(every: 2)])
        #expect(plan.nextStore() == nil)
        #expect(plan.nextStore() != nil)
        #expect(plan.nextStoreOverHTTP() == nil)
    }

    @Test func `every form has a value that it accepts`() {
        for form in Fault.forms { #expect(!form.meaning.isEmpty && form.text.hasPrefix(form.name)) }
        #expect(Fault.forms.first { $0.name == "short-body" }?.text == "short-body[=N]")
    }
}
