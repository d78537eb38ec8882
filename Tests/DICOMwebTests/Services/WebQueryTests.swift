import DICOM
import DICOMNode
import DICOMProtocol
import Testing

@testable import DICOMweb

struct WebQueryTests {
    private func identifier(_ level: String, _ values: [(DICOM.Tag, ValueRepresentation, String)]) -> DataSet {
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
        dataSet.set(.queryRetrieveLevel, .CS, level)
        for (tag, vr, text) in values {
            if text.isEmpty { dataSet.setEmpty(tag, vr) } else { dataSet.set(tag, vr, text) }
        }
        return dataSet
    }

    private func target(
        _ identifier: DataSet, _ encoding: WebQuery.Encoding = .percent, limit: Int? = nil, offset: Int = 0
    ) throws -> String {
        try WebQuery(identifier).target(encoding: encoding, limit: limit, offset: offset)
    }

    @Test
    func `the unique keys of the levels above are the path`() throws {
        let study: (DICOM.Tag, ValueRepresentation, String) = (.studyInstanceUID, .UI, "1.2")
        let series: (DICOM.Tag, ValueRepresentation, String) = (.seriesInstanceUID, .UI, "1.2.3")
        #expect(try target(identifier("STUDY", [])) == "/studies")
        #expect(try target(identifier("SERIES", [study])) == "/studies/1.2/series")
        #expect(try target(identifier("SERIES", [])) == "/series")
        #expect(try target(identifier("IMAGE", [study, series])) == "/studies/1.2/series/1.2.3/instances")
        #expect(try target(identifier("IMAGE", [study])) == "/studies/1.2/instances")
        #expect(try target(identifier("IMAGE", [series])) == "/instances?SeriesInstanceUID=1.2.3")
        #expect(try target(identifier("PATIENT", [(.patientID, .LO, "7")])) == "/studies?PatientID=7")
    }

    @Test
    func `values are keys, attributes without one are asked for, and lists of UIDs have commas`() throws {
        let keys: [(DICOM.Tag, ValueRepresentation, String)] = [
            (.studyDate, .DA, "20200101-20201231"), (.modalitiesInStudy, .CS, ""), (.patientID, .LO, "*"),
            (.studyInstanceUID, .UI, "1.2\\1.3"), (DICOM.Tag(0x0009_1001), .LO, "x"),
        ]
        #expect(
            try target(identifier("STUDY", keys), limit: 10, offset: 20)
                == "/studies?StudyDate=20200101-20201231&includefield=ModalitiesInStudy&00091001=x"
                + "&includefield=PatientID&StudyInstanceUID=1.2,1.3&limit=10&offset=20")
    }

    @Test
    func `values are encoded by percent, or made so that a server that does not decode finds more and not less`() throws
    {
        let keys: [(DICOM.Tag, ValueRepresentation, String)] = [(.patientName, .PN, "Größe^Ä n&e=+#%*")]
        let query = try WebQuery(identifier("STUDY", keys))
        #expect(query.needsEncoding)
        #expect(
            query.target(encoding: .percent)
                == "/studies?PatientName=Gr%C3%B6%C3%9Fe%5E%C3%84%20n%26e%3D%2B%23%25*")
        #expect(query.target(encoding: .none) == "/studies?PatientName=Gr*e^*?n?e????*")
        #expect(try !WebQuery(identifier("STUDY", [(.studyDate, .DA, "20200101-")])).needsEncoding)
    }

    @Test
    func `a key with several values becomes a query for each, and too many stay one that is refused`() throws {
        func values(_ count: Int) -> String { (0..<count).map { "P\($0)" }.joined(separator: "\\") }
        let two = identifier("STUDY", [(.modalitiesInStudy, .CS, "CT\\MR"), (.patientID, .LO, values(3))])
        let targets = try WebQuery.alternatives(of: two).map { try WebQuery($0).target(encoding: .percent) }
        let expected = ["CT", "MR"].flatMap { modality in
            (0..<3).map { "/studies?ModalitiesInStudy=\(modality)&PatientID=P\($0)" }
        }
        #expect(targets == expected)
        let many = identifier("STUDY", [(.patientID, .LO, values(65))])
        #expect(WebQuery.alternatives(of: many) == [many])
        let uids = identifier("STUDY", [(.studyInstanceUID, .UI, "1.2\\1.3")])
        #expect(WebQuery.alternatives(of: uids) == [uids])
    }

    @Test
    func `what QIDO-RS cannot ask is refused, and never left out`() {
        for keys: [(DICOM.Tag, ValueRepresentation, String)] in [
            [(.modalitiesInStudy, .CS, "CT\\MR")], [(.patientID, .LO, "\"\"")],
        ] {
            do throws(AssociationError) {
                _ = try WebQuery(identifier("STUDY", keys))
                Issue.record("accepted")
            } catch .web(let error) {
                #expect(error.code == .notPossible)
            } catch {
                Issue.record("\(error)")
            }
        }
    }
}
