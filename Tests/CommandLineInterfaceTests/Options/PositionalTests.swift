import System
import Testing

@testable import CommandLineInterface

struct PositionalTests {
    struct Line: Sendable, CustomTestStringConvertible {
        let line: String
        let peer: String
        var files: [String] = []
        var called = "ANY-SCP"

        var testDescription: String { line }
    }

    static let lines: [Line] = [
        Line(line: "h", peer: "h:104"),
        Line(line: "h 1", peer: "h:1"),
        Line(line: "h 65535", peer: "h:65535"),
        Line(line: "--store h 1 a b", peer: "h:1", files: ["a", "b"]),
        // They win over options, and files over -i.
        Line(line: "-H x h 2", peer: "h:2"),
        Line(line: "-p 9 h", peer: "h:9"),
        Line(line: "-p 9 h 2", peer: "h:2"),
        Line(line: "--store -i z h 2 a", peer: "h:2", files: ["a"]),
        Line(line: "--store -i z h 2", peer: "h:2", files: ["z"]),
        // With both options, positionals are files.
        Line(line: "--store -H x -p 9 a b", peer: "x:9", files: ["a", "b"]),
        Line(line: "--store a -p 9 b -H x", peer: "x:9", files: ["a", "b"]),
        Line(line: "--store -H x:9 a b", peer: "x:9", files: ["a", "b"]),
        // Peers in one word.
        Line(line: "h:11112", peer: "h:11112"),
        Line(line: "--store h:11112 a", peer: "h:11112", files: ["a"]),
        Line(line: "-p 9 h:11112", peer: "h:11112"),
        Line(line: "PACS@h:11112", peer: "h:11112", called: "PACS"),
        Line(line: "PACS@h 11112", peer: "h:11112", called: "PACS"),
        Line(line: "PACS@h", peer: "h:104", called: "PACS"),
        Line(line: "A@B@h:1", peer: "h:1", called: "A@B"),
        Line(line: "--call PACS PACS@h:1", peer: "h:1", called: "PACS"),
        Line(line: "[::1]:11112", peer: "[::1]:11112"),
        Line(line: "[::1] 11112", peer: "[::1]:11112"),
        Line(line: "::1 11112", peer: "[::1]:11112"),
        Line(line: "::1", peer: "[::1]:104"),
        Line(line: "fe80::1%eth0 4242", peer: "[fe80::1%eth0]:4242"),
        Line(line: "--store P@[2001:db8::5]:4242 a", peer: "[2001:db8::5]:4242", files: ["a"], called: "P"),
    ]

    @Test(arguments: lines)
    func `host, port and files are told apart`(_ line: Line) throws {
        let invocation = try invocation(line.line)
        #expect(invocation.peer.description == line.peer)
        #expect(invocation.input.paths == line.files.map { FilePath($0) })
        #expect(invocation.calledAETitle.string == line.called)
    }

    static let firstWords: [(String, String, Operation)] = [
        ("find h 104 -k 10,10=A", "h:104", .find),
        ("-V find h:104", "h:104", .find),
        ("echo h", "h:104", .echo),
        ("store h 1 a", "h:1", .store),
        ("move h -k 20,d=1 --port-scp 9", "h:104", .move),
        ("get PACS@h:11112 -k 20,d=1", "h:11112", .get),
        ("worklist h", "h:104", .worklist),
        ("stgcmt h 1 a", "h:1", .storageCommitment),
        ("serve folder --port-scp 9", ":104", .serve),
        ("self-test", ":104", .selfTest),
        // With an operation as an option the word is a host, and -H reaches it in any case.
        ("--echo find", "find:104", .echo),
        ("find --store 1 a", "find:1", .store),
        ("--find store:7 -k 10,10=A", "store:7", .find),
        ("-H find", "find:104", .echo),
        ("find -H find -k 10,10=A", "find:104", .find),
        ("find:104", "find:104", .echo),
        ("Find", "Find:104", .echo),
    ]

