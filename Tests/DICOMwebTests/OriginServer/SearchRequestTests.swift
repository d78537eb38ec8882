import DICOM
import DICOMProtocol
import Testing

@testable import DICOMweb

struct SearchRequestTests {
    private func search(
        _ query: String, _ level: QueryLevel = .study, study: UID? = nil, series: UID? = nil, ignoresKeys: Bool = false
    ) throws(Refusal) -> SearchRequest {
        try SearchRequest(
            level, study: study, series: series, try RequestTarget("/studies?\(query)").parameters(),
            ignoresKeys: ignoresKeys)
    }

    private func words(_ query: String, _ level: QueryLevel = .study, study: UID? = nil) -> String? {
        do throws(Refusal) {
            _ = try search(query, level, study: study)
            return nil
        } catch {
            return error.status == 400 ? error.words : "\(error.status)"
        }
    }

    @Test func `keys are keywords or tags, and values are decoded`() throws {
        let identifier = try search("PatientName=M%C3%BCller%5E*&00100020=4%2F5&StudyDate=20260101-").identifier
        #expect(identifier.string(.patientName) == "Müller^*")
        #expect(identifier.string(.patientID) == "4/5")
        #expect(identifier.string(.studyDate) == "20260101-")
        #expect(identifier.string(.queryRetrieveLevel) == "STUDY")
        #expect(identifier.string(.specificCharacterSet) == "ISO_IR 192")
    }

    @Test func `a list of UIDs has commas`() throws {
        #expect(try search("StudyInstanceUID=1.2,1.3").identifier.uids(.studyInstanceUID) == ["1.2", "1.3"])
        #expect(words("StudyInstanceUID=1.2,*")?.contains("UID") == true)
    }

    @Test func `dots lead into sequences`() throws {
        let sequence = Tag(0x0040_0275)
        let identifier = try search(
            "RequestAttributesSequence.ScheduledProcedureStepID=S1&includefield=00400275.00401001", .series
        ).identifier
        let item = try #require(identifier.items(sequence)?.first)
        #expect(item.string(.scheduledProcedureStepID) == "S1")
        #expect(item[.requestedProcedureID]?.isEmpty == true)
        #expect(words("PatientName.PatientID=1")?.contains("sequence") == true)
    }

    @Test func `fields to be included may be repeated or have commas`() throws {
        let search = try search("includefield=StudyDescription,00081060&includefield=Occupation&includefield=all")
        for tag in [Tag.studyDescription, Tag(0x0008_1060), Tag(0x0010_2180)] {
            #expect(search.identifier[tag]?.isEmpty == true)
        }
        #expect(search.includesAll)
        #expect(try self.search("includefield=PatientName&PatientName=A").identifier.string(.patientName) == "A")
    }

    @Test func `the page and the kind of matching are numbers and words`() throws {
        let search = try search("limit=5&offset=10&fuzzymatching=true")
        #expect((search.limit, search.offset, search.wantsFuzzy) == (5, 10, true))
        #expect(try self.search("").limit == nil)
    }

    @Test(arguments: [
        "NoSuchKeyword=1", "studyinstanceuid=1.2", "00091001=1", "includefield=Nothing", "limit=x", "limit=-1",
        "limit=",
        "limit=1&limit=2", "offset=99999999999999999999", "fuzzymatching=yes", "PatientID=1&PatientID=2",
        "PatientID=1&00100020=2", "PatientName=A%5CB", "RequestAttributesSequence=1", "Rows=many", "Rows=70000",
        "PixelData=1", "=1", "A.B.C=1",
    ])
    func `what is not understood is refused in words`(query: String) {
        #expect(words(query)?.isEmpty == false)
    }

    @Test func `a key of the path may not be in the query again`() {
        #expect(words("StudyInstanceUID=1.2", .series, study: "1.2") != nil)
    }

    @Test func `numbers are matched as they are encoded`() throws {
        let identifier = try search("Rows=512&NumberOfFrames=3", .image).identifier
        #expect(identifier.uint16(.rows) == 512)
        #expect(identifier.string(.numberOfFrames) == "3")
    }

    @Test func `the usual attributes are those of the level and of the levels that the path does not name`() throws {
        let relational = try search("", .image).identifier
        let below = try search("", .image, study: "1.2", series: "1.3").identifier
        #expect(relational[.patientName] != nil && relational[.modality] != nil && relational[.sopInstanceUID] != nil)
        #expect(below[.patientName] == nil && below[.modality] == nil && below[.sopInstanceUID] != nil)
        #expect(below.uid(.studyInstanceUID) == "1.2" && below.uid(.seriesInstanceUID) == "1.3")
        let ofStudy = try search("", .image, study: "1.2").identifier
        #expect(ofStudy[.patientName] == nil && ofStudy[.modality] != nil)
    }

    @Test func `a server that ignores keys returns them all the same`() throws {
        let identifier = try search("PatientID=1&NoSuchKeyword=2&limit=3", ignoresKeys: true).identifier
        #expect(identifier[.patientID]?.isEmpty == true)
    }
}

struct ServedResourceTests {
    private func resource(_ target: String) throws(Refusal) -> ServedResource {
        try ServedResource(try RequestTarget(target).path)
    }

    @Test(arguments: [
        ("/", ServedResource.page), ("/studies", .search(.study, study: nil, series: nil)),
        ("/studies/", .search(.study, study: nil, series: nil)), ("/series", .search(.series, study: nil, series: nil)),
        ("/instances", .search(.image, study: nil, series: nil)),
        ("/studies/1.2/series", .search(.series, study: "1.2", series: nil)),
        ("/studies/1.2/instances", .search(.image, study: "1.2", series: nil)),
        ("/studies/1.2/series/1.3/instances", .search(.image, study: "1.2", series: "1.3")),
        ("/studies/1.2", .instances(WebResource(study: "1.2"))),
        ("/studies/1.2/series/1.3", .instances(WebResource(study: "1.2", series: "1.3"))),
        (
            "/studies/1.2/series/1.3/instances/1.4",
            .instances(WebResource(study: "1.2", series: "1.3", instance: "1.4"))
        ),
        ("/studies/1.2/metadata", .metadata(WebResource(study: "1.2"))),
        (
            "/studies/1.2/series/1.3/instances/1.4/metadata",
            .metadata(WebResource(study: "1.2", series: "1.3", instance: "1.4"))
        ),
    ])
    func `each form of a URL names its resource`(target: String, expected: ServedResource) throws {
        #expect(try resource(target) == expected)
    }

    @Test(arguments: [
        ("/nothing", 404), ("/studies/1.2/rendered", 406), ("/studies/1.2/series/1.3/thumbnail", 406),
        ("/studies/1.2/series/1.3/instances/1.4/frames/1", 404), ("/studies/../../etc/passwd", 400),
        ("/studies/..%2F..%2Fetc%2Fpasswd", 400), ("/studies/1.2/series/%2e%2e", 400), ("/studies/1.2/metadata/x", 404),
        ("/studies//series", 400), ("/studies/1.02", 400), ("//studies", 404),
    ])
    func `a path that names nothing is refused`(target: String, status: Int) {
        #expect {
            try resource(target)
        } throws: {
            ($0 as? Refusal)?.status == status
        }
    }

    @Test func `instances are taken where the standard has it`() throws {
        #expect(try resource("/studies").takesInstances)
        #expect(try resource("/studies/1.2").takesInstances)
        #expect(try resource("/studies/1.2").study == "1.2")
        for target in ["/", "/series", "/studies/1.2/series/1.3", "/studies/1.2/metadata"] {
            #expect(try !resource(target).takesInstances)
        }
    }
}
