import DICOMProtocol
import Glibc
package import System

@testable package import DICOMNode

/// Plays a script on one connection, whichever side opened it.
package struct PeerPlayer {
    private let connection: TCPConnection
    /// Raised when the test is over: nothing waits then.
    private let over: Cancellation
    private var heard = Heard()
    private var unread: [UInt8] = []
    private var framer = PDUFramer(limits: PDULimits(announcedMaximumLength: 0))
    private var assembler = MessageAssembler()

    package init(_ connection: TCPConnection, over: Cancellation) {
        self.connection = connection
        self.over = over
    }

    /// Whatever the other side does is right for the peer: when it has gone, so is the rest of the script.
    package mutating func play(_ script: [PeerStep]) {
        defer { connection.close() }
        do throws(TransportError) {
            for step in script { try perform(step) }
        } catch {}
    }

    private var wait: WaitLimits { WaitLimits(total: .after(seconds: 60), cancellation: over) }

    private mutating func perform(_ step: PeerStep) throws(TransportError) {
        switch step {
        case .send(let bytes): try connection.write(bytes, wait: wait)
        case .reply(let answer): try connection.write(answer(heard), wait: wait)
        case .replyByteByByte(let answer):
            for byte in answer(heard) { try connection.write([byte], wait: wait) }
        case .sendByteByByte(let bytes):
            for byte in bytes { try connection.write([byte], wait: wait) }
        case .flood(let bytes):
            while true { try connection.write(bytes, wait: wait) }
        case .drip(let bytes, let seconds):
            while true {
                for byte in bytes {
                    try connection.write([byte], wait: wait)
                    try pause(seconds)
                }
            }
        case .hear(let type):
            while try progress() != .type(type) {}
        case .hearMessage:
            while try progress() != .message {}
        case .serve(let answer):
            while true {
                switch try progress() {
                case .message: try connection.write(answer(heard), wait: wait)
                case .type(.releaseRequest): try connection.write(PDU.releaseResponse.encode(), wait: wait)
                case .type, .data: break
                }
            }
        case .hearAll:
            while true { try fill() }
        case .closeWriting: connection.closeWriting()
        case .close: connection.close()
        case .reset: connection.closeAbruptly()
        case .hold: _ = try Readiness.wait(-1, for: .readable, until: .after(seconds: 60), limits: wait, phase: .read)
        }
    }

    private func pause(_ seconds: Double) throws(TransportError) {
        do throws(TransportError) {
            // Also ends when the other side says something or goes.
            _ = try Readiness.wait(-1, for: .readable, until: .after(seconds: seconds), limits: wait, phase: .read)
        } catch .timedOut {}
    }

    private enum Progress: Equatable { case type(PDUType), data, message }

    private mutating func progress() throws(TransportError) -> Progress {
        while true {
            do throws(ProtocolError) {
                switch try next() {
                case .needMore: break
                case .pdu(let pdu, let consumed):
                    unread.removeFirst(consumed)
                    heard.count += 1
                    if case .associateRequest(let request) = pdu { heard.request = request }
                    return .type(pdu.type)
                case .fragment(let fragment, let consumed):
                    heard.count += 1
                    let event = try accept(fragment)
                    unread.removeFirst(consumed)
                    switch event {
                    case .command(let command, let contextID)?:
                        heard.command = command
                        heard.contextID = contextID
                        return command.hasDataSet ? .data : .message
                    case .data(isLast: true)?: return .message
                    default: return .data
                    }
                }
            } catch {
                throw .closed
            }
            try fill()
        }
    }

    private mutating func next() throws(ProtocolError) -> PDUFramer.Step {
        var result: Result<PDUFramer.Step, ProtocolError> = .success(.needMore(atLeast: 1))
        unread.withUnsafeBytes { bytes in
            result = Result { () throws(ProtocolError) in try framer.next(in: bytes) }
        }
        return try result.get()
    }

    private mutating func accept(_ fragment: PDUFramer.Fragment) throws(ProtocolError) -> MessageAssembler.Event? {
        var result: Result<MessageAssembler.Event?, ProtocolError> = .success(nil)
        unread.withUnsafeBytes { bytes in
            result = Result { () throws(ProtocolError) in
                try assembler.accept(
                    contextID: fragment.contextID, isCommand: fragment.isCommand,
                    isLast: fragment.isLast && fragment.endsPDV,
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[fragment.range]))
            }
        }
        return try result.get()
    }

    private mutating func fill() throws(TransportError) {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var failure: TransportError?
        var count = 0
        chunk.withUnsafeMutableBytes { buffer in
            do throws(TransportError) { count = try connection.read(into: buffer, wait: wait) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard count > 0 else { throw .closed }
        unread += chunk[..<count]
    }
}
