import DICOM
import Testing

@testable import CommandLineInterface

struct MatchOrderTests {
    private func dataSet(_ name: String, _ date: String, _ number: String) -> DataSet {
        var dataSet = DataSet()
        dataSet.set(.patientName, .PN, name)
        dataSet.set(.studyDate, .DA, date)
        dataSet.set(.seriesNumber, .IS, number)
        return dataSet
    }

    private func sorted(_ order: String) throws -> [String?] {
        let keys = try invocation("--find host 104 --sort \(order)").query.sortKeys
        let matches = [
            dataSet("b", "20260102", "10"), dataSet("C", "", "9"), dataSet("A", "20260101", ""),
            dataSet("D", "20260102", "9"),
        ]
        return MatchOrder(keys).sorted(matches, by: \.self).map { $0.string(.patientName) }
    }

    @Test func `text has no case, numbers their size, and what is missing comes last`() throws {
        #expect(try sorted("PatientName") == ["A", "b", "C", "D"])
        #expect(try sorted("-PatientName") == ["D", "C", "b", "A"])
        #expect(try sorted("SeriesNumber") == ["C", "D", "b", "A"])
        #expect(try sorted("-SeriesNumber") == ["b", "C", "D", "A"])
        #expect(try sorted("-StudyDate,PatientName") == ["b", "D", "A", "C"])
        #expect(try sorted("StudyDate,-PatientName") == ["A", "D", "b", "C"])
    }

    @Test func `the order is asked for, and changes nothing else`() throws {
        let plain = try invocation("--find host 104 -k PatientID=1 --format csv")
        let ordered = try invocation("--find host 104 -k PatientID=1 --format csv --sort -StudyID")
        func identifier(_ invocation: Invocation) throws -> DataSet {
            try QueryAssembly(
                options: invocation.query, negotiation: [], today: .epoch, localeCharacterSet: "ISO_IR 192"
            ).query(from: .keys([])).identifier
        }
        var expected = try identifier(plain)
        expected.setEmpty(.studyID, .SH)
        #expect(try identifier(ordered) == expected)
    }

    @Test(arguments: ["", "-", "PatientName,,StudyDate", "Nonsense", "study", "PatientName,-PatientName"])
    func `an order that cannot be read is a usage error`(_ order: String) {
        #expect(throws: UsageError.self) {
            _ = try CommandLineParser().parse(["--find", "host", "104", "--sort", order])
        }
    }
}
