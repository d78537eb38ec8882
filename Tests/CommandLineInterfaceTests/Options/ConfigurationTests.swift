import DICOMNode
import System
import Testing

@testable import CommandLineInterface

import let Glibc.ENOENT

struct ConfigurationTests {
    private static let text = """
        {
          "defaults": {
            "aetitle": "STATION", "timeout": 60, "verbose": true,
            "key": ["PatientID", "StudyDate"],
            "find": { "format": "jsonl", "timeout": 5 },
            "patientroot": true
          },
          "nodes": {
            "pacs1": { "host": "pacs.example.org", "port": 11112, "called": "ARCHIVE", "connect-timeout": 2.5 },
            "secure": {
              "host": "::1", "port": 2762, "calling": "OTHER", "tls": true,
              "tls-key-password": "env:KEY_PASSWORD"
            },
            "plain": { "host": "h", "timeout": 7, "verbose": false }
          }
        }
        """

    private static func file(_ text: String, variables: [String: String] = ["DCMSCU_CONFIG": "c.json"])
        -> ConfigurationFile
    {
        ConfigurationFile(
            variable: { variables[$0] },
            readFile: { path throws(FileReadError) in
                guard path == "c.json" || path == "/home/u/.config/dcmscu/config.json" else {
                    throw .system(SystemError(errno: ENOENT, operation: "open", path: path))
                }
                return Array(text.utf8)
            })
    }

    private static func parse(_ line: String, _ text: String = text) throws -> ParsedCommandLine {
        try CommandLineParser(configurationFile: file(text)).parse(words(line))
    }

    private static func invocation(_ line: String) throws -> Invocation {
        guard case .perform(let invocation) = try parse(line) else {
            Issue.record("\(line) asks for no operation")
            throw UsageError(.noArguments, option: "", problem: "no operation")
        }
        return invocation
    }

    @Test func `each of two nodes has its own settings`() throws {
        guard case .performEach(let pair) = try Self.parse("--compare @pacs1 @secure -k date=2026 --series") else {
            Issue.record("not two peers")
            return
        }
        #expect(pair.map(\.peer.port) == [11112, 2762])
        #expect(pair.map { $0.connection.tls != nil } == [false, true])
        #expect(pair.map(\.callingAETitle.string) == ["STATION", "OTHER"])
        #expect(try Self.parse("compare @pacs1 images") != Self.parse("compare images @pacs1"))
        #expect(throws: UsageError.self) { try Self.parse("compare @pacs1 @other") }
    }

    @Test func `a node has host, port, titles and limits`() throws {
        let invocation = try Self.invocation("--echo @pacs1")
        #expect(invocation.peer == Endpoint(host: "pacs.example.org", port: 11112))
        #expect(invocation.calledAETitle.string == "ARCHIVE")
        #expect(invocation.callingAETitle.string == "STATION")
        #expect(invocation.connection.connectTimeout == 2.5)
        #expect(invocation.connection.inactivityTimeout == 60)
        #expect(invocation.messages.verbosity == .verbose)
    }

    @Test func `a node may be given by --hostname too, and files follow it`() throws {
        #expect(try Self.invocation("-H @pacs1").peer.port == 11112)
        let store = try Self.invocation("--store @pacs1 a b")
        #expect(store.input.paths == ["a", "b"])
        #expect(store.peer.host == "pacs.example.org")
    }

    @Test func `a node has what secures the connection`() throws {
        let invocation = try Self.invocation("--echo @secure")
        #expect(invocation.connection.tls != nil)
        #expect(invocation.callingAETitle.string == "OTHER")
        #expect(invocation.peer.description == "[::1]:2762")
    }

