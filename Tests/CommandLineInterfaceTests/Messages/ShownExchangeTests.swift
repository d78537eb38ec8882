import DICOMweb
import Testing

@testable import CommandLineInterface

struct ShownExchangeTests {
    private static let base = "http://pacs/dicom-web/studies"

    @Test(arguments: [
        ("PatientID=4711", "PatientID=***"), ("00100020=4711", "00100020=***"),
        ("StudyDate=20260131", "StudyDate=20260131"),
        ("StudyInstanceUID=1.2,1.3", "StudyInstanceUID=1.2,1.3"), ("AccessionNumber=A1", "AccessionNumber=***"),
        ("StudyDescription=Head", "StudyDescription=***"), ("ModalitiesInStudy=CT", "ModalitiesInStudy=CT"),
        ("ScheduledProcedureStepSequence.Modality=MR", "ScheduledProcedureStepSequence.Modality=MR"),
        ("RequestAttributesSequence.RequestedProcedureID=R1", "RequestAttributesSequence.RequestedProcedureID=***"),
        ("NoSuchKeyword=4711", "NoSuchKeyword=***"),
        (
            "limit=10&offset=20&includefield=PatientName&fuzzymatching=true",
            "limit=10&offset=20&includefield=PatientName&fuzzymatching=true"
        ),
        ("PatientName=A%5EB&limit=1", "PatientName=***&limit=1"), ("PatientID=", "PatientID=***"), ("=", "=***"),
    ])
    func `values of queries are shown as logs show them`(_ query: String, _ shown: String) {
        #expect(ShownExchange.url("\(Self.base)?\(query)", hides: true) == "\(Self.base)?\(shown)")
        #expect(ShownExchange.url("\(Self.base)?\(query)", hides: false) == "\(Self.base)?\(query)")
    }

    @Test(arguments: [true, false])
    func `a secret in a query is never shown`(_ hides: Bool) {
        #expect(ShownExchange.url("\(Self.base)?access_token=4711", hides: hides) == "\(Self.base)?access_token=***")
    }

    @Test func `a URL without a query stays as it is`() {
        #expect(ShownExchange.url("\(Self.base)/1.2/series", hides: true) == "\(Self.base)/1.2/series")
    }
}
