import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

/// The table of options that gdcmscu's scripts rely on, each in every way that getopt_long lets it be written.
struct ContractTests {
    /// One row: an option, a value it takes, and the rest of a command line that can use it.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        var short: Character?
        var value: String?
        /// The operation with what it needs besides.
        var with = ""
        /// What the row is for, once it is parsed.
        let check: @Sendable (Invocation) -> Bool

        var testDescription: String { "--\(name)" }
    }

    private static let move = "--move -k 10,20=A --port-scp 7"

    static let rows: [Row] = [
        Row(name: "hostname", short: "H", value: "other", with: "-p 9") { $0.peer.description == "other:9" },
        Row(name: "port", short: "p", value: "9") { $0.peer.port == 9 },
        Row(name: "aetitle", value: "ME") { $0.callingAETitle.string == "ME" },
        Row(name: "call", value: "YOU") { $0.calledAETitle.string == "YOU" },
        Row(name: "echo") { $0.operation == .echo },
        Row(name: "store", with: "-i f") { $0.operation == .store && $0.input.paths == ["f"] },
        Row(name: "find") { $0.operation == .find },
        Row(name: "move", with: "-k 10,20=A --port-scp 7") { $0.operation == .move },
        Row(name: "get", with: "-k 20,d=1.2") { $0.operation == .get },
        Row(name: "worklist") { $0.operation == .worklist && $0.query.informationModel == .modalityWorklist },
        Row(name: "stgcmt", with: "-i f") { $0.operation == .storageCommitment },
        Row(name: "input", short: "i", value: "f", with: "--store") { $0.input.paths == ["f"] },
        Row(name: "recursive", short: "r", with: "--store -i f") { $0.input.isRecursive },
        Row(name: "store-query", value: "q", with: "--find") { $0.query.storeQueryPath == "q" },
        Row(name: "patientroot", with: "--find") { $0.query.informationModel == .patientRoot },
        Row(name: "studyroot", with: "--find") { $0.query.informationModel == .studyRoot },
        Row(name: "psonly", with: "--find") { $0.query.informationModel == .patientStudyOnly },
        Row(name: "patient", with: "--find") { $0.query.level == .patient },
        Row(name: "study", with: "--find") { $0.query.level == .study },
        Row(name: "series", with: "--find") { $0.query.level == .series },
        Row(name: "image", with: "--find") { $0.query.level == .image },
        Row(name: "key", short: "k", value: "10,10=A*", with: "--find") { $0.query.keys.map(\.value) == ["A*"] },
        Row(name: "output", short: "o", value: "out", with: move) { $0.retrieve?.outputDirectory == "out" },
        Row(name: "port-scp", value: "8", with: "--move -k 10,20=A") { $0.connection.receiverPort == 8 },
        Row(name: "root-uid", value: "1.2.3") { $0.uidRoot == "1.2.3" },
        Row(name: "log-file", short: "L", value: "log") { $0.messages.logFile == "log" },
        Row(name: "error", short: "E") { $0.messages.verbosity == .error },
        Row(name: "warning", short: "W") { $0.messages.verbosity == .warning },
        Row(name: "verbose", short: "V") { $0.messages.verbosity == .verbose },
        Row(name: "debug", short: "D") { $0.messages.verbosity == .debug },
    ]

    /// The shortest prefix that no other option of gdcmscu's has.
    private static func abbreviation(of name: String) -> String {
        let theirs = OptionTable.all.filter { $0.traits.contains(.compatible) }.map(\.name.rawValue)
        for length in 1..<name.count {
            let prefix = String(name.prefix(length))
            if theirs.count(where: { $0.hasPrefix(prefix) }) == 1, theirs.contains(name) { return prefix }
        }
        return name
    }

    private static func forms(of row: Row) -> [[String]] {
        let short = abbreviation(of: row.name)
        guard let value = row.value else {
            return [["--\(row.name)"], ["--\(short)"]] + (row.short.map { [["-\($0)"], ["-\($0)\($0)"]] } ?? [])
        }
        var forms = [
            ["--\(row.name)", value], ["--\(row.name)=\(value)"], ["--\(short)", value], ["--\(short)=\(value)"],
        ]
        if let letter = row.short {
            forms += [["-\(letter)", value], ["-\(letter)\(value)"]]
        }
        return forms
    }

    @Test(arguments: rows)
    func `an option means the same however it is written and wherever it stands`(_ row: Row) throws {
        let rest = words(row.with)
        let host = row.name == "hostname" ? [] : ["h"]
        for form in Self.forms(of: row) {
            for line in [form + rest + host, host + form + rest, rest + host + form, rest + form + ["--"] + host] {
                guard case .perform(let invocation) = try CommandLineParser().parse(line) else {
                    Issue.record("\(line) asks for no operation")
                    continue
                }
                #expect(row.check(invocation), "\(line)")
            }
        }
    }

    @Test(arguments: rows.filter { $0.short != nil && $0.value == nil })
    func `a letter may stand in a cluster`(_ row: Row) throws {
        let letter = String(row.short ?? " ")
        guard row.name == "recursive" else {
            #expect(try invocation("-\(letter)Lfile h").messages.logFile == "file")
            return
        }
        let stored = try invocation("-V\(letter)if --store h")
        #expect(row.check(stored) && stored.input.paths == ["f"] && stored.messages.verbosity == .verbose)
    }

    @Test func `an option that takes no value refuses one`() throws {
        for row in Self.rows where row.value == nil {
            #expect(try usageError("h \(row.with) --\(row.name)=x").code == .unexpectedValue)
        }
    }

    @Test func `an option that takes a value misses it at the end of the line`() throws {
        for row in Self.rows where row.value != nil {
            #expect(try usageError("h \(row.with) --\(row.name)").code == .missingValue)
            if let short = row.short { #expect(try usageError("h \(row.with) -\(short)").code == .missingValue) }
        }
    }

    // MARK: Errors

    private static func badValues(_ value: OptionValue) -> [String] {
        switch value {
        case .choice: ["nonsense", ""]
        case .port: ["0", "65536", "-1", "x", "", "1.5", " 1"]
        case .integer, .integerOrAuto: ["x", "", "1.5", "99999999999999999999"]
        case .time: ["x", "", "-1", "nan", "inf", "1e3", "0x10", "5x", "30m1h", "5 s"]
        case .aeTitle: ["", "ABCDEFGHIJKLMNOPQ", "A\\B", "Ä", " "]
        case .uid: ["", "1.02", "x", "1..2", ".1", "1."]
        case .characterSet: ["", "klingon"]
        case .key: ["", "x", "10;20", "10", "10,", "zz,10"]
        case .host: [""]
        default: []
        }
    }

    /// Every error names the option, what was wrong with the value, and what is accepted.
    @Test func `every bad value of every option is named, with what is accepted`() throws {
        for option in OptionTable.all where !option.traits.contains(.hidden) {
            for value in Self.badValues(option.value) {
                var draft = OptionDraft(.find)
                let argument = OptionArgument(definition: option, text: value)
                let error = #expect(throws: UsageError.self, "\(option.option) \"\(value)\" is accepted") {
                    try option.apply(&draft, argument)
                }
                guard let error else { continue }
                #expect(error.accepted?.isEmpty == false, "\(error.description)")
                // gdcmscu's own words for a key.
                let isNamed = error.problem.contains(option.option) || error.problem.hasPrefix("Could not read Tag: ")
                #expect(isNamed, "\(error.description)")
            }
        }
    }

    @Test func `for every option that is one slip away something is proposed`() throws {
        for option in OptionTable.all where !option.traits.contains(.hidden) && option.name.rawValue.count > 4 {
            // The last two letters swapped.
            var letters = Array(option.name.rawValue)
            letters.swapAt(letters.count - 1, letters.count - 2)
            let slip = String(letters)
            guard slip != option.name.rawValue, OptionTable.candidates(forLong: slip).isEmpty else { continue }
            #expect(try usageError("h --\(slip)").hint?.hasPrefix("did you mean --") == true, "--\(slip)")
        }
    }

    // MARK: Whole runs

    private func run(_ line: String) throws -> (code: ExitCode, output: String, error: String) {
        let output = MemorySink()
        let error = MemorySink()
        let today = try #require(CalendarDate(year: 2024, month: 3, day: 1))
        let environment = Environment(
            standardOutput: output, standardError: error, today: today,
            randomBytes: { UIDGenerator.UUIDBytes(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) })
        let code = CommandLineInterface.run(arguments: words(line), in: environment)
        return (code, output.text, error.text)
    }

    @Test func `no arguments bring help on the standard error and the code for usage`() throws {
        let empty = try run("")
        #expect(empty.code == .usage && empty.output.isEmpty && empty.error == HelpText.short)
    }

    @Test func `help, version and the list of keys are results`() throws {
        for (line, text) in [
            ("-h", HelpText.short), ("--help=all", HelpText.text(.all)), ("-v", VersionText.text),
            ("--queryhelp --studyroot --series", QueryHelpText.text(model: .studyRoot, level: .series)),
        ] {
            let result = try run(line)
            #expect(result.code == .success && result.output == text && result.error.isEmpty, "\(line)")
        }
    }

    /// Nothing listens at port 1: an exit code for the network would show that something was sent.
    @Test func `a query that cannot be stored is an error before anything is sent`() throws {
        let result = try run("--find localhost 1 -k 10,20 --store-query /dev/null/query.dcm")
        #expect(result.code == .localFiles)
        #expect(result.error.contains("/dev/null/query.dcm"))
    }

    @Test func `what is wrong with a query is an error before anything is sent`() throws {
        for line in [
            "-k 10,20=A -k 10,20=B", "-k StudyDate=20241301", "-k 'StudyDate=tomorow'", "--strict -k 20,d=1.02",
            "--strict -k 8,60=ct",
            "-k 10,20 --charset klingon", "-k 10,20 --return Nonsense", "-k 10;20",
        ] {
            let result = try run("--find localhost 1 \(line)")
            #expect(result.code == .usage, "\(line): \(result.error)")
            #expect(result.output.isEmpty)
        }
    }
}