    @Test(
        arguments: [
            ("--move h -k 20,d=1", true), ("--stgcmt h -i f", true), ("--stgcmt --listen --transaction t", true),
            ("--store h -i f --verify commit", true), ("--get h -k 20,d=1 --or-move", true), ("--serve d", true),
            ("--store h -i f", false), ("--get h -k 20,d=1", false), ("--find h", false),
        ])
    func `callers are asked for a certificate, and named, wherever a receiver listens`(_ line: String, _ listens: Bool)
        throws
    {
        let secured = "\(line) --port-scp 7 --tls --tls-cert c --tls-client-cert required"
        guard listens else {
            #expect(throws: UsageError.self) { try Self.parse(secured) }
            return
        }
        #expect(try Self.invocation(secured).connection.tls?.configuration.clientCertificate == .required)
        guard !line.hasPrefix("--serve") else { return }
        let titles = try Self.invocation("\(line) --port-scp 7 --accept-from A --accept-from B").connection
            .acceptedCallers
        #expect(titles.map(\.string) == ["A", "B"])
    }

    @Test func `the command line wins over node and defaults, the node over defaults`() throws {
        let typed = try Self.invocation("--echo @pacs1 --call X -p 5 --aetitle Y --connect-timeout 9 -E")
        #expect(typed.calledAETitle.string == "X")
        #expect(typed.callingAETitle.string == "Y")
        #expect(typed.peer.port == 5)
        #expect(typed.connection.connectTimeout == 9)
        #expect(typed.messages.verbosity == .error)
        let node = try Self.invocation("--echo @plain")
        #expect(node.connection.inactivityTimeout == 7)
        #expect(node.messages.verbosity == .note)
        #expect(node.peer.port == 104)
    }

    @Test func `a node may say that its load is found out, which --copy passes over`() throws {
        let text = """
            { "nodes": { "far": { "host": "h", "jobs": "auto", "window": "auto" } } }
            """
        func invocation(_ line: String) throws -> Invocation? {
            guard case .perform(let invocation) = try Self.parse(line, text) else { return nil }
            return invocation
        }
        let store = try #require(try invocation("--store @far a")).store
        #expect(store.jobs == .automatic && store.window == .automatic)
        let mixed = try #require(try invocation("--store @far a --jobs 3")).store
        #expect(mixed.jobs == .fixed(3) && mixed.window == .automatic)
        let get = try #require(try invocation("--get @far -k StudyInstanceUID=1.2"))
        guard case .retrieve(let options) = get.request else {
            Issue.record("no retrieval")
            return
        }
        #expect(options.jobs == .automatic)
        let copy = try #require(try invocation("--copy @far i 2 -k StudyInstanceUID=1.2"))
        guard case .copy(let copied) = copy.request else {
            Issue.record("no copy")
            return
        }
        #expect(copied.retrieve.jobs == .fixed(1) && copied.store.jobs == .fixed(1))
    }

    @Test func `defaults of an operation hold for it alone`() throws {
        #expect(try Self.invocation("--find h").find.format == .jsonl)
        #expect(try Self.invocation("--find h").connection.inactivityTimeout == 5)
        #expect(try Self.invocation("--find h --format text").find.format == .text)
        #expect(try !Self.invocation("--echo h").messages.writesEvents)
        #expect(try Self.invocation("--find h").query.keys.count == 2)
        #expect(try Self.invocation("--find h -k Modality").query.keys.count == 1)
    }

    @Test func `an answer to the same question on the command line sets a default aside`() throws {
        #expect(try Self.invocation("--find h").query.informationModel == .patientRoot)
        #expect(try Self.invocation("--find h --studyroot").query.informationModel == .studyRoot)
        #expect(try Self.invocation("--echo TITLE@h:1").calledAETitle.string == "TITLE")
    }

    @Test func `an echo takes several peers`() throws {
        guard case .performEach(let invocations) = try Self.parse("--echo @pacs1 h:1 A@b:2 c 3 @plain") else {
            Issue.record("not several")
            return
        }
        #expect(invocations.map(\.peer.description) == ["pacs.example.org:11112", "h:1", "b:2", "c:3", "h:104"])
        #expect(invocations.map(\.calledAETitle.string) == ["ARCHIVE", "ANY-SCP", "A", "ANY-SCP", "ANY-SCP"])
    }

