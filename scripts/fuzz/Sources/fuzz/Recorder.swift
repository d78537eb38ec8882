import DICOMNode
import Synchronization
import System

/// Does one of ``PeerOperation`` with a real peer, and writes what the peer said to FUZZ_RECORDING: whole associations for the
/// corpus. FUZZ_PORT on this machine is where the peer listens, or where we do; FUZZ_CALLED is its title.
enum Recorder {
    static func record(_ name: String) -> CInt {
        guard let operation = PeerOperation(rawValue: name), let path = variable("FUZZ_RECORDING"),
            let port = variable("FUZZ_PORT").flatMap({ UInt16($0) })
        else {
            print("fuzz: FUZZ_RECORD is one of \(PeerOperation.allCases), with FUZZ_RECORDING and FUZZ_PORT")
            return 2
        }
        let limits = WaitLimits(inactivity: 20, total: .after(seconds: 60))
        let connection: RecordingConnection
        do throws(TransportError) {
            if operation.isPeerRequestor {
                let listener = try TCPListener(port: port, bind: "127.0.0.1")
                print("listening")
                connection = RecordingConnection(try accept(on: listener))
            } else {
                connection = RecordingConnection(
                    try TCPConnection.connect(host: "127.0.0.1", port: port, wait: limits))
            }
        } catch {
            print("fuzz: no connection: \(error)")
            return 4
        }
        do throws(AssociationError) { try operation.perform(over: connection) } catch .releasedByPeer {} catch {
            print("fuzz: \(name): \(error)")
            return 5
        }
        return writeFile(connection.heard.withLock { $0 }, path) ? 0 : 3
    }

    private static func accept(on listener: TCPListener) throws(TransportError) -> TCPConnection {
        let end = Deadline.after(seconds: 60)
        while !end.isPast {
            if case .connection(let connection) = listener.acceptWaiting() { return connection }
            _ = try? Readiness.wait(listener.descriptor, for: .readable, until: end, limits: .unlimited)
        }
        throw .timedOut(.accept)
    }
}

/// A connection that keeps what the peer says.
private final class RecordingConnection: Connection {
    private let real: TCPConnection
    let heard = Mutex<[UInt8]>([])

    init(_ real: TCPConnection) { self.real = real }

    var descriptor: CInt { real.descriptor }
    var peerDescription: String { real.peerDescription }
    var localDescription: String { real.localDescription }
    var timings: TCPConnection.Timings? { nil }
    var unwritten: Int { real.unwritten }

    func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int {
        keep(try real.read(into: buffer, wait: wait), of: buffer)
    }

    func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        try real.readAvailable(into: buffer).map { keep($0, of: buffer) }
    }

    private func keep(_ count: Int, of buffer: UnsafeMutableRawBufferPointer) -> Int {
        let bytes = Array(buffer[..<count])
        heard.withLock { $0 += bytes }
        return count
    }

    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        try real.write(bytes, wait: wait, whileBlocked: whileBlocked)
    }

    func closeWriting() { real.closeWriting() }
    func close() { real.close() }
}
