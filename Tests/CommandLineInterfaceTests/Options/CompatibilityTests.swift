import DICOM
import DICOMNode
import DICOMProtocol
import Testing

@testable import CommandLineInterface

/// The command lines that a user of gdcmscu types.
struct CompatibilityTests {
    struct Line: Sendable, CustomTestStringConvertible {
        let line: String
        let check: @Sendable (Invocation) -> Bool

        init(_ line: String, _ check: @escaping @Sendable (Invocation) -> Bool) {
            self.line = line
            self.check = check
        }

        var testDescription: String { line }
    }

    static let lines: [Line] = [
        // What its manual shows.
        Line("dicom.example.com") {
            $0.operation == .echo && $0.peer == Endpoint(host: "dicom.example.com", port: 104)
        },
        Line("--echo dicom.example.com 104") { $0.operation == .echo && $0.peer.port == 104 },
        Line("--echo dicom.example.com 11112 --call SERVSCP") { $0.calledAETitle.string == "SERVSCP" },
        Line("--echo dicom.example.com 11112 --call SERVSCP --aetitle MYSCU") {
            $0.callingAETitle.string == "MYSCU" && $0.calledAETitle.string == "SERVSCP"
        },
        Line("--store dicom.example.com 104 myfile.dcm") { $0.operation == .store && $0.input.paths == ["myfile.dcm"] },
        Line("--store dicom.example.com 104 -i myfile.dcm") { $0.input.paths == ["myfile.dcm"] },
        Line("--store dicom.example.com 104 a.dcm b.dcm c.dcm") { $0.input.paths == ["a.dcm", "b.dcm", "c.dcm"] },
        Line("--find --patient dicom.example.com 11112 --patientroot --key 10,10,\"A*\"") {
            $0.operation == .find && $0.query.level == .patient && $0.query.informationModel == .patientRoot
                && $0.query.keys.map(\.value) == ["A*"]
        },
        Line("--find --patient dicom.example.com 11112 --patientroot --key 10,10=\"A*\"") {
            $0.query.keys.map(\.tag) == [.patientName] && $0.query.keys.map(\.value) == ["A*"]
        },
        Line("--find --patient dicom.example.com 11112 --call MI2B2 --patientroot -k 10,10=\"A*\" -k 10,20") {
            $0.query.keys.map(\.tag) == [.patientName, .patientID] && $0.query.keys.map(\.value) == ["A*", ""]
        },
        Line(
            "--move --patient --aetitle ACME1 --call ACME_STORE dicom.example.com 5678 --patientroot "
                + "-k 10,20=\"ABCD1234\" --port-scp 1234"
        ) {
            $0.operation == .move && $0.connection.receiverPort == 1234
                && $0.retrieve?.moveDestination.string == "ACME1"
                && $0.retrieve?.receivesMovedInstances == true && $0.retrieve?.outputDirectory == "."
        },
        // Any order, every way to give a value, abbreviations, clusters.
        Line("-H h -p 11112") { $0.peer == Endpoint(host: "h", port: 11112) },
        Line("-Hh -p11112") { $0.peer == Endpoint(host: "h", port: 11112) },
        Line("--hostname=h --port=11112") { $0.peer == Endpoint(host: "h", port: 11112) },
        Line("--hos h --port 11112") { $0.peer == Endpoint(host: "h", port: 11112) },
        Line("11.0.0.1 11112 --ec") { $0.operation == .echo && $0.peer.host == "11.0.0.1" },
        Line("h --store --in a -i b --rec") {
            $0.operation == .store && $0.input.paths == ["a", "b"] && $0.input.isRecursive
        },
        Line("-ria --store h") { $0.input.isRecursive && $0.input.paths == ["a"] },
        Line("-VDri=a --store h") { $0.input.paths == ["=a"] && $0.messages.verbosity == .debug },
        Line("--store h 104 -- -r --find") { $0.input.paths == ["-r", "--find"] && !$0.input.isRecursive },
        Line("--store h 104 -") { $0.input.paths == ["-"] },
        Line("--re --store h 1 d") { $0.input.isRecursive },
        Line("--wor h -k 8,50") { $0.operation == .worklist && $0.query.informationModel == .modalityWorklist },
        Line("--lo x h") { $0.messages.logFile == "x" },
        Line("--port=7 h") { $0.peer.port == 7 },
        // Levels and models.
        Line("--find h") { $0.query.level == .study && $0.query.informationModel == .studyRoot },
        Line("--find --patient h") { $0.query.level == .patient && $0.query.informationModel == .patientRoot },
        Line("--find --studyroot --series h") { $0.query.level == .series && $0.query.informationModel == .studyRoot },
        Line("--find --patientroot --study --patient h") { $0.query.level == .patient },
        Line("--find --patientroot --patient --series h") { $0.query.level == .series },
        Line("--find --study --image --series h") { $0.query.level == .image },
        Line("--find --psonly --patient h") {
            $0.query.informationModel == .patientStudyOnly && $0.query.level == .patient
        },
        Line("--find --patientroot -k 8,52=SERIES h") { $0.query.level == .series },
        Line("--find --image --patientroot -k 8,52=SERIES h") { $0.query.level == .image },
        // Verbosity: the most talkative wins.
        Line("h") { $0.messages.verbosity == .note },
        Line("-E h") { $0.messages.verbosity == .error },
        Line("-W -E h") { $0.messages.verbosity == .warning },
        Line("-V h") { $0.messages.verbosity == .verbose },
        Line("-EWVD h -L log") { $0.messages.verbosity == .debug && $0.messages.logFile == "log" },
        // The last of several counts.
        Line("h --call A --call B") { $0.calledAETitle.string == "B" },
        Line("h -p 1 -p 2") { $0.peer.port == 2 },
        Line("h --find --find") { $0.operation == .find },
    ]

    @Test(arguments: lines)
    func `a command line of gdcmscu means what its manual says`(_ line: Line) throws {
        #expect(line.check(try invocation(line.line)))
    }

    @Test func `defaults are those of the contract`() throws {
        let invocation = try invocation("h")
        #expect(invocation.operation == .echo)
        #expect(invocation.peer.port == 104)
        #expect(invocation.callingAETitle.string == "DCMSCU")
        #expect(invocation.calledAETitle.string == "ANY-SCP")
        #expect(try CommandLineInterfaceTests.invocation("h --get -k 20,d=1").retrieve?.outputDirectory == ".")
        #expect(invocation.uidRoot == nil)
        #expect(invocation.messages.logFile == nil)
        #expect(!invocation.input.isRecursive)
    }

    /// Every unique abbreviation of gdcmscu's options goes on to work, whatever options we have besides.
    @Test func `abbreviations of the options of gdcmscu are not taken by ours`() {
        let theirs = OptionTable.all.filter { $0.traits.contains(.compatible) }
        for option in theirs {
            for length in 1...option.name.rawValue.count {
                let prefix = String(option.name.rawValue.prefix(length))
                let meant = theirs.filter { $0.name.rawValue.hasPrefix(prefix) }
                // An option's whole name is that option, by the rules of getopt_long too: --query is not --queryhelp.
                let isWholeName = OptionTable.all.contains { $0.name.rawValue == prefix }
                guard meant.count == 1, prefix == option.name.rawValue || !isWholeName else { continue }
                #expect(OptionTable.candidates(forLong: prefix).map(\.name) == [option.name], "--\(prefix)")
            }
        }
    }
}