    static let errors: [(String, String, String?)] = [
        (
            "{\n \"nodes\": {\n  \"p\": { \"host\": \"h\",\n \"prot\": 1 } } }", "c.json line 4: unknown key \"prot\"",
            "did you mean port?"
        ),
        ("{\n \"defaults\":\n 5 }", "c.json line 3: \"defaults\" is a number", nil),
        ("{ \"nods\": {} }", "c.json line 1: unknown key \"nods\"", "did you mean nodes?"),
        ("{\n\"defaults\": {\n \"port\": 70000 } }", "c.json line 3: --port 70000: out of range", nil),
        (
            "{\"defaults\": {\n \"find\": { \"input\": \"a\" } } }",
            "c.json line 2: \"input\" does not apply to --find", nil
        ),
        ("{\"defaults\": { \"find\": true } }", "c.json line 1: \"find\" is true or false", nil),
        (
            "{\"defaults\": { \"echo\": {\n \"version\": true } } }",
            "c.json line 2: \"version\" cannot be set in a configuration file", nil
        ),
        ("{\"defaults\": { \"verbose\": 1 } }", "c.json line 1: \"verbose\" is a number", nil),
        ("{\"defaults\": { \"timeout\": [1] } }", "c.json line 1: \"timeout\" is an array", nil),
        ("{\"nodes\": {\n\"p\": {\"port\": 1} } }", "c.json line 2: node \"p\" has no \"host\" and no \"url\"", nil),
        ("{\"nodes\": {\n\"a b\": {\"host\": \"h\"} } }", "c.json line 2: \"a b\" cannot be the name of a node", nil),
        (
            "{\"nodes\": {\n\"a\": {\"host\": \"h\", \"hostname\": \"i\"} } }",
            "c.json line 2: \"hostname\" names --hostname a second time", nil
        ),
        ("{\n\n \"nodes\": {},\n}", "c.json line 4:", nil),
        ("{ \"defaults\": { \"port\": 1, \"port\": 2 } }", "c.json line 1: the key \"port\" is there twice", nil),
    ]

    @Test(arguments: errors)
    func `a wrong key or value is an error with its line`(_ text: String, _ problem: String, _ hint: String?) throws {
        let error = try #require(throws: UsageError.self) { _ = try Self.parse("--find @p", text) }
        #expect(error.description.hasPrefix(problem), "\(error.description)")
        #expect(error.hint == hint)
    }

    @Test func `a node that does not exist is named, with those there are`() throws {
        let error = try #require(throws: UsageError.self) { _ = try Self.parse("--echo @pacs2") }
        #expect(error.code == .unknownNode)
        #expect(error.description == "HOST @pacs2: no such node in c.json; accepted: @pacs1, @secure, @plain")
        #expect(error.hint == "did you mean @pacs1?")
    }

    @Test func `all nodes can be asked, after the peers that are given`() throws {
        guard case .performEach(let invocations) = try Self.parse("--echo h:1 --nodes") else {
            Issue.record("not several")
            return
        }
        #expect(invocations.map(\.peer.description) == ["h:1", "pacs.example.org:11112", "[::1]:2762", "h:104"])
        let error = try #require(throws: UsageError.self) { _ = try Self.parse("--echo --nodes", "{}") }
        #expect(error.description == "--nodes: no nodes in c.json")
        #expect(throws: UsageError.self) { _ = try Self.parse("--find @pacs1 --nodes") }
    }

