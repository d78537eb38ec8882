import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import System
import Testing

@testable import PracticeArchive

/// The generated images in an index, and queries against it.
@Suite struct ArchiveQueryTests {
    private let index = ArchiveIndex()
    private let studies: [GeneratedStudy]

    init() throws {
        var template = Array("/tmp/dcmscu-query-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made)
        let path = FilePath(bytes: template.map { UInt8(bitPattern: $0) })
        studies = try GeneratedStudy.all(in: OutputFolder(path, syncing: .none))
        var problems = 0
        index.rebuild(from: path, problem: { _ in problems += 1 })
        #expect(problems == 0)
        for file in studies.flatMap(\.files) { unlink(file.path.text) }
        rmdir(path.text)
    }

    private func answers(
        _ level: QueryLevel, _ model: InformationModel = .studyRoot, _ build: (inout DataSet) -> Void
    ) throws -> [DataSet] {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, level.rawValue)
        build(&keys)
        let query = try ArchiveQuery(keys, model: model, title: "PRACTICE")
        return query.matches(in: index.contents).map { query.response($0) }
    }

    @Test func `the index holds every instance`() {
        #expect(index.instanceCount == studies.flatMap(\.files).count)
        #expect(index.studyCount == studies.count)
    }

    @Test func `an empty query at study level lists every study with what was asked for`() throws {
        let found = try answers(.study) { keys in
            keys.setEmpty(.studyInstanceUID, .UI)
            keys.setEmpty(.numberOfStudyRelatedInstances, .IS)
            keys.setEmpty(.modalitiesInStudy, .CS)
        }
        // In the order of the files, whose names are new with each run.
        #expect(Set(found.compactMap { $0.uid(.studyInstanceUID) }) == Set(studies.map(\.studyInstanceUID)))
        #expect(found.count == studies.count)
        for study in studies {
            let answer = try #require(found.first { $0.uid(.studyInstanceUID) == study.studyInstanceUID })
            #expect(answer.string(.numberOfStudyRelatedInstances) == String(study.files.count))
            #expect(answer.string(.modalitiesInStudy) == study.modality)
        }
        #expect(found.allSatisfy { $0.string(.retrieveAETitle) == "PRACTICE" })
    }

    @Test func `patients are grouped by their identifier`() throws {
        let found = try answers(.patient, .patientRoot) { $0.set(.patientID, .LO, "SELFTEST-*") }
        #expect(found.compactMap { $0.string(.patientID) }.sorted() == studies.map(\.patientID).sorted())
    }

    @Test func `a key that is unknown at the level is not answered, and said so`() throws {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, "STUDY")
        keys.setEmpty(.seriesDescription, .LO)
        let query = try ArchiveQuery(keys, model: .studyRoot, title: "X")
        #expect(query.hasUnsupportedKeys)
        #expect(query.matches(in: index.contents).allSatisfy { query.response($0)[.seriesDescription] == nil })
    }

    @Test func `a key that the entity lacks comes back empty`() throws {
        let found = try answers(.study) { $0.setEmpty(DICOM.Tag(0x0010_0021), .LO) }
        #expect(found.count == studies.count)
        #expect(found.allSatisfy { $0[DICOM.Tag(0x0010_0021)]?.isEmpty == true })
    }

    @Test func `a sequence matches by the keys of its item, and is answered by them`() throws {
        var item = DataSet()
        item.set(.referencedSOPClassUID, "1.2.840.10008.5.1.4.1.1.4")
        let found = try answers(.study) { $0.set(.referencedStudySequence, items: [item]) }
        #expect(found.count == 1)
        let answer = try #require(found.first?.items(.referencedStudySequence)?.first)
        #expect(answer.uid(.referencedSOPClassUID) == "1.2.840.10008.5.1.4.1.1.4")
        #expect(answer[.referencedSOPInstanceUID] == nil)
    }

    @Test(arguments: [("PATIENT", InformationModel.studyRoot), ("SERIES", .patientStudyOnly), ("FRAME", .patientRoot)])
    func `a level that the model lacks is refused`(level: String, model: InformationModel) {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, level)
        #expect(throws: ArchiveQuery.Refusal.self) { try ArchiveQuery(keys, model: model, title: "X") }
    }

    @Test func `instances are found by their UIDs, each once, and only in the study that is asked for`() throws {
        let study = try #require(studies.first { $0.files.count > 2 })
        let wanted = study.files.prefix(2).map(\.sopInstanceUID.string)
        func found(in studyUID: UID?) throws -> [UID] {
            try answers(.image) { keys in
                if let studyUID { keys.set(.studyInstanceUID, studyUID) }
                keys.set(.sopInstanceUID, .UI, (wanted + wanted + ["1.2.3"]).joined(separator: "\\"))
            }.compactMap { $0.uid(.sopInstanceUID) }
        }
        #expect(try found(in: study.studyInstanceUID).map(\.string) == wanted)
        #expect(try found(in: nil).map(\.string) == wanted)
        #expect(try found(in: "1.2.4").isEmpty)
    }

    @Test func `dates and times are matched together only where that was negotiated`() throws {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, "STUDY")
        keys.set(.studyDate, .DA, "20260101-20260102")
        keys.set(.studyTime, .TM, "1000-")
        for (combines, count) in [(false, 0), (true, studies.count)] {
            let negotiated: QueryNegotiation = combines ? .dateTimeMatching : []
            let query = try ArchiveQuery(keys, model: .studyRoot, title: "X", negotiated: negotiated)
            #expect(query.matches(in: index.contents).count == count)
        }
    }

    @Test func `the index knows in which syntaxes the instances of a class are`() throws {
        let ct: UID = "1.2.840.10008.5.1.4.1.1.2"
        let held: [TransferSyntax: Int] = [
            .explicitVRLittleEndian: 5, .deflatedExplicitVRLittleEndian: 1, .jpeg2000Lossless: 2,
        ]
        #expect(index.contents.syntaxes(of: ct) == held)
        let first = try #require(studies.first?.files.first)
        let again = try #require(index.instance(first.sopInstanceUID))
        index.add(again.file, EncodedElements(again.attributes))
        #expect(index.contents.syntaxes(of: ct) == held)
        #expect(index.contents.syntaxes(of: "1.2.3").isEmpty)
    }

    @Test func `a retrieval without its unique key is refused`() {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, "STUDY")
        keys.set(.patientID, .LO, "SELFTEST-1")
        #expect(throws: ArchiveQuery.Refusal.self) {
            try ArchiveQuery.retrieval(keys, model: .studyRoot, title: "X")
        }
    }

    @Test func `an instance that comes again under another study leaves the first one`() throws {
        let first = try #require(studies.first?.files.first)
        let old = try #require(index.instance(first.sopInstanceUID))
        var attributes = old.attributes
        attributes.set(.studyInstanceUID, "1.2.3")
        index.add(old.file, EncodedElements(attributes))
        #expect(index.instanceCount == studies.flatMap(\.files).count)
        #expect(index.studyCount == studies.count + 1)
        #expect(index.contents.studies[old.studyInstanceUID]?.instances.contains(first.sopInstanceUID) == false)
    }
}
