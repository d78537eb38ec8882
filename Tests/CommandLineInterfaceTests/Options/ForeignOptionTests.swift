import Testing

@testable import CommandLineInterface

/// Command lines as they are written for other tools.
struct ForeignOptionTests {
    static let meant: [(line: String, hint: String)] = [
        // DCMTK
        ("h 104 -aec PACS", "did you mean --call?"),
        ("h 104 --called PACS", "did you mean --call?"),
        ("h 104 --ping", "did you mean --echo?"),
        ("h 104 --send a.dcm", "did you mean --store?"),
        ("--find h 104 -k PatientName DOE", "the value of a key follows an equals sign: -k PatientName=VALUE"),
        ("--find -k PatientName DOE h 104", "the value of a key follows an equals sign: -k PatientName=VALUE"),
        ("--find -k PatientName DOE h:104", "the value of a key follows an equals sign: -k PatientName=VALUE"),
        ("h 104 -aet ME", "did you mean --aetitle?"),
        ("--move h 104 -aem OTHER -k 20,d=1", "did you mean --move-destination?"),
        ("--find -S h 104", "did you mean --studyroot?"),
        ("--find -P h 104", "did you mean --patientroot?"),
        ("--find -O h 104", "did you mean --psonly?"),
        ("--find h 104 -X", "did you mean --format dcm?"),
        ("--find h 104 -Xs all.xml", "did you mean --format json?"),
        ("--find h 104 --cancel 5", "did you mean --limit?"),
        ("--get h 104 -od out -k 20,d=1", "did you mean --output?"),
        ("--get h 104 +xs -k 20,d=1", "did you mean --prefer jpeg-lossless?"),
        ("--get h 104 --prefer-j2k-lossless", "did you mean --prefer jpeg2000-lossless?"),
        ("--move h 104 +P 11113 -k 20,d=1", "did you mean --port-scp?"),
        ("--store h 104 +sd folder", "a directory is a FILE like others; --recursive descends into it"),
        ("--store +r h 104 folder", "a directory is a FILE like others; --recursive descends into it"),
        ("--store h 104 -nh a", "the others are still sent, unless --strict is given"),
        ("--store h 104 -xs a", "files are sent as they are, in the transfer syntaxes that they have"),
        ("--store h 104 a -R", "only what the files need is proposed, by itself"),
        ("h 104 -pdu 32768", "did you mean --max-pdu?"),
        ("h 104 -to 5", "did you mean --connect-timeout?"),
        ("h 104 -td 5", "did you mean --timeout?"),
        ("h 104 --acse-timeout 5", "did you mean --timeout?"),
        ("h 104 --repeat 3", "did you mean --count?"),
        ("h 104 -d", "did you mean --debug?"),
        ("h 104 -ll debug", "did you mean --verbose?"),
        ("h 104 +tls key cert", "did you mean --tls?"),
        ("h 104 --tls +cf ca.pem", "did you mean --tls-ca?"),
        ("h 104 -usr me", "did you mean --user?"),
        ("h 104 --user me -pwd secret", "did you mean --passcode?"),
        ("--store h 104 -x= a", "files are sent as they are, in the transfer syntaxes that they have"),
        ("--store h 104 +crl x a", "did you mean --tls-crl?"),
        ("h 104 --abort", "leave it out: it is not needed here"),
        ("--get h 104 +t= -k 20,d=1", "instances are written as they are received, as DICOM files"),
        // dcm4che
        ("-c PACS@h:11112", "the peer needs no option: TITLE@HOST:PORT"),
        ("--find -c PACS@h:11112", "the peer needs no option: TITLE@HOST:PORT"),
        ("--find --connect PACS@h:11112", "the peer needs no option: TITLE@HOST:PORT"),
        ("--find h 104 -m PatientName=A", "did you mean --key?"),
        ("--find h 104 -r PatientName", "did you mean --return?"),
        ("--find h 104 -b ME", "did you mean --aetitle?"),
        ("--find h 104 -M PatientRoot", "the model is --studyroot or --patientroot, and a worklist is --worklist"),
        ("--find h 104 --out-dir x", "did you mean --format dcm?"),
        ("--move h 104 --dest OTHER -k 20,d=1", "did you mean --to @NODE, or --move-destination AETITLE?"),
        ("--get h 104 --directory x -k 20,d=1", "did you mean --output?"),
        ("--get h 104 --response-timeout=5000", "did you mean --timeout?"),
        ("h 104 --max-pdulen-rcv 16384", "did you mean --max-pdu?"),
        ("--store h 104 a --prior-high", "did you mean --priority high?"),
        ("h 104 --trust-store x", "did you mean --tls-ca?"),
        ("h 104 --user me --user-pass x", "did you mean --passcode?"),
        ("--stgcmt h 104 a --one-per-study", "did you mean --per study?"),
        ("--serve a --store-port 11112", "did you mean --port-scp?"),
        (
            "--store h 104 --dicomdir DICOMDIR",
            "the files of a medium are given as FILEs, or its folder with --recursive"
        ),
        // First tries.
        ("--find h 104 PatientName=DOE", "a key is an option: --key PatientName=DOE"),
        ("find h 104 --date yesterday", "the date of studies is a key: --key StudyDate=VALUE"),
        ("find h 104 --level series", "the level is an option of its own: --patient, --study, --series or --image"),
        (
            "find --worklist h 104",
            "--worklist names the operation, so that find is read as a host: leave one of them out"
        ),
        (
            "--store h 104 a --set PatientID=X",
            "files are sent as they are, in the transfer syntaxes that they have: send copies that another program has changed"
        ),
        ("h 104 --pcap a", "did you mean --capture?"),
        (
            "--get h 104 -k 20,d=1 --skip-existing",
            "with --journal FILE, --resume does not fetch again what an earlier run has received; --if-exists skip leaves files as they are"
        ),
        (
            "--store h 104 a --anonymize",
            "identities are not edited here: send copies that another program has anonymized"
        ),
    ]

