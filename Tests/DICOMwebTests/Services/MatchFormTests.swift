import DICOM
import DICOMProtocol
import Testing

@testable import DICOMweb

struct MatchFormTests {
    private func match(unasked length: Int) throws -> DataSet {
        var identifier = DataSet()
        identifier.setEmpty(.patientID, .LO)
        identifier.setEmpty(.studyInstanceUID, .UI)
        let long = String(repeating: "x", count: length)
        let text =
            "{\"00081030\":{\"vr\":\"LT\",\"Value\":[\"\(long)\"]},\"00100020\":{\"vr\":\"LO\",\"Value\":[\"12\"]},"
            + "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.3.\(4)\"]}}"
        let read = try #require(try DICOMJSON.parse(Array(text.utf8)).first)
        return MatchForm(identifier, level: .study).match(read)
    }

    @Test(arguments: [10, 1000])
    func `a match has what was asked for, and the level`(length: Int) throws {
        let match = try match(unasked: length)
        #expect(match.elements.map(\.tag) == [.queryRetrieveLevel, .patientID, .studyInstanceUID])
        #expect(match.string(.queryRetrieveLevel) == "STUDY")
        #expect(match.string(.patientID) == "12")
        #expect(match.string(.studyInstanceUID) == "1.2.3.4")
    }

    @Test func `a match does not keep in memory what nobody asked for`() throws {
        let match = try match(unasked: 1000)
        let last = try #require(match.bytes(.studyInstanceUID)?.endIndex)
        #expect(last == match.elements.reduce(0) { $0 + $1.value.byteCount })
    }

    @Test func `more is read of a match than was asked for only where it tells matches apart`() {
        var identifier = DataSet()
        identifier.setEmpty(.modality, .CS)
        func needed(_ level: QueryLevel, groupsPatients: Bool = false) -> [DICOM.Tag] {
            MatchForm(identifier, level: level, groupsPatients: groupsPatients).needed
        }
        #expect(
            needed(.series) == [
                .specificCharacterSet, .modality, .studyInstanceUID, .seriesInstanceUID,
                .numberOfSeriesRelatedInstances,
            ])
        #expect(needed(.image) == [.specificCharacterSet, .sopInstanceUID, .modality])
        #expect(
            needed(.patient, groupsPatients: true) == [
                .specificCharacterSet, .modality, .patientName, .patientID, Tag(0x0010_0021),
            ])
        #expect(Set(WebWorklist.identifying).isSubset(of: MatchForm(identifier).needed))
    }
}