    @Test(arguments: firstWords)
    func `the first word works like the option of its name`(
        _ line: String, _ peer: String, _ operation: Operation
    ) throws {
        let invocation = try invocation(line)
        #expect(invocation.operation == operation)
        #expect(invocation.peer.description == peer)
    }

    @Test func `a first word with a slip in it is told`() throws {
        #expect(try usageError("fnid @pacs1").hint == "did you mean find?")
        #expect(try usageError("stroe PACS@h:104 a.dcm").hint == "did you mean store?")
        #expect(try usageError("send h 104 a.dcm").hint == "did you mean store?")
        #expect(try usageError("query h:104").hint == "did you mean find?")
        #expect(try usageError("h:104 find").hint == "the operation comes first: dcmscu find HOST PORT")
        #expect(try usageError("pacs file").hint == nil)
        #expect(try usageError("--store stroe file").hint == nil)
    }

    @Test func `the folder of an archive may follow the first word`() throws {
        guard case .serve(let options) = try invocation("serve some/folder").request else {
            Issue.record("not an archive")
            return
        }
        #expect(options.directory == "some/folder")
        #expect(try usageError("serve").description == "serve needs a value; accepted: the path of a folder")
        #expect(try usageError("find").code == .missingHost)
    }

    struct Pair: Sendable, CustomTestStringConvertible {
        let line: String
        /// The peers, or the folders with a slash behind.
        let sides: [String]

        var testDescription: String { line }
    }

    static let pairs: [Pair] = [
        Pair(line: "--compare a:1 b:2", sides: ["a:1", "b:2"]),
        Pair(line: "compare a 1 b 2", sides: ["a:1", "b:2"]),
        Pair(line: "compare T@a 1 U@b", sides: ["a:1", "b:104"]),
        Pair(line: "compare a b:2", sides: ["a:104", "b:2"]),
        Pair(line: "compare a b:2 -p 9", sides: ["a:9", "b:2"]),
        Pair(line: "compare a 1 images", sides: ["a:1", "images/"]),
        Pair(line: "compare a images", sides: ["a:104", "images/"]),
        Pair(line: "compare images/ a 1", sides: ["images//", "a:1"]),
        Pair(line: "compare . a:1", sides: ["./", "a:1"]),
        Pair(line: "compare ./x@y:1 a:1", sides: ["./x@y:1/", "a:1"]),
        Pair(line: "compare http://a/dicom-web b:1", sides: ["a:80", "b:1"]),
        Pair(line: "compare -H a:1 b:2", sides: ["a:1", "b:2"]),
        Pair(line: "compare -H a:1 images", sides: ["a:1", "images/"]),
    ]

    @Test(arguments: pairs)
    func `two peers, or a folder in the place of one, are told apart`(_ pair: Pair) throws {
        guard case .performEach(let invocations) = try CommandLineParser().parse(words(pair.line)) else {
            Issue.record("not two peers")
            return
        }
        let sides = invocations.map { invocation in
            guard case .compare(let options) = invocation.request, let folder = options.folder else {
                return invocation.peer.description
            }
            return "\(folder.displayed)/"
        }
        #expect(sides == pair.sides)
    }

    @Test func `options of one kind of peer are for the one that is of it`() throws {
        let parsed = try CommandLineParser().parse(
            words("compare https://a/dicom-web b:1 --aetitle ME --tls-ca ca.pem --header X-A:1"))
        guard case .performEach(let pair) = parsed else {
            Issue.record("not two peers")
            return
        }
        #expect(pair.map { $0.connection.tls != nil } == [true, false])
        #expect(pair[1].callingAETitle.string == "ME")
        #expect(try usageError("compare https://a/x https://b/x --aetitle ME").option == "--aetitle")
        #expect(try usageError("compare a:1 b:1 --tls-ca ca.pem").option == "--tls-ca")
        #expect(try usageError("compare a:1 b:1 --header X-A:1").option == "--header")
    }

