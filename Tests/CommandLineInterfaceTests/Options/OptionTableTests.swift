import DICOM
import Testing

@testable import CommandLineInterface

struct OptionTableTests {
    @Test func `every name and every letter stands for one option`() {
        let names = OptionTable.all.flatMap { [$0.name.rawValue] + $0.aliases }
        #expect(Set(names).count == names.count)
        let letters = OptionTable.all.compactMap(\.short)
        #expect(Set(letters).count == letters.count)
    }

    @Test func `every name has a definition`() {
        #expect(Set(OptionTable.all.map(\.name)) == Set(OptionName.allCases))
        #expect(OptionTable.all.count == OptionName.allCases.count)
    }

    @Test func `every rule names options that some operation has in common`() {
        for option in OptionTable.all {
            for case .requires(let other, _) in option.rules {
                let required = OptionTable.definition(other)
                #expect(required?.operations.isSuperset(of: option.operations) == true, "\(option.name)")
            }
            for case .excludes(let others) in option.rules {
                for other in others.compactMap(OptionTable.definition) {
                    #expect(!other.operations.isDisjoint(with: option.operations), "\(option.name) \(other.name)")
                }
            }
        }
    }

    @Test func `every option can be used by some operation and is described in one line`() {
        for option in OptionTable.all {
            #expect(!option.operations.isEmpty, "\(option.name)")
            #expect(!option.summary.isEmpty && !option.summary.hasSuffix("."), "\(option.name)")
            #expect(option.name.rawValue.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-") })
        }
    }

    @Test func `every summary of the short help fits its line`() {
        for option in OptionTable.all where option.traits.contains(.common) {
            #expect(option.summary.count <= 47, "\(option.name)")
        }
    }

    /// The options of gdcmscu as its manual has them.
    static let gdcmscu = [
        "hostname", "port", "aetitle", "call", "echo", "store", "find", "move", "get", "worklist", "input", "recursive",
        "store-query", "patientroot", "studyroot", "psonly", "patient", "study", "series", "image", "key", "output",
        "port-scp", "root-uid", "log-file", "error", "warning", "verbose", "debug", "help", "version", "queryhelp",
    ]

