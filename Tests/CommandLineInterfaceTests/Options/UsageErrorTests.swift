import DICOM
import Testing

@testable import CommandLineInterface

struct UsageErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let line: String
        let code: UsageError.Code
        let description: String
        var hint: String?

        var testDescription: String { line }
    }

    static let cases: [Case] = [
        Case(line: "h --bogus", code: .unknownOption, description: "unknown option --bogus"),
        Case(
            line: "h --prot 1", code: .unknownOption, description: "unknown option --prot", hint: "did you mean --port?"
        ),
        Case(
            line: "h --aetilte A", code: .unknownOption, description: "unknown option --aetilte",
            hint: "did you mean --aetitle?"),
        Case(
            line: "h --Port 1", code: .unknownOption, description: "unknown option --Port", hint: "did you mean --port?"
        ),
        Case(line: "h -z", code: .unknownOption, description: "unknown option -z"),
        Case(line: "h -Vz", code: .unknownOption, description: "unknown option -z in -Vz"),
        Case(
            line: "h -find", code: .unknownOption, description: "unknown option -f in -find",
            hint: "did you mean --find?"),
        Case(
            line: "h --pat", code: .ambiguousOption, description: "--pat can mean --patientroot, --patient"),
        Case(
            line: "h --port", code: .missingValue,
            description: "--port needs a value; accepted: a number from 1 to 65535"),
        Case(
            line: "h -p", code: .missingValue, description: "--port needs a value; accepted: a number from 1 to 65535"),
        Case(line: "h --echo=1", code: .unexpectedValue, description: "--echo takes no value"),
        Case(
            line: "h --help=some", code: .invalidValue,
            description: "--help some: not known; "
                + "accepted: all, echo, store, find, move, get, worklist, stgcmt, serve, self-test, doctor, probe, watch, "
                + "compare, copy"
        ),
        Case(
            line: "h --port 70000", code: .outOfRange,
            description: "--port 70000: out of range; accepted: a number from 1 to 65535"),
        Case(
            line: "h --port 0", code: .outOfRange,
            description: "--port 0: out of range; accepted: a number from 1 to 65535"),
        Case(
            line: "h --port 99999999999999999999", code: .outOfRange,
            description: "--port 99999999999999999999: out of range; accepted: a number from 1 to 65535"),
        Case(
            line: "h -p 104x", code: .invalidValue,
            description: "--port 104x: not a number; accepted: a number from 1 to 65535"),
        Case(
            line: "h --port=", code: .invalidValue,
            description: "--port \"\": not a number; accepted: a number from 1 to 65535"),
        Case(
            line: "h --aetitle ABCDEFGHIJKLMNOPQ", code: .invalidValue,
            description: "--aetitle ABCDEFGHIJKLMNOPQ: an AE title of 17 characters; "
                + "accepted: 1 to 16 characters of ASCII, no backslash"),
        Case(
            line: "h --call 'A\\B'", code: .invalidValue,
            description: "--call A\\B: not an AE title; accepted: 1 to 16 characters of ASCII, no backslash"),
        Case(
            line: "h --call ''", code: .invalidValue,
            description: "--call \"\": not an AE title; accepted: 1 to 16 characters of ASCII, no backslash"),
        Case(
            line: "h --echo --find", code: .severalOperations,
            description: "--echo and --find cannot be done at once; "
                + "accepted: one of --echo, --store, --find, --move, --get, --worklist, --stgcmt, --serve, --self-test, --doctor, --probe, "
                + "--watch, --compare, --copy"
        ),
        Case(
            line: "h --key 10,10", code: .optionNotApplicable,
            description: "--key does not apply to --echo, which is done where no operation is named; "
                + "accepted: --key with --find, --move, --get, --worklist, --compare, --copy"),
        Case(
            line: "h --find -i a", code: .optionNotApplicable,
            description: "--input does not apply to --find; accepted: --input with --store, --stgcmt"),
        Case(
            line: "h --store 1 a --port-scp 3", code: .optionNotApplicable,
            description: "--port-scp does not apply to --store; "
                + "accepted: --port-scp with --move, --get, --stgcmt, --serve, --doctor, --watch, --copy, --store --verify commit"
        ),
        Case(
            line: "h --worklist --patientroot", code: .optionNotApplicable,
            description: "--patientroot does not apply to --worklist; "
                + "accepted: --patientroot with --find, --move, --get, --copy"),
        Case(
            line: "h --find --patient --studyroot", code: .conflictingOptions,
            description: "--patient is not a level of --studyroot; accepted: --study, --series, --image"),
        Case(
            line: "h --find --patient --series --studyroot", code: .conflictingOptions,
            description: "--patient is not a level of --studyroot; accepted: --study, --series, --image"),
        Case(
            line: "h --find --psonly --series", code: .conflictingOptions,
            description: "--series is not a level of --psonly; accepted: --patient, --study"),
        Case(
            line: "h --find --patientroot --studyroot", code: .conflictingOptions,
            description: "--patientroot and --studyroot exclude each other; accepted: one of them"),
        Case(
            line: "h --find --key foo", code: .unreadableKey,
            description: "Could not read Tag: foo; accepted: KEYWORD=VALUE, gggg,eeee=VALUE or a path such as "
                + "Sequence[0].KEYWORD=VALUE"),
        Case(
            line: "h --find --return PatientNam", code: .unreadableKey,
            description:
                "--return PatientNam: PatientNam is neither an attribute nor a set; accepted: keywords or tags "
                + "(ggggeeee) with commas between, or a set: study, series, image, all",
            hint: "did you mean PatientName?"),
        Case(
            line: "h --find --format xml", code: .invalidValue,
            description:
                "--format xml: not known; accepted: text, table, json, jsonl, csv, tsv, dcm, count, nagios"),
        Case(
            line: "h --find --format jsno", code: .invalidValue,
            description:
                "--format jsno: not known; accepted: text, table, json, jsonl, csv, tsv, dcm, count, nagios",
            hint: "did you mean json?"),
        Case(
            line: "h --find --limit 0", code: .outOfRange,
            description: "--limit 0: out of range; accepted: a number from 1 on"),
        Case(
            line: "h --find --charset klingon", code: .unknownCharacterSet,
            description: "--charset klingon: not a character set that DICOM knows; "
                + "accepted: a defined term such as \"ISO_IR 100\", or utf-8"),
        Case(
            line: "h --timeout soon", code: .invalidValue,
            description:
                "--timeout soon: not a time; accepted: seconds from 0 to 604800, or with units such as 90s, 5m or 1h30m"
        ),
        Case(
            line: "h --timeout nan", code: .invalidValue,
            description:
                "--timeout nan: not a time; accepted: seconds from 0 to 604800, or with units such as 90s, 5m or 1h30m"),
        Case(
            line: "h --connect-timeout 86401", code: .outOfRange,
            description:
                "--connect-timeout 86401: out of range; accepted: seconds from 0 to 86400, or with units such as 90s, 5m or 1h30m"
        ),
        Case(
            line: "h --max-pdu 100", code: .outOfRange,
            description: "--max-pdu 100: out of range; accepted: a number from 4096 to 16777216"),
        Case(
            line: "h --move -k 10,20=A", code: .missingOption,
            description: "--move to ourselves needs --port-scp; "
                + "accepted: --port-scp PORT, or another node's AE title with --move-destination"),
        Case(
            line: "h --move --port-scp 1", code: .missingOption,
            description: "--move needs a key that says what to retrieve; "
                + "accepted: --key StudyInstanceUID=1.2.3 and the like, or --from-list"),
        Case(
            line: "h --move -k 10,20=A --move-destination X --port-scp 1", code: .conflictingOptions,
            description: "--port-scp does not apply to --move-destination X: nothing is received here"),
        Case(
            line: "h --get -k 20,d=1.2 --if-exists perhaps", code: .invalidValue,
            description: "--if-exists perhaps: not known; accepted: skip, overwrite, rename, fail"),
        Case(
            line: "h --root-uid 1.02", code: .invalidValue,
            description: "--root-uid 1.02: not a UID; "
                + "accepted: 1 to 64 digits and dots, no component empty or led by a zero"),
        Case(
            line: "h 1 --store a --max-rate 20", code: .invalidValue,
            description: "--max-rate 20: without a unit; "
                + "accepted: a number and a unit, such as 20MB/s, 800kB/s, 5MiB/s or 100Mbit/s, from 1kB/s on"),
        Case(
            line: "h 1 --store a --max-rate 20mb/s", code: .invalidValue,
            description: "--max-rate 20mb/s: not a rate; "
                + "accepted: a number and a unit, such as 20MB/s, 800kB/s, 5MiB/s or 100Mbit/s, from 1kB/s on"),
        Case(
            line: "h 1 --store a --max-rate 1B/s", code: .outOfRange,
            description: "--max-rate 1B/s: out of range; "
                + "accepted: a number and a unit, such as 20MB/s, 800kB/s, 5MiB/s or 100Mbit/s, from 1kB/s on"),
        Case(
            line: "h --move -k 10,20=A --to X --max-rate 1MB/s", code: .conflictingOptions,
            description: "--max-rate does not apply to --move-destination X: nothing is received here"),
        Case(
            line: "h 1 --store a --hours 7-19", code: .invalidValue,
            description:
                "--hours 7-19: 7 is neither a day (Mon, Tue, ...) nor hours (HH:MM-HH:MM); accepted: HH:MM-HH:MM, several "
                + "with commas between, days before them if wanted, such as 'Mon-Fri 19:00-06:00,Sat-Sun 00:00-24:00'"),
        Case(
            line: "h 1 --store a --per-minute 0", code: .outOfRange,
            description: "--per-minute 0: out of range; accepted: a number from 1 to 6000"),
        Case(
            line: "h --log-file ''", code: .invalidValue,
            description: "--log-file \"\": empty; accepted: the path of a file"),
    ]

    @Test(arguments: ["--help", "--port-scp", "--port-scp 21999", "--por 21999"])
    func `an archive is not made in a folder that was to be an option`(_ options: String) throws {
        let error = try usageError("--serve \(options)")
        let option = options.split(separator: " ")[0]
        #expect(
            error.description
                == "--serve \(option): an option in the place of the folder; accepted: a folder; dcmscu help serve")
        #expect(try invocation("--serve ./--help").operation == .serve)
    }

    @Test(arguments: cases)
    func `an error names the option, what is wrong and what is accepted`(_ expected: Case) throws {
        let error = try usageError(expected.line)
        #expect(error.code == expected.code)
        #expect(error.description == expected.description)
        #expect(error.hint == expected.hint)
    }

    @Test func `a pattern that leads out of the output directory is refused`() throws {
        #expect(try usageError("h --get -k 20,d=1.2 --name ../{SOPInstanceUID}").option == "--name")
        #expect(try usageError("h --get -k 20,d=1.2 --name {Foo}").option == "--name")
    }

    @Test func `the root of the environment is checked where it is used`() throws {
        let error = try usageError("h", environment: "1.2.x")
        #expect(error.code == .invalidValue)
        #expect(error.option == "GDCM_ROOT_UID")
        #expect(try invocation("h", environment: "1.2.3").uidRoot == "1.2.3")
        #expect(try invocation("h --root-uid 1.2.4", environment: "1.2.x").uidRoot == "1.2.4")
        #expect(try invocation("h", environment: "").uidRoot == nil)
    }

    @Test func `a root that leaves no room for what follows is refused`() throws {
        let longest = "1." + String(repeating: "9", count: 42)
        #expect(try invocation("h --root-uid \(longest)").uidRoot == UID(longest))
        #expect(try usageError("h --root-uid \(longest)9").code == .invalidValue)
    }

    @Test func `every option of some operations is refused by all others`() throws {
        for option in OptionTable.all where option.isForSomeOperations {
            for operation in Operation.allCases where !option.operations.contains(operation) {
                let argument = OptionArgument(definition: option, text: Self.goodValue(option))
                var draft = OptionDraft(operation)
                try option.apply(&draft, argument)
                let value = option.value.takesArgument ? "='\(argument.text)'" : ""
                let folder = operation == .serve ? "=A" : ""
                let error = try usageError("h 1 \(operation.option)\(folder) \(option.option)\(value)")
                #expect(error.code == .optionNotApplicable)
                #expect(error.problem == "\(option.option) does not apply to \(operation.option)")
            }
        }
    }

    static func goodValue(_ option: OptionDefinition) -> String {
        if option.name == .destination { return "A=b:104" }
        if option.name == .inject { return "delay=1" }
        if option.name == .shard { return "1/2" }
        if option.name == .listKey { return "A=PatientID" }
        if option.name == .report { return "a.csv" }
        if option.name == .prefer { return "rle" }
        if option.name == .header { return "X-Site: north" }
        if option.name == .oauthURL { return "https://tokens" }
        return switch option.value {
        case .none, .optionalChoice: ""
        case .choice(let choices): choices.first ?? ""
        case .integer(_, let range), .integerOrAuto(let range): String(range.lowerBound)
        case .time, .port: "1"
        case .uid: "1.2.3"
        case .key, .returnKeys, .columns, .order: "PatientName"
        case .characterSet: "utf-8"
        case .text(let placeholder):
            [
                "+HHMM": "+0100", "HH:MM": "06:00", "CHECKS": "echo", "CLASSES": "CT", "OCTAL": "640",
                "RANGE": "10", "URL": "http://proxy", "SOURCE": "env:X", "NAME=VALUE": "site=north",
                "HOW": "auto", "WHAT": "missing", "SIZE": "1MB", "RATE": "20MB/s", "HOURS": "19:00-06:00",
            ][placeholder] ?? "{SOPInstanceUID}"
        case .aeTitle, .host, .file, .directory, .fileOrDirectory: "A"
        }
    }
}
