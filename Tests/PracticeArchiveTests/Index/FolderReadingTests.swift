import DICOM
import DICOMNode
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import PracticeArchive

/// A folder that several threads read, and the look-up of what they found.
struct FolderReadingTests {
    private let folder: TemporaryFolder
    private static let count = 330

    init() throws {
        folder = try TemporaryFolder()
        for number in 0..<Self.count { try write(number) }
    }

    private func write(_ number: Int, to name: String? = nil, _ build: (inout DataSet) -> Void = { _ in }) throws {
        let (sopClass, uid): (UID, UID) = ("1.2.840.10008.5.1.4.1.1.7", UID("1.2.3.\(number)"))
        let syntax = TransferSyntax.explicitVRLittleEndian
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, sopClass)
        dataSet.set(.sopInstanceUID, uid)
        dataSet.set(.patientID, .LO, "P\(number / 30)")
        dataSet.set(.studyInstanceUID, UID("1.2.\(1_000 - number / 10)"))
        dataSet.set(.seriesInstanceUID, UID("1.2.\(1_000 - number / 10).1"))
        build(&dataSet)
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: uid, transferSyntax: syntax)
        try folder.write(
            meta.encode() + DataSetEncoder(syntax).encode(dataSet), to: name ?? "\(number + 1_000).dcm")
    }

    private func index() -> ArchiveIndex {
        let index = ArchiveIndex()
        index.rebuild(from: folder.path, problem: { _ in })
        return index
    }

    /// The number of entities that a query compares, and the values of its matches.
    private func search(
        _ level: QueryLevel, _ tag: DICOM.Tag, in index: ArchiveIndex, _ build: (inout DataSet) -> Void
    ) throws -> (compared: Int, values: [String]) {
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, level.rawValue)
        build(&keys)
        let query = try ArchiveQuery(keys, model: .patientRoot, title: "PRACTICE")
        var values: [String] = []
        let compared = query.forEachMatch(in: index.contents) { entity in
            values.append(entity.first.string(tag) ?? "")
            return true
        }
        return (compared, values)
    }

    @Test func `instances come in the order of the names, and problems in their places`() throws {
        try folder.write([UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + [2, 0, 0, 0], to: "1100-cut.dcm")
        try folder.write(Array("no image".utf8), to: "1200.txt")
        try folder.link("1300-link", to: "1001.dcm")
        let index = ArchiveIndex()
        var problems: [FileProblem] = []
        index.rebuild(from: folder.path) { problems.append($0) }
        #expect(problems.map(\.path) == [folder["1100-cut.dcm"], folder["1300-link"]])
        #expect(problems.map(\.code) == [.truncated, .notAFile])
        #expect(index.instanceCount == Self.count)
        #expect(Array(index.contents.studyOrder).map(\.string) == (0..<33).map { "1.2.\(1_000 - $0)" })
        for study in index.contents.studies.values {
            #expect(
                study.instances.map { Int($0.string.dropFirst(6)) ?? 0 }
                    == study.instances.map { Int($0.string.dropFirst(6)) ?? 0 }.sorted())
        }
    }

    @Test func `of two files with one instance the later is held, wherever its name stands`() throws {
        for (number, name) in [(5, "0-first.dcm"), (6, "9-last.dcm")] {
            try write(number, to: name) { $0.set(.patientID, .LO, "LATER") }
        }
        let index = index()
        #expect(index.instanceCount == Self.count)
        #expect(index.instance("1.2.3.5")?.file.path == folder["0-first.dcm"])
        #expect(index.instance("1.2.3.6")?.file.path == folder["9-last.dcm"])
    }

    @Test func `a reading that is cancelled ends`() throws {
        let cancellation = try Cancellation()
        cancellation.raise()
        let index = ArchiveIndex()
        index.rebuild(from: folder.path, unless: cancellation, problem: { _ in })
        #expect(index.instanceCount == 0)
    }

    @Test func `an exact Patient ID looks at the patient's studies alone`() throws {
        let index = index()
        let one = try search(.study, .patientID, in: index) { $0.set(.patientID, .LO, "P7") }
        #expect(one.compared == 3 && one.values == ["P7", "P7", "P7"])
        let two = try search(.study, .patientID, in: index) { $0.set(.patientID, .LO, "P7\\P10\\P7") }
        #expect(two.compared == 6 && two.values.count == 6)
        let nobody = try search(.study, .patientID, in: index) { $0.set(.patientID, .LO, "P") }
        #expect(nobody.compared == 0)
        let several = try search(.study, .patientID, in: index) { $0.set(.patientID, .LO, "P1*") }
        #expect(several.compared == 33 && several.values.count == 6)
        let patient = try search(.patient, .patientID, in: index) { $0.set(.patientID, .LO, "P7") }
        #expect(patient.compared == 1 && patient.values == ["P7"])
    }

    @Test func `a Patient ID that has several values, other letters or blanks is found by each of its forms`() throws {
        try write(500) { $0.set(.patientID, .LO, "X1\\X2") }
        try write(501) { dataSet in
            dataSet.set(.studyInstanceUID, "1.2.1")
            dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
            dataSet.set(.patientID, .LO, "Zoë ")
        }
        try write(502) { dataSet in
            dataSet.set(.studyInstanceUID, "1.2.2")
            dataSet.set(.patientID, .LO, " P7 ")
        }
        let index = index()
        for (key, uids) in [("X1", ["1.2.3.500"]), ("X2", ["1.2.3.500"]), ("Zoë", ["1.2.3.501"])] {
            let found = try search(.study, .sopInstanceUID, in: index) { keys in
                keys.set(.specificCharacterSet, .CS, "ISO_IR 192")
                keys.set(.patientID, .LO, key)
            }
            #expect(found.values == uids, "\(key)")
        }
        let blank = try search(.study, .sopInstanceUID, in: index) { $0.set(.patientID, .LO, "P7") }
        let all = try search(.study, .sopInstanceUID, in: index) { $0.set(.patientID, .LO, "P7*") }
        #expect(blank.values.sorted() == all.values.sorted())
    }

    @Test func `an instance that becomes another patient's is found by the new ID alone`() throws {
        let index = index()
        for number in 0..<30 {
            try write(number, to: "new.dcm") { $0.set(.patientID, .LO, "NEW") }
            try index.add(stored: folder["new.dcm"])
            let old = try search(.study, .patientID, in: index) { $0.set(.patientID, .LO, "P0") }
            #expect(old.compared == 3 - (number + 1) / 10)
        }
        let new = try search(.study, .patientID, in: index) { $0.set(.patientID, .LO, "NEW") }
        #expect(new.compared == 3 && new.values == ["NEW", "NEW", "NEW"])
    }

    @Test func `a series is found by its UID alone, and no longer once its last instance has moved`() throws {
        let index = index()
        let series: UID = "1.2.1000.1"
        #expect(try search(.series, .patientID, in: index) { $0.set(.seriesInstanceUID, series) }.compared == 1)
        #expect(try search(.image, .patientID, in: index) { $0.set(.seriesInstanceUID, series) }.compared == 10)
        for number in 0..<10 {
            try write(number, to: "moved.dcm") { $0.set(.seriesInstanceUID, "1.2.1000.2") }
            try index.add(stored: folder["moved.dcm"])
        }
        #expect(try search(.series, .patientID, in: index) { $0.set(.seriesInstanceUID, series) }.compared == 0)
        #expect(try search(.image, .patientID, in: index) { $0.set(.seriesInstanceUID, "1.2.1000.2") }.compared == 10)
    }
}