    @Test func `the destination of a move may be a node`() throws {
        let move = try Self.invocation("--move @plain -k 20,d=1 --to @pacs1")
        #expect(move.retrieve?.moveDestination.string == "ARCHIVE")
        #expect(move.retrieve?.receivesMovedInstances == false)
        #expect(try Self.invocation("--move @plain -k 20,d=1 --to OTHER").retrieve?.moveDestination.string == "OTHER")
        let error = try #require(throws: UsageError.self) { _ = try Self.parse("--move @pacs1 -k 20,d=1 --to @plain") }
        #expect(
            error.description == "--to @plain: the node has no AE title in c.json; accepted: a node with \"called\"")
        let unknown = try #require(throws: UsageError.self) {
            _ = try Self.parse("--move @pacs1 -k 20,d=1 --to @pacs2")
        }
        #expect(unknown.hint == "did you mean @pacs1?")
        let both = try #require(throws: UsageError.self) {
            _ = try Self.parse("--move @plain -k 20,d=1 --to @pacs1 --move-destination OTHER")
        }
        #expect(both.code == .conflictingOptions)
    }

    @Test func `the destination that is typed wins over that of the configuration`() throws {
        let text = """
            {"defaults": {"to": "@a"}, "nodes": {"a": {"host": "h", "called": "A"}, "b": {"host": "h", "called": "B"}}}
            """
        for (option, title) in [("", "A"), (" --to @b", "B"), (" --move-destination C", "C")] {
            guard case .perform(let move) = try Self.parse("--move @b -k 20,d=1" + option, text) else { continue }
            #expect(move.retrieve?.moveDestination.string == title)
        }
    }

    @Test func `a host that is named as a node is known for the hint`() throws {
        #expect(try Self.invocation("--echo pacs1").connection.isHostNamedAsNode)
        #expect(try Self.invocation("--echo pacs1").peer.host == "pacs1")
        #expect(try !Self.invocation("--echo other").connection.isHostNamedAsNode)
    }

    @Test func `nodes are shown whole`() throws {
        guard case .text(let text) = try Self.parse("--show-config") else { return }
        #expect(
            text.contains(
                """
                node: @pacs1 (line 9)
                  hostname         pacs.example.org
                  port             11112
                  call             ARCHIVE
                  connect-timeout  2.5
                node: @secure (line 10)
                """))
        #expect(text.contains("  tls               on\n"))
        #expect(text.contains("  verbose   off\n"))
    }

    @Test func `a named file must be there, the standard one need not`() throws {
        let parser = CommandLineParser(configurationFile: Self.file("", variables: ["HOME": "/home/v"]))
        #expect(throws: Never.self) { _ = try parser.parse(["h"]) }
        let error = #expect(throws: UsageError.self) { _ = try parser.parse(["h", "--config", "x.json"]) }
        #expect(error?.description == "--config x.json: no such file or directory")
        let home = CommandLineParser(
            configurationFile: Self.file("{\"defaults\": {\"port\": 9}}", variables: ["HOME": "/home/u"]))
        guard case .perform(let invocation) = try home.parse(["h"]) else { return }
        #expect(invocation.peer.port == 9)
    }

    @Test func `help needs no configuration that is good`() throws {
        #expect(try Self.parse("--help", "{") == .help(.short))
        #expect(try Self.parse("--version", "{") == .version)
    }

    @Test func `what is in force is shown with where it came from`() throws {
        guard case .text(let text) = try Self.parse("--find @pacs1 --call X --show-config") else {
            Issue.record("not shown")
            return
        }
        func line(_ option: String) -> [Substring] {
            text.split(separator: "\n").first { $0.hasPrefix(option + " ") }?.split(separator: " ", maxSplits: 2) ?? []
        }
        #expect(text.hasPrefix("configuration: c.json\noperation: --find\npeer: @pacs1, pacs.example.org:11112\n"))
        #expect(line("--call").dropFirst().joined(separator: " ").hasSuffix("command line"))
        #expect(line("--timeout").dropFirst() == ["5", line("--timeout")[2]])
        #expect(line("--timeout")[2].hasSuffix("defaults of find, line 5"))
        #expect(line("--aetitle")[2].hasSuffix("defaults, line 3"))
        #expect(line("--connect-timeout")[2].hasSuffix("node pacs1, line 9"))
        #expect(line("--limit").last?.hasSuffix("built in") == true)
        #expect(line("--echo").isEmpty)
        guard case .text(let typed) = try Self.parse("TITLE@h:7 --show-config") else { return }
        for (option, value) in [("--hostname", "h"), ("--port", "7"), ("--call", "TITLE")] {
            let row = typed.split(separator: "\n").first { $0.hasPrefix(option + " ") }
            #expect(row?.contains(" \(value) ") == true && row?.hasSuffix("command line") == true, "\(row ?? "")")
        }
    }
}
