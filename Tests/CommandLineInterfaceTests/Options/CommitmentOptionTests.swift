import Testing

@testable import CommandLineInterface

struct CommitmentOptionTests {
    @Test func `the options of storage commitment arrive`() throws {
        let plain = try invocation("--stgcmt h 104 a")
        #expect(plain.commit.commitment == CommitmentOptions())
        #expect(plain.commit.commitment.maximumReferences == 500)
        #expect(plain.commit.commitment.resultWait == 60)
        let full = try invocation(
            "--stgcmt h 104 a --transaction open.jsonl --max-references 20 --per series --wait 1.5 --output reports")
        #expect(full.commit.commitment.transactionFile == "open.jsonl")
        #expect(full.commit.commitment.maximumReferences == 20)
        #expect(full.commit.commitment.grouping == .series)
        #expect(full.commit.commitment.reportDirectory == "reports")
        #expect(full.commit.commitment.resultWait == 1.5)
    }

    @Test func `listening needs neither host nor files`() throws {
        let listening = try invocation("--stgcmt --listen --transaction open.jsonl --port-scp 104")
        #expect(listening.commit.commitment.isListening)
        #expect(listening.input.paths.isEmpty)
    }

    @Test(
        arguments: [
            ("--stgcmt --listen --port-scp 1", .missingOption, "--transaction"),
            ("--stgcmt --listen --transaction f", .missingOption, "--port-scp"),
            ("--stgcmt --listen --transaction f --port-scp 1 h", .unexpectedArgument, "h"),
            ("--stgcmt --listen --transaction f --port-scp 1 --input a", .unexpectedArgument, "a"),
            ("--stgcmt --listen --transaction f --port-scp 1 --per study", .conflictingOptions, "--per"),
            (
                "--stgcmt --listen --transaction f --port-scp 1 --max-references 5", .conflictingOptions,
                "--max-references"
            ),
            ("--stgcmt h 104 a --max-references 0", .outOfRange, "--max-references"),
            ("--stgcmt h 104 a --per patient", .invalidValue, "--per"),
            ("--echo h --listen", .optionNotApplicable, "--listen"),
        ] as [(String, UsageError.Code, String)])
    func `what makes no sense is refused with the option named`(
        _ line: String, _ code: UsageError.Code, _ option: String
    ) throws {
        let error = try #require(throws: UsageError.self) { try invocation(line) }
        #expect(error.code == code)
        #expect(error.option == option)
        #expect(error.description.contains(option))
    }
}
