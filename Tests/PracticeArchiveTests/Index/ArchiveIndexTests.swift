import DICOM
import DICOMNode
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import PracticeArchive

/// The work of queries in one large study, by the number of entities that they look at.
struct ArchiveIndexTests {
    private static let study: UID = "1.2.9"

    private func series(_ number: Int) -> UID { UID("1.2.9.\(number)") }
    private func instance(_ number: Int) -> UID { UID("1.2.9.0.\(number)") }

    /// An index of one study with this number of instances, each in a series of its own or ten in one.
    private func index(_ count: Int, perSeries: Int) throws -> ArchiveIndex {
        let folder = try TemporaryFolder()
        let index = ArchiveIndex()
        let syntax = TransferSyntax.explicitVRLittleEndian
        for number in 0..<count {
            var dataSet = DataSet()
            dataSet.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.7")
            dataSet.set(.sopInstanceUID, instance(number))
            dataSet.set(.patientID, .LO, "P1")
            dataSet.set(.studyInstanceUID, Self.study)
            dataSet.set(.seriesInstanceUID, series(number / perSeries))
            let meta = FileMetaInformation(
                mediaStorageSOPClassUID: "1.2.840.10008.5.1.4.1.1.7", mediaStorageSOPInstanceUID: instance(number),
                transferSyntax: syntax)
            try folder.write(meta.encode() + DataSetEncoder(syntax).encode(dataSet), to: "1.dcm")
            try index.add(stored: folder["1.dcm"])
        }
        return index
    }

    /// The numbers of entities that a query compares and of its matches.
    private func work(
        _ level: QueryLevel, in index: ArchiveIndex, _ build: (inout DataSet) -> Void
    ) throws -> [Int] {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, level.rawValue)
        keys.set(.studyInstanceUID, Self.study)
        build(&keys)
        let query = try ArchiveQuery(keys, model: .studyRoot, title: "PRACTICE")
        var matches = 0
        let compared = query.forEachMatch(in: index.contents) { _ in
            matches += 1
            return true
        }
        return [compared, matches]
    }

    private func list(_ uids: some Sequence<UID>) -> String { uids.map(\.string).joined(separator: "\\") }

    @Test(arguments: [100, 1000])
    func `a query that names instances looks at these alone, whatever the size of their study`(count: Int) throws {
        let index = try index(count, perSeries: 10)
        #expect(index.instanceCount == count && index.studyCount == 1)
        let wanted = (0..<50).map { instance($0 * count / 50) }
        let found = try work(.image, in: index) { $0.set(.sopInstanceUID, .UI, list(wanted)) }
        #expect(found == [50, 50])
        let none = try work(.image, in: index) { $0.set(.sopInstanceUID, "1.2.3") }
        #expect(none == [0, 0])
        // All of them, in queries of 50: as many comparisons as there are instances.
        let all = try stride(from: 0, to: count, by: 50).reduce(0) { sum, start in
            let uids = list((start..<(start + 50)).map(instance))
            return try sum + work(.image, in: index) { $0.set(.sopInstanceUID, .UI, uids) }[0]
        }
        #expect(all == count)
    }

    @Test(arguments: [100, 1000])
    func `a query that names series looks at these alone`(count: Int) throws {
        let index = try index(count, perSeries: 1)
        let wanted = [series(count - 1), series(0)]
        #expect(try work(.series, in: index) { $0.set(.seriesInstanceUID, .UI, list(wanted)) } == [2, 2])
        #expect(try work(.image, in: index) { $0.set(.seriesInstanceUID, .UI, list(wanted)) } == [2, 2])
    }

    @Test func `a query for all instances of a study compares each once`() throws {
        let index = try index(200, perSeries: 10)
        #expect(try work(.image, in: index) { $0.setEmpty(.sopInstanceUID, .UI) } == [200, 200])
    }

    @Test func `numbers of a study and a patient are those of their instances, also after one has moved`() throws {
        let index = try index(20, perSeries: 10)
        let folder = try TemporaryFolder()
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.7")
        dataSet.set(.sopInstanceUID, instance(0))
        dataSet.set(.patientID, .LO, "P1")
        dataSet.set(.studyInstanceUID, "1.2.10")
        dataSet.set(.seriesInstanceUID, "1.2.10.1")
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: "1.2.840.10008.5.1.4.1.1.7", mediaStorageSOPInstanceUID: instance(0),
            transferSyntax: .explicitVRLittleEndian)
        try folder.write(
            meta.encode() + DataSetEncoder(.explicitVRLittleEndian).encode(dataSet), to: "2.dcm")
        try index.add(stored: folder["2.dcm"])
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, "STUDY")
        keys.set(.studyInstanceUID, Self.study)
        keys.setEmpty(.numberOfStudyRelatedInstances, .IS)
        keys.setEmpty(.numberOfPatientRelatedStudies, .IS)
        keys.setEmpty(.numberOfPatientRelatedSeries, .IS)
        keys.setEmpty(.numberOfPatientRelatedInstances, .IS)
        let query = try ArchiveQuery(keys, model: .patientRoot, title: "PRACTICE")
        let match = try #require(query.matches(in: index.contents).first.map { query.response($0) })
        #expect(match.string(.numberOfStudyRelatedInstances) == "19")
        #expect(match.string(.numberOfPatientRelatedStudies) == "2")
        #expect(match.string(.numberOfPatientRelatedSeries) == "3")
        #expect(match.string(.numberOfPatientRelatedInstances) == "20")
    }
}
