import Testing

@testable import CommandLineInterface

/// Each rule of combination, broken once on the command line.
struct OptionRuleTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let line: String
        let code: UsageError.Code
        let option: OptionName
        let problem: String

        var testDescription: String { line }
    }

    static let rows: [Row] = [
        // One needs another.
        Row(
            line: "--store h 1 a --resume", code: .missingOption, option: .journal,
            problem: "--resume needs --journal"),
        Row(
            line: "--stgcmt --listen --port-scp 1", code: .missingOption, option: .transaction,
            problem: "--listen needs --transaction"),
        Row(
            line: "--stgcmt --listen --transaction f", code: .missingOption, option: .portSCP,
            problem: "--listen needs --port-scp"),
        Row(
            line: "--get h -k 20,d=1 --or-move", code: .missingOption, option: .portSCP,
            problem: "--or-move needs --port-scp"),
        Row(line: "h --passcode prompt", code: .missingOption, option: .user, problem: "--passcode needs --user"),
        // Two exclude each other.
        Row(
            line: "--find h --studyroot --psonly", code: .conflictingOptions, option: .psonly,
            problem: "--studyroot and --psonly exclude each other"),
        Row(
            line: "--get h --from-list l -k 20,d=1", code: .conflictingOptions, option: .key,
            problem: "--from-list and --key exclude each other"),
        Row(
            line: "--move h --port-scp 1 --from-list l --query q", code: .conflictingOptions, option: .query,
            problem: "--from-list and --query exclude each other"),
        Row(
            line: "--stgcmt --listen --transaction f --port-scp 1 --per study", code: .conflictingOptions, option: .per,
            problem: "--listen and --per exclude each other"),
        Row(
            line: "h --user A --jwt prompt", code: .conflictingOptions, option: .user,
            problem: "several identities given"),
        // A secret is not sent where others can read it.
        Row(
            line: "h --user A --passcode prompt", code: .missingOption, option: .tls,
            problem: "without --tls the secret of --passcode could be read on the network"),
        Row(
            line: "h --jwt env:A", code: .missingOption, option: .tls,
            problem: "without --tls the secret of --jwt could be read on the network"),
        Row(
            line: "http://h --oauth-url https://t --oauth-client a --oauth-secret env:A", code: .missingOption,
            option: .tls,
            problem: "without https the secret of --oauth-secret could be read on the network"),
        Row(
            line: "http://h --header 'X-Key: env:A'", code: .missingOption, option: .tls,
            problem: "without https the secret of --header could be read on the network"),
        Row(
            line: "https://h --oauth-url http://t --oauth-client a --oauth-secret env:A", code: .invalidValue,
            option: .oauthURL,
            problem: "--oauth-url http://t: without https the secret of the client could be read on the network"),
        // A proxy elsewhere reads what is meant for this machine.
        Row(
            line: "http://localhost --jwt env:A --proxy http://p", code: .missingOption, option: .tls,
            problem: "without https the secret of --jwt could be read by the proxy"),
        Row(
            line: "https://h --oauth-url http://[::1] --oauth-client a --oauth-secret env:A --proxy socks5h://p",
            code: .missingOption, option: .tls,
            problem: "without https the secret of --oauth-secret could be read by the proxy"),
        Row(
            line: "https://h --oauth-url https://t", code: .missingOption, option: .oauthClient,
            problem: "--oauth-url needs --oauth-client"),
        Row(
            line: "https://h --oauth-url https://t --oauth-client a", code: .missingOption, option: .oauthSecret,
            problem: "--oauth-client needs --oauth-secret"),
        Row(
            line: "https://h --header 'Authorization: env:A' --jwt env:A", code: .conflictingOptions, option: .user,
            problem: "several identities given"),
        Row(
            line: "https://h --oauth-url https://t --oauth-client a --oauth-secret env:A --user b",
            code: .conflictingOptions,
            option: .user, problem: "several identities given"),
        Row(
            line: "--get https://h -k 20,d=1 --wado-url http://w --jwt env:A", code: .missingOption, option: .tls,
            problem: "without https the secret of --jwt could be read on the network"),
        // One is of use only in some state.
        Row(
            line: "h --header 'X-Key: A'", code: .conflictingOptions, option: .header,
            problem: "--header applies to HTTP alone, and HOST is no URL"),
        Row(
            line: "h --tls-ca f", code: .missingOption, option: .tlsCA, problem: "--tls-ca has no effect without --tls"),
        Row(
            line: "--get h -k 20,d=1 --grace 1", code: .optionNotApplicable, option: .grace,
            problem: "--grace does not apply to --get, unless with --or-move"),
        Row(
            line: "--get h -k 20,d=1 --bind ::1", code: .optionNotApplicable, option: .bind,
            problem: "--bind does not apply to --get, unless with --or-move"),
        Row(
            line: "--move h -k 20,d=1 --move-destination X -o out", code: .conflictingOptions, option: .output,
            problem: "--output does not apply to --move-destination X: nothing is received here"),
        Row(
            line: "--move h -k 20,d=1 --move-destination X --prefer rle", code: .conflictingOptions, option: .prefer,
            problem: "--prefer does not apply to --move-destination X: nothing is received here"),
        Row(
            line: "--store h 1 a --wait 3", code: .optionNotApplicable, option: .wait,
            problem: "--wait does not apply to --store"),
        Row(
            line: "--store h 1 a --verify find --per study", code: .optionNotApplicable, option: .per,
            problem: "--per does not apply to --store"),
        // It is found out how much one server takes, and not two.
        Row(
            line: "--copy h 1 i 2 -k 20,d=1 --jobs auto", code: .conflictingOptions, option: .jobs,
            problem: "--jobs auto does not apply to --copy"),
        Row(
            line: "--copy h 1 i 2 -k 20,d=1 --window auto", code: .conflictingOptions, option: .window,
            problem: "--window auto does not apply to --copy"),
        Row(
            line: "--store http://h a --window auto", code: .conflictingOptions, option: .window,
            problem: "--window does not apply to HTTP, and HOST is http://h"),
        Row(
            line: "--echo h --format csv", code: .conflictingOptions, option: .format,
            problem: "--format csv does not apply to --echo"),
        Row(
            line: "--find h --columns PatientID --format json", code: .conflictingOptions, option: .columns,
            problem: "--columns does not apply to --format json"),
        Row(
            line: "--find h -o out", code: .conflictingOptions, option: .output,
            problem: "--output does not apply to --find, unless with --format dcm"),
        Row(
            line: "--worklist h --if-exists fail", code: .conflictingOptions, option: .ifExists,
            problem: "--if-exists does not apply to --worklist, unless with --format dcm"),
        Row(
            line: "--get h -k 20,d=1 --if-exists skip --name {PatientID}", code: .conflictingOptions,
            option: .ifExists,
            problem: "--if-exists skip would lose instances: by this --name two of them can have one name"),
    ]

    @Test(arguments: rows)
    func `a rule that is broken is named`(_ row: Row) throws {
        let error = try usageError(row.line)
        #expect(error.code == row.code)
        #expect(error.option == row.option.description)
        #expect(error.problem == row.problem)
    }

    @Test(arguments: [
        "--store h 1 a --resume --journal j", "--get h -k 20,d=1 --or-move --dry-run",
        "--get h -k 20,d=1 --or-move --port-scp 1 --grace 1", "--find h --find --format dcm -o out",
        "--store h 1 a --jobs auto --window auto", "--store http://h a -j auto", "--get h -k 20,d=1 -j 64",
        "--get h -k 20,d=1 --jobs auto", "--move h -k 20,d=1 --port-scp 1 -j auto", "--get http://h -k 20,d=1 -j auto",
        "--store h 1 a --verify commit --wait 3 --port-scp 1", "--find h --columns PatientID",
        "h --tls --tls-ca f", "h --tls --user A --passcode prompt",
        "h --user A", "h --user A --passcode prompt --user-in-clear", "--move h -k 20,d=1 --move-destination X",
    ])
    func `a rule that holds lets the command line pass`(_ line: String) throws {
        #expect(throws: Never.self) { _ = try invocation(line) }
    }

    @Test(arguments: [
        ("--echo h 104", true), ("--echo h 104 --verbose", true), ("--echo h 104 -c 2", false),
        ("--echo http://h/dicom-web", false), ("--echo h 104 --metrics f", false),
        ("--echo h 104 --format jsonl", false), ("--echo h 104 --format nagios", false),
        ("--echo h 104 --capture f.pcapng", false), ("--echo h 104 --transcript f", false),
        ("--echo h 104 --log-file f", false), ("--find h 104 -k PatientID=1", false), ("--serve f", false),
    ])
    func `only one echo of which nothing is kept may end in the middle`(line: String, may: Bool) throws {
        #expect(try invocation(line).losesNothing == may)
    }
}
