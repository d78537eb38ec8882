import DICOM
import DICOMNode
import DICOMProtocol
import PracticeArchive
import System
import TestSupport
import Testing

@testable import CommandLineInterface

/// Comparisons of practice archives, folders and scripted servers in the process of the test.
struct CompareCommandTests {
    private let folder: TestFolder
    private let studies: [GeneratedStudy]

    init() throws {
        folder = try TestFolder()
        studies = try folder.makeImages()
    }

    private func compare(_ first: String, _ second: String, _ options: String...) -> CommandResult {
        CommandResult(["--compare", first, second] + options)
    }

    private func peer(_ archive: TestArchive) -> String { "127.0.0.1:\(archive.archive.port)" }

    /// An archive with all files but some.
    private func archive(without left: [InstanceFile] = [], faults: [String] = []) throws -> TestArchive {
        let archive = try TestArchive(faults: faults)
        let files = studies.flatMap(\.files).filter { !left.contains($0) }.map(\.path.displayed)
        let result = CommandResult(["--store"] + archive.peer + files)
        #expect(result.exitCode == .success, "\(result.messages)")
        return archive
    }

    private func study(_ modality: String) throws -> GeneratedStudy {
        try #require(studies.first { $0.modality == modality })
    }

    @Test(arguments: [([], 3), (["--image"], 13), (["--series"], nil)] as [([String], Int?)])
    func `archives and a folder with the same instances are equal at each level`(
        _ level: [String], _ count: Int?
    ) throws {
        let (archive, other) = (try archive(), try archive())
        let images = folder["images"]
        for (first, second) in [
            (peer(archive), peer(other)), (peer(archive), images), (images, peer(other)),
            (images, "\(images)/../images"),
        ] {
            let result = CommandResult(["--compare", first, second] + level)
            #expect(result.exitCode == .success, "\(result.messages)")
            #expect(result.output == "")
            if let count { #expect(result.messages.contains("\(count) equal"), "\(result.messages)") }
            let shown = CommandResult(["--compare", first, second] + level + ["--show", "equal"])
            #expect(!shown.lines.isEmpty && shown.lines.allSatisfy { $0.hasPrefix("= ") }, "\(shown.output)")
            if let count { #expect(shown.lines.count == count) }
        }
    }

    @Test func `what one side lacks is printed, at each level`() throws {
        let (mr, ot) = (try study("MR"), try study("OT"))
        let first = try archive(without: ot.files)
        let second = try archive(without: mr.files)
        let result = compare(peer(first), peer(second))
        #expect(result.exitCode == .incomplete)
        let expected = ["- \(mr.studyInstanceUID)", "+ \(ot.studyInstanceUID)"].sorted {
            $0.dropFirst() < $1.dropFirst()
        }
        #expect(result.lines == expected)
        #expect(result.messages.contains("1 not at ANY-SCP@127.0.0.1:\(second.archive.port) (-)"), "\(result.messages)")
        let images = compare(peer(first), peer(second), "--image", "--show", "missing")
        #expect(images.lines.count == mr.files.count, "\(images.output)")
        for line in images.lines { #expect(line.hasPrefix("- \(mr.studyInstanceUID) "), "\(line)") }
        #expect(compare(peer(first), "PRACTICE@\(peer(first))").exitCode == .success)
    }

    @Test func `a study with fewer instances differs, and so do its series`() throws {
        let ct = try study("CT")
        let second = try archive(without: [ct.files[3]])
        let images = folder["images"]
        let result = compare(images, peer(second))
        #expect(result.exitCode == .incomplete)
        #expect(result.lines == ["* \(ct.studyInstanceUID)  NumberOfStudyRelatedInstances 8 | 7"])
        let series = compare(images, peer(second), "--series")
        #expect(series.lines.count == 1 && series.output.contains("NumberOfSeriesRelatedInstances"), "\(series.output)")
        let instances = compare(images, peer(second), "--image")
        let missing = ct.files[3].sopInstanceUID
        #expect(instances.lines.count == 1 && instances.output.hasSuffix("\(missing)\n"), "\(instances.output)")
    }

    @Test func `CSV and JSON lines hold what a list of a retrieval takes`() throws {
        let (mr, ct, ot) = (try study("MR"), try study("CT"), try study("OT"))
        let first = try archive(without: ot.files)
        let second = try archive(without: mr.files + [ct.files[0]])
        for format in ["csv", "jsonl"] {
            let result = compare(peer(first), peer(second), "--format", format, "--columns", "PatientID,PatientName")
            #expect(result.exitCode == .incomplete)
            let content = try RetrievalListReader.content(Array(result.output.utf8), bareUIDsAt: .study)
            #expect(content.unknownColumns.isEmpty)
            let uids = content.rows.compactMap { row in row.keys.first { $0.tag == .studyInstanceUID }?.value }
            #expect(Set(uids) == [mr.studyInstanceUID.string, ct.studyInstanceUID.string], "\(result.output)")
            let target = folder["from-\(format)"]
            try folder.write(result.output, to: "list-\(format)")
            let got = CommandResult(
                ["--get"] + first.peer + ["--from-list", folder["list-\(format)"], "-o", target])
            #expect(got.exitCode == .success, "\(got.messages)")
            #expect(folder.fileCount("from-\(format)") == mr.files.count + ct.files.count)
        }
        let empty = compare(peer(first), "PRACTICE@\(peer(first))", "--format", "csv")
        #expect(empty.output == "Comparison,StudyInstanceUID,Differences\n")
    }

    @Test(
        arguments: [
            ("ignore-key=ModalitiesInStudy", "ModalitiesInStudy=MR"),
            ("unmatched-key=PatientID", "PatientID=SELFTEST-2"),
            ("ignore-key=PatientID", "PatientID=SELFTEST-2"), ("ignore-key=StudyDescription", "StudyDescription=CT*"),
        ])
    func `a key that one server ignores makes no difference`(_ fault: String, _ key: String) throws {
        let (good, ignoring) = (try archive(), try archive(faults: [fault]))
        for (first, second) in [(good, ignoring), (ignoring, good)] {
            let result = compare(peer(first), peer(second), "-k", key)
            #expect(result.exitCode == .success, "\(result.messages)")
            #expect(result.messages.contains("study compared: 1 equal"), "\(result.messages)")
        }
        let folderSide = compare(folder["images"], peer(good), "-k", key)
        #expect(folderSide.messages.contains("study compared: 1 equal"), "\(folderSide.messages)")
    }

    @Test func `where both ignore a key nothing is believed`() throws {
        let (one, other) = (
            try archive(faults: ["ignore-key=PatientID"]), try archive(faults: ["ignore-key=PatientID"])
        )
        let result = compare(peer(one), peer(other), "-k", "PatientID=SELFTEST-2")
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(result.messages.contains("without PatientID"), "\(result.messages)")
        #expect(result.output == "")
        let trusting = compare(peer(one), peer(other), "-k", "PatientID=SELFTEST-2", "--trust-server")
        #expect(trusting.exitCode == .success)
    }

    @Test func `a server that refuses the second question makes a doubt, not a missing study`() throws {
        let mr = try study("MR")
        let first = try archive()
        let second = try archive(without: mr.files, faults: ["find-status=C001/2"])
        let result = compare(peer(first), peer(second))
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(result.lines == ["? \(mr.studyInstanceUID)"])
        #expect(result.messages.contains("C001H"), "\(result.messages)")
        // A list that is refused is no comparison.
        let refusing = try archive(faults: ["find-status=C001"])
        let none = compare(peer(first), peer(refusing))
        #expect(none.exitCode == .failureStatus)
        #expect(none.output == "")
    }

    @Test func `a server that is lost before the second question ends the comparison, and nothing is missing`() throws {
        let first = try server([match("1.1"), match("1.2")])
        // It lists one study, and aborts whatever is asked on another association.
        let list =
            ScriptedServer.accepts + [
                .serve { [matches = [match("1.1")]] heard in
                    matches.flatMap { PeerBytes.match(heard, DataSetEncoder(.implicitVRLittleEndian).encode($0)) }
                        + PeerBytes.findSuccess(heard)
                }
            ]
        let second = try ScriptedPeer([list, ScriptedServer.accepts + ScriptedServer.aborts])
        let result = compare(
            "127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)", "--show", "all", "--retries", "0")
        #expect(result.exitCode == .association, "\(result.messages)")
        #expect(result.lines == ["= 1.1"])
        #expect(result.messages.contains("the comparison ended early"), "\(result.messages)")
    }

    @Test func `lists that are cut short are asked for in parts`() throws {
        let first = try archive()
        let second = try archive(faults: ["find-limit=1"])
        let result = compare(peer(first), peer(second))
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("in parts"), "\(result.messages)")
    }

    @Test func `a list that cannot be divided leaves a doubt about what it is of, and the rest goes on`() throws {
        let ct = try study("CT")
        let (whole, limited) = (try archive(), try archive(faults: ["find-limit=4"]))
        for (first, second) in [(whole, limited), (limited, whole)] {
            let result = compare(peer(first), peer(second), "--image")
            #expect(result.exitCode == .incomplete, "\(result.messages)")
            #expect(result.lines.count == 1)
            #expect(result.output.hasPrefix("? \(ct.studyInstanceUID) "), "\(result.output)")
            #expect(result.messages.contains("8 equal"), "\(result.messages)")
            #expect(result.messages.contains("is not listed whole"), "\(result.messages)")
            #expect(!result.messages.contains("let --find ask"), "\(result.messages)")
        }
        let found = CommandResult(
            ["--find"] + limited.peer + [
                "--image", "--split", "auto", "-k", "StudyInstanceUID=\(ct.studyInstanceUID)",
            ])
        #expect(found.exitCode == .failureStatus, "\(found.messages)")
        #expect(!found.messages.contains("ask in parts"), "\(found.messages)")
    }

    @Test func `a comparison of nothing is told, and a failure if that is wanted`() throws {
        let (first, second) = (try archive(), try archive())
        let result = compare(peer(first), peer(second), "-k", "StudyDate=2062")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("nothing was compared"), "\(result.messages)")
        let failing = compare(peer(first), peer(second), "-k", "PatientID=nobody", "--fail-if-none")
        #expect(failing.exitCode == .incomplete, "\(failing.messages)")
        #expect(failing.messages.contains("hint: "), "\(failing.messages)")
        #expect(compare(peer(first), peer(second), "--fail-if-none").exitCode == .success)
    }

    @Test func `what is equal says in what, and a key that selects nothing says so of a comparison`() throws {
        let (first, second) = (try archive(), try archive())
        let studies = compare(peer(first), peer(second))
        #expect(
            studies.messages.contains("3 equal in number of instances (--image compares each)"), "\(studies.messages)")
        #expect(compare(peer(first), peer(second), "--image").messages.contains("13 equal\n"))
        let widening = compare(peer(first), peer(second), "-k", "SeriesNumber=1")
        #expect(widening.exitCode == .usage)
        #expect(widening.messages.contains("nothing is compared"), "\(widening.messages)")
    }