    @Test func `two peers are needed, and no more`() throws {
        #expect(try usageError("compare").code == .missingHost)
        #expect(try usageError("compare a:1").description.contains("needs two peers, and one is given"))
        #expect(try usageError("compare a:1 b:1 c:1").code == .unexpectedArgument)
        #expect(try usageError("compare a:1 b:1 c:1").problem == "--compare takes two peers, and c:1 is a third one")
        #expect(try usageError("copy a:1 b:1 U@c").problem == "--copy takes two peers, and U@c is a third one")
        #expect(try usageError("compare a:1 b:1 StudyDate=2026").hint?.contains("-k") == true)
        #expect(try usageError("compare a:1 b:1 --show mising").suggestion == "missing")
        for format in ["table", "html"] {
            let error = try usageError("compare a:1 b:1 --format \(format)")
            #expect(error.option == "--format")
            #expect(error.accepted == "text, jsonl, csv", "\(error)")
        }
        #expect(
            try usageError("compare a:1 b:1 --patient").hint == "--compare compares --study, --series or --image")
        #expect(try usageError("compare a:1 b:1 -k QueryRetrieveLevel=PATIENT").option == "--compare")
    }

    @Test(arguments: [
        "compare a:1 a:1", "compare A a:104", "compare T@a:1 T@a:1", "compare images/ ./images", "compare . ./",
        "compare https://a/x https://A/x", "copy a:1 a:1 -k PatientID=1", "compare -H a:1 a 1",
    ])
    func `one archive is not compared with itself, or copied to itself`(_ line: String) throws {
        let error = try usageError(line)
        #expect(error.code == .conflictingOptions)
        #expect(error.problem.hasPrefix("both peers of "), "\(error)")
    }

    @Test(arguments: [
        "compare T@a:1 U@a:1", "compare a:1 a:2", "compare https://a/x https://a/y", "compare images/ ../images",
        "compare a:80 http://a/x", "compare images/ /images", "copy T@a:1 U@a:1 -k PatientID=1",
        "compare localhost:1 127.0.0.1:1",
    ])
    func `two archives may share an address`(_ line: String) throws { _ = try invocation(line) }

    static let errors: [(String, UsageError.Code, String)] = [
        ("--echo", .missingHost, "HOST"),
        ("-p 104", .missingHost, "HOST"),
        ("h 0", .outOfRange, "PORT"),
        ("h 70000", .outOfRange, "PORT"),
        ("h -1", .unknownOption, "-1"),
        ("h port", .invalidValue, "PORT"),
        ("h:0", .outOfRange, "HOST"),
        ("h:70000", .outOfRange, "HOST"),
        ("h:", .invalidValue, "HOST"),
        ("h:port", .invalidValue, "HOST"),
        (":104", .invalidValue, "HOST"),
        ("@h", .unknownNode, "HOST"),
        ("@", .invalidValue, "HOST"),
        ("ABCDEFGHIJKLMNOPQ@h", .invalidValue, "HOST"),
        ("[::1", .invalidValue, "HOST"),
        ("[::1]x", .invalidValue, "HOST"),
        ("'a b' 104", .invalidValue, "HOST"),
        ("''", .invalidValue, "HOST"),
        ("http://h/ 104", .unexpectedArgument, "PORT"), ("http://h/?a 104", .invalidValue, "HOST"),
        ("-H ''", .invalidValue, "--hostname"),
        ("--echo h 104 file", .unexpectedArgument, "file"),
        ("--find h:104 file", .unexpectedArgument, "file"),
        ("-H h -p 104 file", .unexpectedArgument, "file"),
        ("--call A B@h", .conflictingOptions, "--call"),
        ("--store h 104", .missingInput, "FILE"),
        ("--stgcmt h 104", .missingInput, "FILE"),
    ]

    @Test(arguments: errors)
    func `what is no host, port or file is named`(_ line: String, _ code: UsageError.Code, _ option: String) throws {
        let error = try usageError(line)
        #expect(error.code == code)
        #expect(error.option == option)
        #expect(error.problem.contains(option) || code == .missingInput || code == .missingHost)
    }
}
