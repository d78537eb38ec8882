import DICOM
import DICOMNode
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMweb

/// An archive of numbered studies without instances.
private final class NumberedStudies: WebArchive {
    struct Search: WebSearch {
        let count: Int

        func forEachMatch<Failure: Error>(_ body: (DataSet) throws(Failure) -> Bool) throws(Failure) {
            for number in 0..<count {
                var match = DataSet()
                match.set(.queryRetrieveLevel, .CS, "STUDY")
                match.set(.studyInstanceUID, UID("1.2.\(number)"))
                guard try body(match) else { return }
            }
        }
    }

    let count: Int
    let lines = Locked<[String]>([])

    init(_ count: Int) { self.count = count }

    let title = "<Numbers>"
    var instanceCount: Int { count }
    var counts: WebArchiveCounts { WebArchiveCounts(patients: 1, studies: count, series: count, instances: count) }

    func search(_ identifier: DataSet, includesAll: Bool) throws(Refusal) -> any WebSearch { Search(count: count) }
    func instances(of resource: WebResource) -> [any HeldInstance] { [] }
    func resource(of instance: UID) -> WebResource? { nil }
    func metadata(of file: InstanceFile) throws(FileProblem) -> DataSet { DataSet() }
    func receiver(from peer: String) -> InstanceReceiver { preconditionFailure("nothing is stored here") }
    func storing(_ body: () -> DIMSEStatus) -> DIMSEStatus { body() }
    func nextFaults() -> WebFaults { WebFaults() }
    func ignoresNextKeys() -> Bool { false }
    func nextStoreFault() -> WebStoreFault? { nil }
    func failsNextRetrieval() -> Bool { false }
    func report(peer: String, _ text: String, isTrouble: Bool) { lines.withLock { $0.append(text) } }
}

struct OriginServerTests {
    /// The head and the body of the answer to a request.
    private func answer(
        _ target: String, of archive: NumberedStudies, maximum: Int = 4
    ) throws -> (head: String, body: String) {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let server = try HTTPServer(
            listener: listener, service: OriginServer(archive, maximumMatches: maximum), tls: nil,
            limits: AssociationLimits())
        try server.start()
        defer { server.stop() }
        let client = try TCPConnection.connect(host: "127.0.0.1", port: server.port, wait: Loopback.patience)
        // HTTP/1.0, whose bodies end with the connection.
        try client.write(Array("GET \(target) HTTP/1.0\r\n\r\n".utf8), wait: Loopback.patience)
        let input = ConnectionInput(client)
        var bytes: [UInt8] = []
        while try input.fill(Loopback.patience) {
            bytes += input.available
            input.use(input.available.count)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let end = try #require(text.firstRange(of: "\r\n\r\n"))
        return (String(text[..<end.lowerBound]), String(text[end.upperBound...]))
    }

    private func count(_ body: String) throws -> Int { try DICOMJSON.parse(Array(body.utf8)).count }

    @Test(
        arguments: [
            ("/studies", 4, 6), ("/studies?offset=3", 4, 3), ("/studies?limit=100", 4, 6), ("/studies?limit=4", 4, nil),
            ("/studies?offset=6", 4, nil), ("/studies?offset=8", 2, nil), ("/studies?limit=2&offset=9", 1, nil),
            ("/studies?offset=9223372036854775807", 0, nil),
        ] as [(String, Int, Int?)])
    func `a maximum that cuts is told with the number of those that are left`(
        target: String, shown: Int, left: Int?
    ) throws {
        let (head, body) = try answer(target, of: NumberedStudies(10))
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(try count(body) == shown)
        if let left {
            #expect(head.contains("\"There are \(left) additional results that can be requested\""))
        } else {
            #expect(!head.contains("Warning"))
        }
    }

    @Test func `a long list goes out in pieces, and is whole`() throws {
        let (head, body) = try answer("/studies", of: NumberedStudies(20_000), maximum: 100_000)
        #expect(!head.contains("Content-Length"))
        #expect(try count(body) == 20_000)
    }

    @Test func `the page has a hundred studies and a link to more`() throws {
        let archive = NumberedStudies(250)
        let (_, first) = try answer("/", of: archive)
        #expect(first.split(separator: "<tr>").count == 102)
        #expect(first.contains("<a href=\"/?offset=100\">"))
        #expect(first.contains("&lt;Numbers&gt;") && !first.contains("<Numbers>"))
        let (_, last) = try answer("/?offset=200", of: archive)
        #expect(last.split(separator: "<tr>").count == 52)
        #expect(!last.contains("offset=300"))
    }

    @Test(arguments: [
        ("9223372036854775807", 400), ("9223372036854775808", 400), ("1000000001", 400), ("-1", 400),
        ("1000000000", 200), ("0", 200),
    ])
    func `a page beyond all numbers is refused, and one beyond the last is empty`(offset: String, status: Int) throws {
        let (head, body) = try answer("/?offset=\(offset)", of: NumberedStudies(250))
        #expect(head.hasPrefix("HTTP/1.1 \(status) "))
        #expect(body.contains("/?offset=100\"") == (offset == "0"))
    }

    @Test func `each request is a line, and says what was answered`() throws {
        let archive = NumberedStudies(3)
        _ = try answer("/studies?PatientID=SECRET", of: archive)
        _ = try answer("/nothing", of: archive)
        let lines = archive.lines.withLock { $0 }
        #expect(lines.first == "GET /studies: 3 matches (200)")
        #expect(lines.last?.hasPrefix("GET /nothing: ") == true && lines.last?.hasSuffix("(404)") == true)
    }
}