    @Test func `one archive at two addresses of this machine is warned of`() throws {
        let archive = try archive()
        let result = compare(peer(archive), "localhost:\(archive.archive.port)")
        #expect(result.messages.contains("they may be one archive"), "\(result.messages)")
    }

    // MARK: Folders

    @Test func `a file that cannot be read ends in 1, and so does one without a study`() throws {
        let archive = try archive()
        try folder.write("DICM", to: "images/odd.txt")
        #expect(compare(peer(archive), folder["images"]).exitCode == .success)
        try folder.write("", to: "images/empty.dcm")
        let result = compare(peer(archive), folder["images"])
        #expect(result.exitCode == .incomplete)
        #expect(result.output == "")
        #expect(result.messages.contains("empty.dcm"), "\(result.messages)")
    }

    @Test func `a folder that is not there, and a server that is not, have their own exit codes`() throws {
        let archive = try archive()
        #expect(compare(peer(archive), folder["nothing"]).exitCode == .localFiles)
        #expect(compare(peer(archive), "127.0.0.1:\(closedPort)").exitCode == .unreachable)
    }

    // MARK: Scripted servers

    /// A server that answers every query with these matches.
    private func server(_ matches: [DataSet]) throws -> ScriptedPeer {
        try ScriptedPeer([
            ScriptedServer.accepts + [
                .serve { heard in
                    matches.flatMap { PeerBytes.match(heard, DataSetEncoder(.implicitVRLittleEndian).encode($0)) }
                        + PeerBytes.findSuccess(heard)
                }
            ]
        ])
    }

