import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct RequestForTextTests {
    static let requests: [(String, ParsedCommandLine)] = [
        ("", .empty),
        ("-h", .help(.short)),
        ("--help", .help(.short)),
        ("--he", .help(.short)),
        ("--help all", .help(.all)),
        ("-h all", .help(.all)),
        ("--help=all", .help(.all)),
        ("h 104 --find --help", .help(.operation(.find))),
        ("--help find", .help(.operation(.find))),
        ("help find", .help(.operation(.find))),
        ("--help=stgcmt", .help(.operation(.storageCommitment))),
        ("--self-test -h", .help(.operation(.selfTest))),
        ("help", .help(.short)),
        ("help all", .help(.all)),
        ("find --help", .help(.operation(.find))),
        ("store @pacs1 a.dcm --help", .help(.operation(.store))),
        ("version", .version),
        ("version h 104", .version),
        ("worklist --queryhelp", .queryHelp(.modalityWorklist, .study)),
        // What gdcmscu's option abbreviates stays its abbreviation where no value follows.
        ("--query", .queryHelp(.studyRoot, .study)),
        ("--query --patientroot --image", .queryHelp(.patientRoot, .image)),
        ("-v", .version),
        ("--version", .version),
        // Version wins over help over queryhelp, and all of them over the work and its errors.
        ("--help --version", .version),
        ("-hv", .version),
        ("--queryhelp --help", .help(.short)),
        ("--queryhelp --version", .version),
        ("--help --port 70000", .help(.short)),
        ("--queryhelp", .queryHelp(.studyRoot, .study)),
        ("--queryhelp --patientroot --image", .queryHelp(.patientRoot, .image)),
        ("--queryhelp --find --patient h 104", .queryHelp(.patientRoot, .patient)),
        ("--queryhelp --worklist", .queryHelp(.modalityWorklist, .study)),
        ("--generate man", .generate(.man)),
        ("--generate=keywords", .generate(.keywords)),
    ]

    @Test(arguments: requests)
    func `text about the program needs no host`(_ line: String, _ expected: ParsedCommandLine) throws {
        #expect(try CommandLineParser().parse(words(line)) == expected)
    }

    @Test func `an option that is unknown is an error beside help too`() throws {
        #expect(try usageError("--help --bogus").code == .unknownOption)
    }

    @Test func `a topic that there is not is named`() throws {
        let error = try usageError("help nonsense")
        #expect(error.description.hasPrefix("--help nonsense: not known; accepted: all, echo"))
    }

    @Test func `the hidden option has no abbreviation`() throws {
        #expect(try usageError("--gen man").code == .unknownOption)
    }
}
