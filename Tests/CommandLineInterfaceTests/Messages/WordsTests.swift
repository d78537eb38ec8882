import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import CommandLineInterface
@testable import DICOMNode
@testable import System

/// Words that a person acts on: each is true, is said once, and names what helps.
struct WordsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let line: String
        let says: [String]
        var saysNot: [String] = []

        var testDescription: String { line }
    }

    /// Mistakes that are found before anything is sent.
    static let mistakes: [Row] = [
        // An operation that there is not.
        Row(
            line: "retrieve @pacs -k id=10001", says: ["no such operation: retrieve", "did you mean get?"],
            saysNot: ["--echo"]),
        Row(line: "c-move PACS@h:104 -k id=1 --to @b", says: ["no such operation: c-move", "did you mean move?"]),
        Row(line: "qr @pacs", says: ["no such operation: qr", "did you mean find?"], saysNot: ["PORT"]),
        Row(
            line: "diff @a @b", says: ["no such operation: diff", "did you mean compare?"],
            saysNot: ["PORT"]),
        Row(
            line: "frobnicate h 104", says: ["no such operation: frobnicate; accepted: echo, store"], saysNot: ["hint"]),
        Row(line: "h 104 -k id=1", says: ["--key does not apply to --echo, which is done where no operation is named"]),
        Row(line: "h:104 get -k id=1", says: ["hint: the operation comes first: dcmscu get HOST PORT"]),
        Row(line: "echo h 104 -k id=1", says: ["--key does not apply to --echo;"]),
        // What there is not.
        Row(line: "get h 104 -k id=1 --bandwidth 5M", says: ["did you mean --max-rate?"]),
        Row(line: "compare h:104 -k id=1", says: ["--compare needs two peers, and one is given", "or a folder"]),
        // Words without their key.
        Row(
            line: "get h 104 1.2.826.0.1.3680043",
            says: ["hint: a UID needs its key: --key StudyInstanceUID=1.2.826.0.1.3680043"]),
        Row(line: "find h 104 Alvarez*", says: ["hint: what is looked for is a key: --key PatientName='Alvarez*'"]),
        Row(line: "find h 104 -k 1.2.3", says: ["Could not read Tag: 1.2.3", "hint: a UID needs its key"]),
        Row(line: "find h 104 -k PatientID 1.2.3", says: ["hint: the value of a key follows an equals sign"]),
        // Ranges that end before they begin.
        Row(line: "find h 104 -k date=today..yesterday", says: ["StudyDate", "the range ends before it begins"]),
        Row(line: "get h 104 -k date=20261130-20261101", says: ["StudyDate (0008,0020)=20261130-20261101"]),
        Row(line: "find h 104 -k time=22:00..06:00", says: ["StudyTime", "a night is two queries"]),
        Row(
            line: "find h 104 -k birthdate=2000..1990", says: ["PatientBirthDate", "the range ends before it begins"],
            saysNot: ["2000"]),
        // The option that was typed.
        Row(
            line: "worklist h 104 --date heute", says: ["--date heute: not a date"], saysNot: ["ScheduledProcedureStep"]
        ),
        // Names of columns and sets.
        Row(line: "find h 104 --return images", says: ["did you mean image?"], saysNot: ["ImageID"]),
        Row(line: "get h 104 -k id=1 --name {id}.dcm", says: ["did you mean {PatientID}?"]),
        Row(line: "get h 104 -k id=1 --name {PatientNam}.dcm", says: ["did you mean {PatientName}?"]),
        // The destination.
        Row(
            line: "move h 104 -k id=1 --destination WS2",
            says: ["did you mean --to @NODE, or --move-destination AETITLE?"]),
        // Topics that are explained elsewhere.
        Row(line: "help keys", says: ["hint: the keys of a level: dcmscu --queryhelp"]),
        Row(line: "help tls", says: ["hint: dcmscu --help all shows every option"]),
        Row(line: "help retrieve", says: ["hint: did you mean get?"]),
        Row(line: "help exit", says: ["hint: the exit codes are at the end of dcmscu --help"]),
    ]

    @Test(arguments: mistakes) func `a mistake is told with what was typed and what helps`(_ row: Row) {
        let result = CommandResult(words(row.line))
        #expect(result.exitCode == .usage, "\(result.messages)")
        for text in row.says { #expect(result.messages.contains(text), "\(text): \(result.messages)") }
        for text in row.saysNot { #expect(!result.messages.contains(text), "\(text): \(result.messages)") }
    }

    @Test(arguments: ["date=2026-01..2026", "date=20260101-20260101", "time=08:00..08", "8,2a=2026-2026"])
    func `a range that ends in the period of its beginning is one`(_ key: String) throws {
        let builder = QueryBuilder(model: .studyRoot, level: .study, characterSet: "ISO_IR 6", today: .epoch)
        _ = try builder.dataSet(keys: [try QueryKeyParser.parse(key)])
    }

    @Test func `a range of times may reach into the next day where it is one with the range of dates`() throws {
        let night = try ["date=20260101-20260102", "time=2200-0600"].map { try QueryKeyParser.parse($0) }
        for combines in [true, false] {
            let builder = QueryBuilder(
                model: .studyRoot, level: .study, characterSet: "ISO_IR 6", today: .epoch, combinesDateAndTime: combines
            )
            let query = try? builder.dataSet(keys: night)
            #expect((query != nil) == combines)
        }
        let builder = QueryBuilder(
            model: .studyRoot, level: .study, characterSet: "ISO_IR 6", today: .epoch, combinesDateAndTime: true)
        #expect(throws: UsageError.self) { try builder.dataSet(keys: [night[1]]) }
    }

    @Test func `the headings of tables are names of attributes`() throws {
        func sorted(_ line: String) throws -> Tag? { try invocation(line).query.sortKeys.first?.attribute.tag }
        #expect(try sorted("find h --sort Images") == .numberOfStudyRelatedInstances)
        #expect(try sorted("find h --sort -images") == .numberOfStudyRelatedInstances)
        #expect(try sorted("find h --series --sort Images") == .numberOfSeriesRelatedInstances)
        #expect(try sorted("find h --patient --sort Studies") == .numberOfPatientRelatedStudies)
        #expect(try sorted("find h --sort Date") == .studyDate)
        let line = "find h --series -k 20,d=1 --columns 'Body Part,Number' --sort Number"
        #expect(try invocation(line).find.columns.map(\.tag) == [.bodyPartExamined, .seriesNumber])
    }

    @Test func `a column is the same in all matches only if its attribute has one value`() throws {
        #expect(try QueryKeyParser.parse("PatientID=A").isOneValue)
        #expect(try !QueryKeyParser.parse("ModalitiesInStudy=CT").isOneValue)
    }

    // MARK: No match

    private func causes(_ line: String, ungranted: QueryNegotiation = []) throws -> String {
        try invocation(line + " --limit 9").query.likelyMistakes(ungranted: ungranted).joined(separator: "; ")
    }

    @Test func `a query without matches names the likeliest cause alone`() throws {
        let level = try causes("find h -k accession=A1 -k SeriesNumber=2")
        #expect(level == "SeriesNumber is not a key of the STUDY level")
        #expect(
            try causes("find h --patient -k id=1 -k study=1.2") == "StudyInstanceUID is not a key of the PATIENT level")
        #expect(try causes("worklist h -k Modality=CT").isEmpty)
        #expect(try causes("find h -k id=10001,10002").hasPrefix("a comma is a part of the value of PatientID"))
        #expect(try !causes("find h -k id=10001,10002").contains("must be the whole one"))
        #expect(try causes("find h -k name=adam*") == "with some servers case counts in names, too (PatientName)")
        #expect(try causes("find h -k name=ADAM*").isEmpty)
        let empty = "find h -k 'accession=\"\"'"
        #expect(try causes(empty).isEmpty)
        #expect(try causes(empty, ungranted: .emptyValues).hasPrefix("the server does not match empty values"))
        #expect(!Hint.noMatch([]).text.contains("except in names"))
    }

    @Test func `a comma in a code is told with what stands between values`() throws {
        let line = "find 127.0.0.1 \(closedPort) -k modalities=CT,MR"
        #expect(CommandResult(words(line)).messages.contains("several values have a backslash between them"))
    }

    // MARK: Hints

    private static func server(passedTotalLimit: Double? = nil, retries: Int = 0, hasKeys: Bool = true) -> CalledServer
    {
        CalledServer(
            endpoint: Endpoint(host: "pacs", port: 104), calledAETitle: AETitle(wire: "PACS".utf8),
            callingAETitle: AETitle(wire: "ME".utf8), service: .find, usesTLS: false, hasCertificate: false,
            receiverPort: nil, passedTotalLimit: passedTotalLimit, retries: retries, mayRetry: true, hasKeys: hasKeys)
    }

    @Test func `a run without time left accuses neither network nor names`() {
        let late = Self.server(passedTotalLimit: 1.5)
        let message = Message(AssociationError.unreachable(.timedOut(.start)), calling: late)
        #expect(
            message.line
                == "PACS@pacs:104: not called, as the time limit of the run has passed: the run may last 1.5 s (--total-timeout)"
        )
        #expect(message.hint == Hint.runTooShort.text)
        #expect(message.cause == .timeLimit)
        let connecting = Message(AssociationError.unreachable(.timedOut(.connect)), calling: late)
        #expect(connecting.hint?.contains("--total-timeout sets the time to wait") == true)
        #expect(Message(AssociationError.timedOut(waitingFor: .message), calling: late).hint == Hint.runTooShort.text)
        let lookup = Message(AssociationError.unreachable(.timedOut(.lookup)), calling: Self.server())
        #expect(lookup.hint == Hint.nameServersSilent.text)
    }

    @Test func `a list that our own limit has ended is not blamed on the server`() throws {
        let peer = try ScriptedPeer([ScriptedServer.accepts + [.hearAll]])
        defer { peer.stop() }
        let folder = try TestFolder()
        let result = CommandResult(
            words("--get -k 20,d=1.2.3 --total-timeout 0.5 -o \(folder["out"]) -H 127.0.0.1 -p \(peer.port)"))
        #expect(result.exitCode == .timeLimit, "\(result.messages)")
        #expect(!result.messages.contains("there is no list"), "\(result.messages)")
        #expect(result.messages.contains("the run may last 0.5 s (--total-timeout)"), "\(result.messages)")
    }

    @Test func `an abort is blamed on keys only where there are any`() {
        func hint(_ hasKeys: Bool) -> String? {
            Message(
                AssociationError.abortedByPeer(Abort(source: .serviceUser, reason: .notSpecified)),
                calling: Self.server(hasKeys: hasKeys)
            ).hint
        }
        #expect(hint(true)?.contains("try fewer keys") == true)
        #expect(hint(false)?.contains("key") == false)
        #expect(hint(false)?.contains("an AE title may not be used for C-FIND: ours is \"ME\"") == true)
    }

    @Test func `a server that is busy is a reason for retries, unless there were some`() {
        func hint(_ retries: Int) -> String? {
            Message(AssociationError.rejected(.localLimitExceeded), calling: Self.server(retries: retries)).hint
        }
        #expect(hint(0)?.contains("--retries N") == true)
        #expect(hint(3)?.contains("--retries") == false)
    }

    @Test func `a file that was renamed is told with the number in its name`() {
        let sink = MemorySink()
        let outcome = RunOutcome(diagnostics: Diagnostics(sink: sink))
        outcome.reportWritten("out/1.2-image-3.dcm", .renamed)
        #expect(
            sink.text.contains(
                "out/1.2-image-3.dcm: saved with -3 at the end of its name: a file with different content"))
    }

    @Test func `many files that were renamed are counted`() {
        let sink = MemorySink()
        let outcome = RunOutcome(diagnostics: Diagnostics(sink: sink))
        for number in 1...20 { outcome.reportWritten(FilePath("a-\(number)"), .renamed) }
        outcome.finish(.get, peer: "PACS")
        #expect(sink.text.split(separator: "\n").count == 6, "\(sink.text)")
        #expect(sink.text.contains("warning: 20 files saved under other names"), "\(sink.text)")
    }

    @Test func `a file that is no DICOM is told with what was looked for`() throws {
        let folder = try TestFolder()
        try folder.write("just some text, longer than a preamble would be", to: "notes.txt")
        let result = CommandResult(["--store", "127.0.0.1", "\(closedPort)", folder["notes.txt"]])
        #expect(result.messages.contains("notes.txt: not DICOM: neither a header"), "\(result.messages)")
        #expect(result.messages.contains("hint: if it is a data set without a header"), "\(result.messages)")
    }

    // MARK: Outcomes

    @Test func `what goes to a third party is sent and not received`() {
        var identifier = DataSet()
        identifier.set(.studyInstanceUID, .UI, "1.2")
        var outcome = TargetOutcome(target: RetrievalTarget(identifier: identifier, level: .study))
        (outcome.listed, outcome.sent, outcome.destination) = (8, 8, "WS2")
        #expect(outcome.summary == "study 1.2: 8 of 8 sent to WS2")
        outcome.sent = nil
        #expect(outcome.summary == "study 1.2: an unknown number sent to WS2")
    }

    @Test func `who reads the failures of an attempt learns that the next one was good`() throws {
        let folder = try TestFolder()
        let archive = try TestArchive(faults: ["retrieve-failure=3"], holdsImages: true)
        let result = CommandResult(
            ["--get"] + archive.peer + ["-k", "PatientID=SELFTEST-1", "-o", folder["out"], "-q"])
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == 8)
        #expect(result.messages.contains("sub-operation"), "\(result.messages)")
        #expect(result.messages.contains("times, and now complete: "), "\(result.messages)")
        #expect(result.messages.contains("8 of 8 received"), "\(result.messages)")
    }

    @Test func `modalities that the series tell are no warning`() throws {
        let archive = try TestArchive(faults: ["ignore-key=ModalitiesInStudy"], holdsImages: true)
        let line = ["--find"] + archive.peer + ["-k", "ModalitiesInStudy=MR", "-k", "PatientID"]
        let result = CommandResult(line)
        #expect(result.messages.contains("note: "), "\(result.messages)")
        #expect(!result.messages.contains("warning: "), "\(result.messages)")
        #expect(!result.messages.contains("hint: "), "\(result.messages)")
        #expect(CommandResult(line + ["-q"]).messages.isEmpty)
        #expect(!Hint.ignoredKey(isOfModalities: false).text.contains("--series"))
        #expect(Hint.ignoredKey(isOfModalities: true).text.contains("--series"))
    }

    @Test(arguments: [
        ("^", true), ("Yamada^Tarou=^=^", true), ("Muster^Karla", false), ("", false),
        ("Muster^Karla=^^^^=^^^^", false),
        ("Muster^^^^", false),
    ])
    func `names without a letter are told where the set of the match lacks letters`(_ name: String, _ isTold: Bool) {
        var match = DataSet()
        match.set(.specificCharacterSet, .CS, "ISO_IR 100")
        match.set(.patientName, .PN, name)
        var text = MatchText(FindOptions())
        text.count(match)
        let problems = text.problems(of: "PACS")
        #expect(problems.count == (isTold ? 1 : 0))
        #expect(problems.allSatisfy { $0.line.contains("without any letter: the server returns them in ISO_IR 100") })
        var complete = MatchText(FindOptions())
        match.set(.specificCharacterSet, .CS, "ISO_IR 192")
        complete.count(match)
        #expect(complete.problems(of: "PACS").isEmpty)
    }

    @Test func `a list that is refused for a key of a lower level names the key`() throws {
        let refused = ScriptedServer.accepts + [ScriptedServer.answers(.identifierDoesNotMatchSOPClass)]
        let peer = try ScriptedPeer([refused])
        defer { peer.stop() }
        let folder = try TestFolder()
        let result = CommandResult(
            words("--get -k PatientID=A* -k Modality=MR --timeout 20 -o \(folder["out"]) -H 127.0.0.1 -p \(peer.port)"))
        #expect(!result.messages.contains("information model"), "\(result.messages)")
        #expect(result.messages.contains("Modality"), "\(result.messages)")
    }

    @Test func `a plan of instances has no number of instances`() throws {
        let archive = try TestArchive(holdsImages: true)
        func header(_ line: String) -> String? {
            CommandResult(["--get"] + archive.peer + words(line) + ["--dry-run"]).lines.first
        }
        #expect(header("-k PatientID=SELFTEST-1")?.hasSuffix(",NumberOfStudyRelatedInstances") == true)
        #expect(header("--series -k PatientID=SELFTEST-1")?.hasSuffix(",NumberOfSeriesRelatedInstances") == true)
        #expect(header("--image -k PatientID=SELFTEST-1")?.hasSuffix("SOPInstanceUID") == true)
    }

    @Test func `a caller's proposal is told by its transfer syntaxes`() {
        let native = [TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid]
        let classes = UIDRegistry.storageSOPClasses.sorted { $0.string < $1.string }.prefix(20)
        var contexts = classes.enumerated().map { index, sopClass in
            PresentationContextProposal(id: UInt8(index * 2 + 1), abstractSyntax: sopClass, transferSyntaxes: native)
        }
        contexts.append(
            PresentationContextProposal(id: 101, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: [native[1]]))
        let lines = AssociationDetail.summary(
            AssociateRequest(
                calledAETitle: AETitle(wire: "A".utf8), callingAETitle: AETitle(wire: "B".utf8),
                presentationContexts: contexts, userInformation: UserInformation()))
        #expect(lines.count == 2, "\(lines)")
        #expect(lines[0].contains(" and 14 more in Explicit VR Little Endian, Implicit VR Little Endian"), "\(lines)")
        #expect(lines[1] == "Verification SOP Class in Implicit VR Little Endian", "\(lines)")
    }
}