    @Test func `the compatible options are those of gdcmscu`() {
        #expect(
            Set(OptionTable.all.filter { $0.traits.contains(.compatible) }.map(\.name.rawValue)) == Set(Self.gdcmscu))
    }

    @Test func `every abbreviation of gdcmscu keeps its meaning, whatever options there are`() throws {
        for option in Self.gdcmscu {
            for length in 1...option.count {
                let prefix = String(option.prefix(length))
                guard Self.gdcmscu.filter({ $0.hasPrefix(prefix) }) == [option] || prefix == option else { continue }
                let definition = try #require(OptionTable.definition(named: option))
                let value = definition.value.takesArgument ? ["1"] : []
                let line = try ArgumentScanner.scan(["--" + prefix] + value)
                #expect(line.options.map(\.definition.name.rawValue) == [option], "--\(prefix)")
                #expect(line.positionals.isEmpty)
            }
        }
    }

    @Test func `warn is gdcmscu's warning but for a monitoring plugin`() throws {
        let plain = try ArgumentScanner.scan(["--warn", "h", "104"])
        #expect(plain.options.map(\.definition.name) == [.warning])
        #expect(plain.positionals == ["h", "104"])
        let plugin = try ArgumentScanner.scan(["--warn", "5", "--format", "nagios", "h"])
        #expect(plugin.options.map(\.definition.name) == [.warn, .format])
    }

    @Test func `an abbreviation that is an option of ours means that with a value`() throws {
        let line = try ArgumentScanner.scan(["--query", "file", "--query=file", "--query", "-", "--query", "-V"])
        #expect(line.options.map(\.definition.name) == [.query, .query, .query, .queryhelp, .verbose])
        #expect(line.options.prefix(3).map(\.text) == ["file", "file", "-"])
    }

    @Test func `every operation is an option`() {
        for operation in Operation.allCases {
            #expect(OptionTable.definition(operation.option)?.category == .operation)
        }
    }

    @Test func `the values of all other options arrive`() throws {
        let move = try invocation(
            "--move h -k 20,d=1.2 --port-scp 7 --bind ::1 -o out --name {Modality}/{SOPInstanceUID} --if-exists fail "
                + "--grace 2.5 --priority high --fail-on warning --timeout 3 --connect-timeout 0 --max-pdu 16384 "
                + "--store-query q --charset ISO-8859-1")
        #expect(move.connection.bindAddress == "::1")
        #expect(move.retrieve?.outputDirectory == "out")
        #expect(move.retrieve?.existingFile == .fail)
        #expect(move.retrieve?.grace == 2.5)
        #expect(move.query.priority == .high)
        #expect(move.retrieve?.failOn == .warning)
        #expect(move.connection.inactivityTimeout == 3)
        #expect(move.connection.connectTimeout == nil)
        #expect(move.connection.maximumPDULength == 16384)
        #expect(move.query.storeQueryPath == "q")
        let third = try invocation("--move h -k 20,d=1.2 --move-destination OTHER")
        #expect(third.retrieve?.receivesMovedInstances == false)
        #expect(third.retrieve?.moveDestination.string == "OTHER")
        let own = try invocation("--move h -k 20,d=1.2 --aetitle ME --move-destination ME --port-scp 1")
        #expect(own.retrieve?.receivesMovedInstances == true)
        let find = try invocation(
            "--find h --limit 5 --format jsonl --charset 'ISO_IR 100' --return all,00100020,StudyDate")
        #expect(find.find.limit == 5)
        #expect(find.find.format == .jsonl)
        #expect(find.query.characterSet == "ISO_IR 100")
        let commitment = try invocation("--stgcmt h 104 a --wait 0 --port-scp 8")
        #expect(commitment.commit.commitment.resultWait == 0)
        #expect(commitment.connection.receiverPort == 8)
    }

    @Test func `times take units`() throws {
        let get = try invocation(
            "--move h -k 20,d=1 --port-scp 1 --timeout 2m --connect-timeout 500ms --total-timeout 1h30m --grace 1m30s")
        #expect(get.connection.inactivityTimeout == 120)
        #expect(get.connection.connectTimeout == 0.5)
        #expect(get.connection.totalTimeout == 5400)
        #expect(get.retrieve?.grace == 90)
        #expect(try invocation("--echo h --interval 2m").echo.interval == 120)
        #expect(try invocation("--store h 1 a --retry-delay 5s").connection.retry.delay == 5)
        #expect(try invocation("--stgcmt h 1 a --wait 1h").commit.commitment.resultWait == 3600)
        #expect(try usageError("--echo h --timeout 8d").code == .outOfRange)
    }

    @Test(arguments: [
        ("port", "port", 0), ("prot", "port", 1), ("por", "port", 1), ("port", "prt", 1), ("", "abc", 3),
        ("kitten", "sitting", 3), ("PORT", "port", 0),
    ])
    func `the distance of two words is the number of slips`(_ left: String, _ right: String, _ distance: Int) {
        #expect(EditDistance.between(left, right) == distance)
        #expect(EditDistance.between(right, left) == distance)
    }

    @Test(arguments: [
        ("PatientNmae", "PatientName"), ("patientname", "PatientName"), ("StudyDat", "StudyDate"),
        ("Modalty", "Modality"),
        ("SOPInstaceUID", "SOPInstanceUID"), ("SeriesInstanceUIDs", "SeriesInstanceUID"), ("Müller", nil),
    ])
    func `the nearest of all keywords is proposed`(_ word: String, _ keyword: String?) {
        #expect(EditDistance.nearest(to: word, in: DataDictionary.keywords) == keyword)
    }

    @Test func `of two that are as near the first is proposed`() {
        #expect(EditDistance.nearest(to: "bat", in: ["xxxx", "cat", "hat", "bats"]) == "cat")
        #expect(EditDistance.nearest(to: "bat", in: ["cat", "bat", "hat"]) == "bat")
    }

    @Test func `nothing is proposed for what is like nothing`() {
        #expect(EditDistance.nearest(to: "xyzzy", in: OptionTable.longNames) == nil)
        #expect(EditDistance.nearest(to: "", in: OptionTable.longNames) == nil)
        #expect(EditDistance.nearest(to: String(repeating: "a", count: 1_000_000), in: OptionTable.longNames) == nil)
    }
}