    private func match(_ uid: String, _ elements: [(Tag, ValueRepresentation, String)] = []) -> DataSet {
        var match = DataSet()
        match.set(.queryRetrieveLevel, .CS, "STUDY")
        match.set(.studyInstanceUID, .UI, uid)
        match.set(.numberOfStudyRelatedInstances, .IS, "2")
        for (tag, vr, value) in elements { match.set(tag, vr, value) }
        return match
    }

    /// A server that answers its first association with a list of studies, and any question on a second one with other matches.
    private func server(listing studies: [DataSet], then matches: [[UInt8]]) throws -> ScriptedPeer {
        let encoder = DataSetEncoder(.implicitVRLittleEndian)
        let list = studies.map { encoder.encode($0) }
        return try ScriptedPeer(
            [list, matches].map { answers in
                ScriptedServer.accepts + [
                    .serve { heard in
                        answers.flatMap { PeerBytes.match(heard, $0) } + PeerBytes.findSuccess(heard)
                    }
                ]
            })
    }

    @Test func `a study whose series nobody lists is told`() throws {
        func compared(_ first: [DataSet], _ second: [DataSet], _ options: String...) throws -> CommandResult {
            let (one, other) = (try server(listing: first, then: []), try server(listing: second, then: []))
            return CommandResult(["--compare", "127.0.0.1:\(one.port)", "127.0.0.1:\(other.port)"] + options)
        }
        for level in ["--series", "--image"] {
            let missing = try compared([match("1.1")], [], level)
            #expect(missing.exitCode == .incomplete, "\(missing.messages)")
            #expect(missing.lines == ["- 1.1"])
            let extra = try compared([], [match("1.1")], level)
            #expect(extra.lines == ["+ 1.1"], "\(extra.messages)")
            let both = try compared([match("1.1")], [match("1.1")], level)
            #expect(both.exitCode == .incomplete, "\(both.messages)")
            #expect(both.lines == ["? 1.1"])
        }
        let csv = try compared([match("1.1")], [], "--image", "--format", "csv", "--columns", "InstanceNumber")
        #expect(csv.lines.last == "missing,1.1,,,,,", "\(csv.output)")
        // A key may leave nothing of it.
        let keyed = try compared([match("1.1")], [match("1.1")], "--series", "-k", "SeriesNumber=7")
        #expect(keyed.exitCode == .success, "\(keyed.messages)")
        #expect(keyed.output == "")
    }

