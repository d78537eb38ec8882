import System
import Testing

@testable import CommandLineInterface

/// Servers that ignore keys: nothing is retrieved that was not asked for.
struct IgnoredKeyTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// The generated studies: CT of 20260102 with eight images, MR with four, OT with one.
    private func get(_ archive: TestArchive, _ options: String...) -> CommandResult {
        CommandResult(["--get", "--studyroot"] + archive.peer + ["-o", folder["out"]] + options)
    }

    private func find(_ archive: TestArchive, _ options: String...) -> CommandResult {
        CommandResult(["--find"] + archive.peer + ["--format", "csv"] + options)
    }

    @Test func `a match that contradicts a key is left out of a retrieval, with a warning`() throws {
        let archive = try TestArchive(faults: ["unmatched-key=PatientID"], holdsImages: true)
        let result = get(archive, "-k", "PatientID=SELFTEST-2")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == 4)
        #expect(result.messages.contains("2 matches left out"), "\(result.messages)")
        #expect(result.messages.contains("PatientID"))
    }

    @Test func `nothing is retrieved if no match has the attribute`() throws {
        let archive = try TestArchive(faults: ["ignore-key=StudyDescription"], holdsImages: true)
        let result = get(archive, "-k", "StudyDescription=*")
        #expect(result.exitCode == .success, "\(result.messages)")
        let other = get(archive, "-k", "StudyDescription=*HEAD*")
        #expect(other.exitCode == .failureStatus, "\(other.messages)")
        #expect(other.messages.contains("3 matches without StudyDescription"), "\(other.messages)")
        #expect(other.messages.contains("--trust-server"))
    }

    @Test(
        arguments: [
            (["-k", "SeriesNumber=1"], "--series"),
            (["-k", "date=20260102", "-k", "Modality=CT"], "ModalitiesInStudy"),
            (["-k", "study=1.2", "-k", "SOPInstanceUID=1.2.3"], "--image"),
            (["--series", "-k", "study=1.2", "-k", "InstanceNumber=1"], "--image"),
            (["--dry-run", "-k", "series=1.2"], "--series"),
            (["--patientroot", "--patient", "-k", "id=SELFTEST-1", "-k", "accession=1"], "--study"),
        ] as [([String], String)])
    func `a key of a lower level retrieves nothing`(_ arguments: [String], _ remedy: String) throws {
        let archive = try TestArchive(holdsImages: true)
        let root = arguments.contains("--patientroot") ? [] : ["--studyroot"]
        for operation in [["--get", "-o", folder["out"]], ["--move", "--to", "OTHER"]] {
            let result = CommandResult(operation + root + archive.peer + arguments)
            #expect(result.exitCode == .usage, "\(result.messages)")
            #expect(result.messages.contains("level, by which no"), "\(result.messages)")
            #expect(result.messages.contains(remedy), "\(result.messages)")
        }
        #expect(folder.fileCount("out") == 0)
    }

    @Test func `keys of the level below are looked up there by a query`() throws {
        let archive = try TestArchive(holdsImages: true)
        for (key, count) in [("Modality=MR", "1"), ("Modality=US", "0"), ("Modality=?T", "2")] {
            let result = find(archive, "-k", key, "--format", "count")
            #expect(result.output == "\(count)\n", "\(key): \(result.messages)")
        }
    }

    @Test(arguments: ["id=", "id= ", "name=^", "20,d= ", "PatientID="])
    func `a key without a value retrieves nothing`(_ key: String) throws {
        let archive = try TestArchive(holdsImages: true)
        let result = get(archive, "-k", key, "-k", "StudyDate=20260102")
        #expect(result.exitCode == .usage, "\(result.messages)")
        #expect(result.messages.contains("has no value, and matches everything"), "\(result.messages)")
        #expect(folder.fileCount("out") == 0)
        // To ask for an attribute, and gdcmscu's way to do so.
        #expect(find(archive, "-k", "PatientID=", "-k", "StudyDate=20260102").lines.count == 4)
        let tag = get(archive, "-k", "10,20=", "-k", "StudyDate=20260102")
        #expect(tag.exitCode == .success && tag.messages.contains("warning"), "\(tag.messages)")
    }

    @Test func `modalities in study are looked up in the series`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        let result = get(archive, "-k", "ModalitiesInStudy=MR")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == 4)
    }

    @Test func `a list of modalities in study, too`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        #expect(get(archive, "-k", "ModalitiesInStudy=SR").exitCode == .success)
        #expect(folder.fileCount("out") == 0)
    }

    @Test func `the server can be trusted`() throws {
        let archive = try TestArchive(faults: ["ignore-key=StudyDescription"], holdsImages: true)
        let result = get(archive, "-k", "StudyDescription=*HEAD*", "--trust-server")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == 13)
    }

    @Test func `a query leaves contradicting matches out, and says which keys were not compared`() throws {
        let unmatched = try TestArchive(faults: ["unmatched-key=PatientID"], holdsImages: true)
        let left = find(unmatched, "-k", "PatientID=SELFTEST-2", "-k", "StudyInstanceUID")
        #expect(left.exitCode == .success)
        #expect(left.lines.count == 2, "\(left.output)")
        #expect(left.messages.contains("2 matches left out"), "\(left.messages)")
        let ignoring = try TestArchive(faults: ["ignore-key=PatientID"], holdsImages: true)
        let unconfirmed = find(ignoring, "-k", "PatientID=SELFTEST-2", "-k", "StudyInstanceUID")
        #expect(unconfirmed.lines.count == 4, "\(unconfirmed.output)")
        #expect(unconfirmed.messages.contains("3 matches without PatientID"), "\(unconfirmed.messages)")
    }

    @Test func `a query looks modalities in study up in the series`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        let result = find(archive, "-k", "ModalitiesInStudy=MR", "-k", "PatientID", "-k", "StudyInstanceUID")
        #expect(result.exitCode == .success)
        #expect(result.lines.count == 2, "\(result.output)")
        #expect(result.lines.last?.contains("SELFTEST-2") == true, "\(result.output)")
        #expect(result.messages.contains("2 matches left out"), "\(result.messages)")
        #expect(!result.messages.contains("without ModalitiesInStudy"), "\(result.messages)")
        #expect(find(archive, "-k", "ModalitiesInStudy=SR").lines.count == 1)
        #expect(find(archive, "-k", "ModalitiesInStudy=MR", "--trust-server").lines.count == 4)
    }

    @Test func `a query of gdcmscu's options alone prints what its keys ask for`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        let result = CommandResult(["--find"] + archive.peer + ["-k", "ModalitiesInStudy=MR", "-k", "PatientID"])
        #expect(result.exitCode == .success)
        #expect(result.output.contains("Find Response: 1\n"))
        #expect(!result.output.contains("Find Response: 2\n"), "\(result.output)")
        #expect(result.output.contains("SELFTEST-2"))
        #expect(!result.output.contains("(0020,000d)"), "\(result.output)")
    }

    @Test func `an attribute that was named and no match has is told`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        for options in [
            ["--group-by", "ModalitiesInStudy", "--trust-server"], ["--return", "ModalitiesInStudy"],
            ["-k", "ModalitiesInStudy"],
        ] {
            let result = CommandResult(["--find"] + archive.peer + ["--format", "csv"] + options)
            #expect(result.exitCode == .success)
            #expect(result.messages.contains("no match has ModalitiesInStudy"), "\(result.messages)")
            #expect(result.messages.contains("--group-by Modality"), "\(result.messages)")
        }
        // To group by it, the series are asked.
        let grouped = find(archive, "--group-by", "ModalitiesInStudy")
        #expect(!grouped.messages.contains("no match has"), "\(grouped.messages)")
        #expect(grouped.output.contains("MR,1"), "\(grouped.output)")
        // The usual attributes were not named, and an empty value is one.
        #expect(!find(archive, "-k", "StudyDate=*").messages.contains("no match has"))
        #expect(!find(archive, "-k", "ModalitiesInStudy", "-k", "PatientID=NOBODY").messages.contains("no match has"))
    }

    @Test func `a list of modalities means all of them where that was negotiated`() throws {
        for faults in [[], ["ignore-key=ModalitiesInStudy"]] {
            let archive = try TestArchive(faults: faults, holdsImages: true)
            let both = find(archive, "-k", "ModalitiesInStudy=CT\\MR", "--format", "count")
            #expect(both.output == "0\n", "\(both.messages)")
            #expect(find(archive, "-k", "ModalitiesInStudy=CT\\C*", "--format", "count").output == "1\n")
        }
    }

    @Test func `a limit and an order count the matches that are left`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        let limited = find(archive, "-k", "ModalitiesInStudy=?T", "-k", "PatientID", "--limit", "1")
        #expect(limited.lines.count == 2, "\(limited.output)")
        let sorted = find(
            archive, "-k", "ModalitiesInStudy=?T", "--columns", "PatientID", "--sort", "-PatientID")
        #expect(sorted.lines == ["PatientID", "SELFTEST-3", "SELFTEST-1"], "\(sorted.messages)")
        #expect(find(archive, "-k", "ModalitiesInStudy=OT", "--format", "count").output == "1\n")
    }
}
