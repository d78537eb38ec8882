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
        (
            "limit=10&offset=20&includefield=PatientName&fuzzymatching=true",
            "limit=10&offset=20&includefield=PatientName&fuzzymatching=true"
        ),
        ("PatientName=A%5EB&limit=1", "PatientName=***&limit=1"), ("PatientID=", "PatientID=***"),
    ])
    func `values of queries are shown as logs show them`(_ query: String, _ shown: String) {
        #expect(ShownExchange.url("\(Self.base)?\(query)", hides: true) == "\(Self.base)?\(shown)")
        #expect(ShownExchange.url("\(Self.base)?\(query)", hides: false) == "\(Self.base)?\(query)")
    }

    @Test(arguments: [
        ("?access_token=4711", "?access_token=***"), ("?sig=4711", "?sig=***"),
        ("?Key=4711&limit=1", "?Key=***&limit=1"),
        ("?X-Amz-Credential=4711", "?X-Amz-Credential=***"), ("?code=4711", "?code=***"),
        ("?NoSuchKeyword=4711", "?NoSuchKeyword=***"), ("?4711", "?4711=***"), ("?=", "?=***"), ("#4711", "#***"),
        ("?limit=1#t=4711", "?limit=1#***"), ("#a?limit=1", "#***"),
    ])
    func `what may be a secret in a URL is never shown`(_ rest: String, _ shown: String) {
        for hides in [true, false] {
            #expect(ShownExchange.url(Self.base + rest, hides: hides) == Self.base + shown)
        }
    }

    @Test func `a status of success has the words of the standard, a failure those of messages`() {
        #expect(
            [200, 202, 204, 206, 299].map(ShownExchange.meaning) == [
                "OK", "Accepted", "No Content", "Partial Content", "success",
            ])
        #expect([0, 404].map(ShownExchange.meaning) == ["", "not found"])
    }

    @Test func `a URL without a query stays as it is`() {
        #expect(ShownExchange.url("\(Self.base)/1.2/series", hides: true) == "\(Self.base)/1.2/series")
    }
}