    @Test func `an answer that cannot be read is a doubt, not an absence`() throws {
        let first = try server([match("1.1")])
        let second = try server(listing: [], then: [[0x20, 0, 0x0D, 0, 0xFF, 0, 0, 0]])
        let result = compare("127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)")
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(result.lines == ["? 1.1"])
        #expect(result.messages.contains("a match cannot be read"), "\(result.messages)")
    }

    @Test(arguments: ["no UID", "again and again"])
    func `what cannot name an instance, and what is repeated without end, is not counted`(_ what: String) throws {
        var (study, below) = (match("1.1"), match("1.1"))
        study[.numberOfStudyRelatedInstances] = nil
        below.set(.seriesInstanceUID, .UI, "1.1.1")
        if what == "no UID" {
            below.set(.sopInstanceUID, .UI, "no UID")
        } else {
            below.set(.numberOfSeriesRelatedInstances, .IS, "2")
        }
        let bytes = DataSetEncoder(.implicitVRLittleEndian).encode(below)
        let matches = [[UInt8]](repeating: bytes, count: what == "no UID" ? 2 : 10_001)
        let first = try server(listing: [study], then: matches)
        var known = match("1.1")
        known.set(.numberOfStudyRelatedInstances, .IS, what == "no UID" ? "1" : "2")
        let second = try server([known])
        let result = compare("127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)")
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(result.messages.contains("could not be counted"), "\(result.messages)")
    }

