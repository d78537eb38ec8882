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
    private let folder: TemporaryFolder
    private let receiver: InstanceReceiver

    init(_ count: Int) throws {
        self.count = count
        folder = try TemporaryFolder()
        receiver = InstanceReceiver(
            folder: try OutputFolder(folder.path), naming: .standard, existing: .rename
        ) { _ in }
    }

    let title = "<Numbers>"
    var instanceCount: Int { count }
    var counts: WebArchiveCounts { WebArchiveCounts(patients: 1, studies: count, series: count, instances: count) }

    func search(_ identifier: DataSet, includesAll: Bool) throws(Refusal) -> any WebSearch { Search(count: count) }
    func instances(of resource: WebResource) -> [any HeldInstance] { [] }
    func resource(of instance: UID) -> WebResource? { nil }
    func metadata(of file: InstanceFile) throws(FileProblem) -> DataSet { DataSet() }
    func receiver(from peer: String) -> InstanceReceiver { receiver }
    func storing(_ body: () -> DIMSEStatus) -> DIMSEStatus { body() }
    func nextFaults() -> WebFaults { WebFaults() }
    func ignoresNextKeys() -> Bool { false }
    func nextStoreFault() -> WebStoreFault? { nil }
    func failsNextRetrieval() -> Bool { false }
    func report(peer: String, _ text: String, isTrouble: Bool) { lines.withLock { $0.append(text) } }
}

struct OriginServerTests {
    private func server(_ service: OriginServer) throws -> HTTPServer {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let server = try HTTPServer(listener: listener, service: service, tls: nil, limits: AssociationLimits())
        try server.start()
        return server
    }

    /// The head and the body of the answer to a request.
    private func answer(
        _ target: String, of archive: NumberedStudies, maximum: Int = 4
    ) throws -> (head: String, body: String) {
        let server = try server(OriginServer(archive, maximumMatches: maximum))
        defer { server.stop() }
        // HTTP/1.0, whose bodies end with the connection.
        return try ask("GET \(target) HTTP/1.0\r\n\r\n", server)
    }

    private func ask(_ request: String, _ server: HTTPServer) throws -> (head: String, body: String) {
        let client = try TCPConnection.connect(host: "127.0.0.1", port: server.port, wait: Loopback.patience)
        try client.write(Array(request.utf8), wait: Loopback.patience)
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
        let (head, body) = try answer(target, of: try NumberedStudies(10))
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(try count(body) == shown)
        if let left {
            #expect(head.contains("\"There are \(left) additional results that can be requested\""))
        } else {
            #expect(!head.contains("Warning"))
        }
    }

    @Test func `a long list goes out in pieces, and is whole`() throws {
        let (head, body) = try answer("/studies", of: try NumberedStudies(20_000), maximum: 100_000)
        #expect(!head.contains("Content-Length"))
        #expect(try count(body) == 20_000)
    }

    @Test func `the page has a hundred studies and a link to more`() throws {
        let archive = try NumberedStudies(250)
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
        let (head, body) = try answer("/?offset=\(offset)", of: try NumberedStudies(250))
        #expect(head.hasPrefix("HTTP/1.1 \(status) "))
        #expect(body.contains("/?offset=100\"") == (offset == "0"))
    }

    @Test func `each request is a line, and says what was answered`() throws {
        let archive = try NumberedStudies(3)
        _ = try answer("/studies?PatientID=SECRET", of: archive)
        _ = try answer("/nothing", of: archive)
        let lines = archive.lines.withLock { $0 }
        #expect(lines.first == "GET /studies: 3 matches (200)")
        #expect(lines.last?.hasPrefix("GET /nothing: ") == true && lines.last?.hasSuffix("(404)") == true)
    }

    @Test func `the parts of all requests together have a limit, which is free again after the answer`() throws {
        let most = 5
        let archive = try NumberedStudies(0)
        let server = try server(OriginServer(archive, maximumMemory: most * StoreService.memoryOfPart))
        defer { server.stop() }
        func store(_ parts: Int) throws -> (head: String, body: String) {
            let body = String(repeating: "--b\r\n\r\nno instance\r\n", count: parts) + "--b--\r\n"
            return try ask(
                "POST /studies HTTP/1.0\r\nContent-Type: multipart/related; type=\"application/dicom\"; boundary=b\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n" + body, server)
        }
        for _ in 0..<3 { #expect(try store(most).head.hasPrefix("HTTP/1.1 409 ")) }
        let refused = try store(most + 1)
        #expect(refused.head.hasPrefix("HTTP/1.1 503 "))
        #expect(refused.head.contains("\r\nRetry-After: 1"))
        // Each of those that were taken, and the one at which the request ended, has an outcome.
        #expect(try DICOMJSON.parse(Array(refused.body.utf8)).first?.items(.otherFailuresSequence)?.count == most + 1)
        #expect(try store(most).head.hasPrefix("HTTP/1.1 409 "))
    }
}
