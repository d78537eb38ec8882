import DICOM
import DICOMNode
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import PracticeArchive

/// The archive as those see it who come without an association.
@Suite struct ArchiveAccessTests {
    private let folder: TemporaryFolder
    private let studies: [GeneratedStudy]
    private let access: ArchiveAccess

    init() throws {
        folder = try TemporaryFolder()
        let output = try OutputFolder(folder.path, syncing: .none)
        studies = try GeneratedStudy.all(in: output)
        let index = ArchiveIndex()
        index.rebuild(from: folder.path, problem: { _ in })
        let archive = ArchiveService(
            index: index, title: AETitle(wire: "PRACTICE".utf8), faults: FaultPlan([]),
            destinations: Destinations([:], connector: Connector(), limits: AssociationLimits()), worklist: [],
            report: { _ in })
        access = ArchiveAccess(archive, ArchiveReception(archive, folder: output))
    }

    private func identifier(_ level: QueryLevel, _ build: (inout DataSet) -> Void) -> DataSet {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, level.rawValue)
        build(&keys)
        return keys
    }

    @Test func `it counts what it holds`() {
        let counts = access.counts
        #expect((counts.patients, counts.studies, counts.series) == (3, 3, 6))
        #expect(counts.instances == studies.flatMap(\.files).count)
        #expect(access.instanceCount == counts.instances)
    }

    @Test func `a key that is not matched at the level refuses the search, unless it has no value`() throws {
        #expect {
            try access.search(identifier(.study) { $0.set(.sopInstanceUID, "1.2") }, includesAll: false)
        } throws: {
            ($0 as? ArchiveAccess.Refusal)?.words == "SOPInstanceUID is not matched in a search for the level study"
        }
        let search = try access.search(identifier(.study) { $0.setEmpty(.sopInstanceUID, .UI) }, includesAll: false)
        #expect(search.count == 3)
    }

    @Test func `all attributes of the level are those of the index, and no others`() throws {
        var found: [DataSet] = []
        try access.search(identifier(.study) { $0.setEmpty(.studyInstanceUID, .UI) }, includesAll: true).forEachMatch {
            found.append($0)
            return true
        }
        #expect(found.count == 3)
        for match in found {
            #expect(match[.studyDescription]?.isEmpty == false)
            #expect(match[.rows] == nil && match[.seriesDescription] == nil)
        }
    }

    @Test func `a resource has the instances below it, and none of another study`() throws {
        let study = try #require(studies.first)
        #expect(access.instances(study: study.studyInstanceUID, series: nil, instance: nil).count == study.files.count)
        let file = try #require(study.files.first)
        let series = try #require(file.seriesInstanceUID)
        let found = access.instances(
            study: study.studyInstanceUID, series: series, instance: file.sopInstanceUID)
        #expect(found.map(\.file.sopInstanceUID) == [file.sopInstanceUID])
        let other = try #require(studies.last).studyInstanceUID
        #expect(access.instances(study: other, series: series, instance: file.sopInstanceUID).isEmpty)
        #expect(access.instances(study: "1.2.3", series: nil, instance: nil).isEmpty)
    }

    @Test func `metadata are the data set without its pixels`() throws {
        let file = try #require(studies.first?.files.first)
        let metadata = try access.metadata(of: file)
        #expect(metadata.uid(.sopInstanceUID) == file.sopInstanceUID)
        #expect(metadata.string(.availableTransferSyntaxUID) == file.transferSyntax.uid.string)
        #expect(metadata.items(.referencedStudySequence)?.count == 1)
        #expect(metadata[.pixelData] == nil)
    }
}
