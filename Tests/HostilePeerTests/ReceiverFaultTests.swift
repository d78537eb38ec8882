import DICOM
import DICOMProtocol
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// What strangers do at the receiver's port, and that nothing of it hinders a peer, stays open or is left on disk.
@Suite struct ReceiverFaultTests {
    @Test func `a peer gets in beside a thousand connections that say nothing`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        var silent: [TCPConnection] = []
        for _ in 0..<350 { silent.append(try receiving.connect()) }
        #expect(try receiving.echoes())
        // The rest reuses descriptors of this process, which has both ends of all of them.
        for _ in 0..<650 {
            silent.removeFirst().close()
            silent.append(try receiving.connect())
        }
        #expect(try receiving.echoes())
        #expect(receiving.server.threadsInUse < 10)
        for connection in silent { connection.close() }
    }

    @Test func `a peer gets in beside connections that have said half of a request`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        var slow: [TCPConnection] = []
        for _ in 0..<200 {
            let connection = try receiving.connect()
            try connection.write(Array(Receiving.request().dropLast(9)), wait: Loopback.patience)
            slow.append(connection)
        }
        #expect(try receiving.echoes())
        #expect(receiving.server.threadsInUse < 10)
        for connection in slow { connection.close() }
    }

    @Test func `a request in two halves is answered`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        let connection = try receiving.connect()
        let request = Receiving.request()
        for part in [request.prefix(3), request[3..<6], request[6..<50], request[50...]] {
            try connection.write(Array(part), wait: Loopback.patience)
        }
        #expect(try connection.readBytes(1) == [2])
        connection.close()
    }

    @Test func `more associations than are served are rejected for now, and let in once there is room`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        var open: [TCPConnection] = []
        for _ in 0..<AssociationServer.maximumAssociations {
            let connection = try receiving.connect()
            try connection.write(Receiving.request(), wait: Loopback.patience)
            #expect(try connection.readBytes(1) == [2])
            open.append(connection)
        }
        let refused = try receiving.connect()
        try refused.write(Receiving.request(), wait: Loopback.patience)
        // A-ASSOCIATE-RJ, transient, by the presentation part: local limit exceeded.
        #expect(try refused.readBytes(10) == [3, 0, 0, 0, 0, 4, 0, 2, 3, 2])
        refused.close()
        open.removeFirst().close()
        #expect(receiving.waitForEvent { if case .failed = $0 { true } else { false } })
        for connection in open { connection.close() }
    }

    @Test func `a silent connection is closed when its limit has passed`() throws {
        let receiving = try Receiving(association: 0.2)
        defer { receiving.server.stop() }
        let connection = try receiving.connect()
        #expect(try connection.readBytes(1) == [])
        #expect(
            receiving.waitForEvent { if case .stranger(_, .timedOut) = $0 { true } else { false } })
    }

    @Test func `a request that comes byte by byte costs the limit`() throws {
        let receiving = try Receiving(association: 0.5)
        defer { receiving.server.stop() }
        try receiving.play([.drip(Receiving.request(), seconds: 0.05)])
        #expect(receiving.waitForEvent { if case .stranger(_, .timedOut) = $0 { true } else { false } })
    }

    @Test func `a wrong title is rejected with its reason`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        let connection = try receiving.connect()
        try connection.write(Receiving.request(called: "ELSEWHERE"), wait: Loopback.patience)
        // Permanently, by the user: called AE title not recognized.
        #expect(try connection.readBytes(10) == [3, 0, 0, 0, 0, 4, 0, 1, 1, 7])
        connection.close()
    }

    @Test func `stopping takes no longer than a second whatever is open`() throws {
        let receiving = try Receiving()
        var open: [TCPConnection] = []
        for number in 0..<20 {
            let connection = try receiving.connect()
            if number % 2 == 0 { try connection.write(Receiving.request(), wait: Loopback.patience) }
            if number % 4 == 0 {
                _ = try connection.readBytes(1)
                try connection.write(
                    PeerBytes.data(context: 1, control: 3, Receiving.store().encode()) + [
                        4, 0, 0, 1, 0, 0, 0, 0, 0xFF, 0, 1, 0,
                    ],
                    wait: Loopback.patience)
            }
            open.append(connection)
        }
        let watch = Stopwatch()
        receiving.server.stop()
        #expect(watch.seconds < 2)
        #expect(try receiving.folder.names() == [])
        for connection in open { connection.close() }
    }

    /// What callers do, and what follows.
    static let strangers: [(String, [PeerStep])] = [
        ("HTTP", [.send(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)), .hearAll]),
        ("SSH", [.send(Array("SSH-2.0-x\r\n".utf8)), .hearAll]),
        ("TLS", [.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC]), .hearAll]),
        ("one byte", [.send([1]), .closeWriting, .hearAll]),
        ("a request of 4 GiB", [.send([1, 0, 255, 255, 255, 255]), .hearAll]),
        ("a request of nothing", [.send([1, 0, 0, 0, 0, 0]), .hearAll]),
        ("a request cut short", [.send(Array(Receiving.request().dropLast(7))), .closeWriting, .hearAll]),
        ("a request cut short by a reset", [.send(Array(Receiving.request().dropLast(7))), .reset]),
        ("data before a request", [.send(PeerBytes.data(context: 1, control: 3, [0])), .hearAll]),
        ("A-ABORT before a request", [.send(PeerBytes.pdu(7, [0, 0, 0, 0])), .hearAll]),
        ("A-RELEASE-RQ before a request", [.send(PDU.releaseRequest.encode()), .hearAll]),
        ("garbage without an end", [.flood([UInt8](repeating: 1, count: 65_536))]),
        (
            "a second request",
            [.send(Receiving.request()), .hear(.associateAccept), .send(Receiving.request()), .hearAll]
        ),
        ("another title", [.send(Receiving.request(called: "\u{1B}[31m")), .hearAll]),
    ]

    @Test(arguments: strangers.indices) func `a stranger is told apart, and the next peer is served`(_ index: Int)
        throws
    {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        let (name, script) = Self.strangers[index]
        try receiving.play(script)
        #expect(
            receiving.waitForEvent {
                switch $0 {
                case .stranger, .failed, .rejected: true
                default: false
                }
            }, "\(name)")
        #expect(try receiving.echoes(), "\(name)")
    }

    /// A PDU that says it has 1 GiB, with the headers of three fragments that say they have 4 GiB each.
    private static let tenGigabytes: [UInt8] = {
        let header: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0, 0xFE, 0xFF, 0xFF, 0xFF]
        let value = PeerBytes.value(
            context: 1, control: 0, header + header + header + [UInt8](repeating: 0, count: 100_000),
            length: (1 << 30) - 4)
        return PeerBytes.pdu(4, length: 1 << 30, value)
    }()

    /// What peers do in the middle of an instance.
    static let cuts: [(String, [PeerStep])] = [
        ("closed", [.close]),
        ("reset", [.reset]),
        ("aborted", [.send(PeerBytes.pdu(7, [0, 0, 0, 0])), .hearAll]),
        ("released", [.send(PDU.releaseRequest.encode()), .hearAll]),
        ("another command", [.send(PeerBytes.data(context: 1, control: 3, Receiving.store().encode())), .hearAll]),
        ("another context", [.send(PeerBytes.data(context: 3, control: 0, [0])), .hearAll]),
        ("a PDU that is none", [.send([99]), .hearAll]),
        ("silent", [.hold]),
        ("a byte now and then", [.send([4, 0, 0, 1, 0, 0, 0, 0, 0xFF, 0, 1, 0]), .drip([0], seconds: 0.05)]),
        ("10 GB announced", [.send(tenGigabytes), .close]),
        ("empty fragments without an end", [.flood(PeerBytes.data(context: 1, control: 0, []))]),
    ]

    @Test(arguments: cuts.indices) func `of an instance that is cut off nothing is left`(_ index: Int) throws {
        let receiving = try Receiving(inactivity: 0.4)
        defer { receiving.server.stop() }
        let (name, steps) = Self.cuts[index]
        #expect(try receiving.isCutOff(by: steps), "\(name)")
        #expect(receiving.received.withLock { if case .cutOff? = $0.first?.outcome { true } else { false } }, "\(name)")
        #expect(try receiving.folder.names() == [], "\(name)")
        #expect(try receiving.echoes(), "\(name)")
    }

    @Test(arguments: [
        "../../x", "/etc/passwd", "..", ".", "", "a/b", "1.2\n.3", "1.2\0.3", String(repeating: "9", count: 300),
    ])
    func `an instance whose UID is an attack stays in the folder`(_ uid: String) throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        try receiving.play([
            .send(Receiving.request()), .hear(.associateAccept),
            .send(PeerBytes.message(Receiving.store(UID(uid)), context: 1, dataSet: Receiving.dataSet)), .hearMessage,
            .send(PDU.releaseRequest.encode()), .hear(.releaseResponse),
        ])
        #expect(receiving.received.wait(until: .after(seconds: 20)) { !$0.isEmpty })
        let names = try receiving.folder.names()
        #expect(names.count <= 1)
        #expect(!names.contains { $0.contains("/") || $0.utf8.contains { $0 < 0x20 } })
    }

    @Test(arguments: [
        ("a C-STORE without a data set", PeerBytes.message(storeWithoutDataSet, context: 1)),
        (
            "a C-FIND in a storage context",
            PeerBytes.message(.findRequest(messageID: 1, sopClass: "1.2"), context: 1, dataSet: [])
        ),
        ("a C-ECHO in a storage context", PeerBytes.message(.echoRequest(messageID: 1), context: 1)),
    ])
    func `what a service does not do is refused and the association goes on`(_ name: String, _ message: [UInt8]) throws
    {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        try receiving.play([
            .send(Receiving.request()), .hear(.associateAccept), .send(message), .hearMessage,
            .send(PeerBytes.message(Receiving.store(), context: 1, dataSet: Receiving.dataSet)), .hearMessage,
            .send(PDU.releaseRequest.encode()), .hear(.releaseResponse),
        ])
        #expect(receiving.received.wait(until: .after(seconds: 20)) { !$0.isEmpty }, "\(name)")
        #expect(try receiving.folder.names() == ["1.2.3.4"], "\(name)")
    }

    private static let storeWithoutDataSet: CommandSet = {
        var command = Receiving.store()
        command.commandDataSetType = CommandSet.noDataSet
        return command
    }()

    @Test func `a folder that vanishes is told to the peer, and nothing is written elsewhere`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        _ = receiving.folder.path.withCString { rmdir($0) }
        try receiving.play([
            .send(Receiving.request()), .hear(.associateAccept),
            .send(PeerBytes.message(Receiving.store(), context: 1, dataSet: Receiving.dataSet)), .hearMessage,
            .send(PDU.releaseRequest.encode()), .hear(.releaseResponse),
        ])
        #expect(receiving.received.wait(until: .after(seconds: 20)) { !$0.isEmpty })
        #expect(receiving.received.withLock { if case .failed? = $0.first?.outcome { true } else { false } })
    }

    @Test func `an association a millisecond is served, one after the other`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        for _ in 0..<200 {
            let connection = try receiving.connect()
            try connection.write(Receiving.request() + PeerBytes.pdu(7, [0, 0, 0, 0]), wait: Loopback.patience)
            connection.close()
        }
        #expect(receiving.echoesAtLast())
    }

    @Test func `callers that are gone before they are accepted take no place from others`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        for _ in 0..<(2 * AssociationServer.maximumAssociations) {
            let connection = try receiving.connect()
            try connection.write(Receiving.request(), wait: Loopback.patience)
            connection.closeAbruptly()
        }
        #expect(receiving.echoesAtLast())
    }
}