    @Test func `values are compared as what they mean, and what differs is shown`() throws {
        let first = try server([
            match(
                "1.1",
                [(.patientName, .PN, "DOE^JOHN^^^=="), (.studyDate, .DA, "2026.01.31"), (.studyTime, .TM, "1030")]),
            match("1.2", [(.patientName, .PN, "DOE^JANE"), (.studyDate, .DA, "20260131"), (.studyTime, .TM, "1030")]),
        ])
        let second = try server([
            match("1.2", [(.patientName, .PN, "DOE^JUNE"), (.studyDate, .DA, "20260131"), (.studyTime, .TM, "1031")]),
            match(
                "1.1",
                [(.patientName, .PN, "DOE^JOHN"), (.studyDate, .DA, "20260131"), (.studyTime, .TM, "103000.000")]),
        ])
        let columns = "PatientName,StudyDate,StudyTime"
        let result = compare("127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)", "--columns", columns)
        #expect(result.exitCode == .incomplete)
        #expect(
            result.lines == [
                "* 1.2  PatientName \"DOE^JANE\" | \"DOE^JUNE\"; StudyTime 103000 | 103100"
            ])
        // Messages have no values of patients.
        #expect(!result.messages.contains("DOE"), "\(result.messages)")
        let unknown = compare("127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)", "--columns", "AccessionNumber")
        #expect(unknown.exitCode == .incomplete)
        #expect(unknown.messages.contains("AccessionNumber is not compared"), "\(unknown.messages)")
        let series = compare("127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)", "--columns", "Modality")
        #expect(series.exitCode == .usage)
    }

    @Test func `a study that has another value of a key at one side differs, and is not missing`() throws {
        let first = try server([match("1.1", [(.studyDate, .DA, "20260101")])])
        let second = try server([match("1.1", [(.studyDate, .DA, "20260102")])])
        let result = compare(
            "127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)", "-k", "StudyDate=20260101", "--split", "off")
        #expect(result.lines == ["* 1.1  StudyDate \"as asked for\" | 20260102"], "\(result.messages)")
        #expect(result.exitCode == .incomplete)
    }

    @Test func `UIDs that come twice or not at all are told, and padding is none of them`() throws {
        let first = try server([match("1.1 "), match("1.2"), match("1.1"), match("1.2")])
        let second = try server([match("1.1"), match("1.2\0"), match("")])
        let result = compare("127.0.0.1:\(first.port)", "127.0.0.1:\(second.port)")
        #expect(result.output == "")
        #expect(result.exitCode == .incomplete)
        #expect(result.messages.contains("2 matches about what was listed before"), "\(result.messages)")
        #expect(result.messages.contains("1 match without a UID"), "\(result.messages)")
        #expect(result.messages.contains("2 equal"), "\(result.messages)")
    }

    @Test func `the number of instances is counted where a server does not return it`() throws {
        let images = folder["images"]
        let archive = try archive(faults: ["ignore-key=NumberOfStudyRelatedInstances"])
        let result = compare(images, peer(archive))
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("counted by a query"), "\(result.messages)")
        let ct = try study("CT")
        let less = try self.archive(without: [ct.files[0]], faults: ["ignore-key=NumberOfStudyRelatedInstances"])
        #expect(compare(images, peer(less)).output.contains("NumberOfStudyRelatedInstances 8 | 7"))
    }
}

struct ComparedEntityTests {
    @Test func `a study is the same after its record`() {
        var entity = ComparedEntity(uids: ["1.2.3"])
        #expect(ComparedEntity(record: entity.record) == entity)
        entity.instances = 0
        entity.values = [nil, "", "ä\u{0}b", String(repeating: "x", count: 3_000)]
        entity.open = [.patientID, .studyDate]
        entity.contradicted = .patientName
        #expect(ComparedEntity(record: entity.record) == entity)
    }

    @Test func `records come in the order in which children are compared`() {
        let uids = ["1.2", "1.2.3", "1.10", "1.2.30", "2", "1.2.0"]
        let records = uids.map { ComparedEntity(uids: [$0]).record }.sorted { $0.lexicographicallyPrecedes($1) }
        #expect(
            records.map { ComparedEntity(record: $0).uid } == uids.sorted { ServerSide.precedes($0, $1) })
    }

    @Test(
        arguments: [
            (.PN, "A^B^^=^=", "A^B"), (.PN, "A ^ B", "A^B"), (.PN, "=X^Y", "=X^Y"), (.DA, "2026.01.31", "20260131"),
            (.TM, "10:30", "103000"), (.TM, "103000.120", "103000.12"), (.TM, "x", "x"), (.IS, "+012", "12"),
            (.DS, "1.50", "1.5"), (.DS, "2.0", "2"), (.CS, "CT \\ MR", "CT\\MR"), (.LO, " a  b ", "a  b"),
            (.LT, "a\\b ", "a\\b"),
            (.CS, "CT\\", "CT"),
        ] as [(ValueRepresentation, String, String)])
    func `values lose what means nothing`(_ vr: ValueRepresentation, _ text: String, _ expected: String) {
        #expect(ComparedValue.normalised(text, vr) == expected)
    }

    @Test func `the modalities of a study have no order`() {
        var one = DataSet()
        one.set(.modalitiesInStudy, .CS, "MR\\CT")
        #expect(ComparedValue.text(of: [.modalitiesInStudy], in: one, inherited: .defaultRepertoire) == "CT\\MR")
        #expect(ComparedValue.text(of: [.patientID], in: one, inherited: .defaultRepertoire) == nil)
    }

    @Test func `names are equal whatever their character set is`() throws {
        func name(_ terms: String, _ bytes: [UInt8]) -> String? {
            var dataSet = DataSet()
            dataSet.set(.specificCharacterSet, .CS, terms)
            dataSet.append(DataElement(tag: .patientName, vr: .PN, value: .bytes(bytes[...])))
            return ComparedValue.text(of: [.patientName], in: dataSet, inherited: .defaultRepertoire)
        }
        #expect(name("ISO_IR 100", [0x4D, 0xFC]) == name("ISO_IR 192", Array("Mü".utf8)))
    }
}