    @Test(arguments: meant)
    func `an option of another tool gets ours as the hint`(_ line: String, _ hint: String) throws {
        #expect(try usageError(line).hint == hint)
    }

    @Test func `a pattern of another program names nothing here`() throws {
        let error = try usageError("--get h 104 -k 20,d=1 --name %p/%s.dcm")
        #expect(error.description.contains("%p stands for nothing here; accepted: attributes in braces"))
        _ = try invocation("--get h 104 -k 20,d=1 --name 100%/{SOPInstanceUID}%a.dcm")
    }

    @Test func `a page of the manual and a slip are no reason for the general help`() throws {
        for line in ["--help nightly", "help nightly"] {
            #expect(try usageError(line).hint == "did you mean man dcmscu-nightly?")
        }
        #expect(try usageError("--help worklists").hint == "did you mean worklist?")
        #expect(try usageError("help worklists").hint == "did you mean worklist?")
    }

    @Test func `an option of ours that sounds like an operation of others is none of theirs`() throws {
        let error = try usageError("--move h -k 20,d=1 --move-destination X --verify find")
        #expect(error.problem.contains("needs --to @NODE"))
        #expect(error.hint == nil)
    }

    @Test func `the option is named as a whole`() throws {
        #expect(try usageError("h 104 -aec PACS").problem == "unknown option -aec")
        #expect(try usageError("--store h 104 +sd folder").problem == "unknown option +sd")
        #expect(try usageError("--find h 104 -Vz").problem == "unknown option -z in -Vz")
    }

    @Test func `files may have such names, and values`() throws {
        #expect(try invocation("--store h 104 -- +sd").input.paths == ["+sd"])
        #expect(try invocation("--store h 104 ./+sd +x").input.paths == ["./+sd", "+x"])
        #expect(try invocation("--find h 104 -k 10,10=-aec").query.keys.first?.value == "-aec")
    }

    @Test func `-L stays the log file`() throws {
        #expect(try invocation("--find h 104 -L STUDY -k 10,10=A").messages.logFile == "STUDY")
    }
}
