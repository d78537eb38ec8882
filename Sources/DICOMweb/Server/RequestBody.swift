import DICOM
import DICOMNode
import Glibc
import System

/// The reason why an exchange over HTTP ends here.
enum ExchangeFailure: Error {
    /// There is an answer to be given.
    case refused(Refusal)
    /// The connection cannot be used any more.
    case lost(TransportError)
    /// The answer has begun, and cannot be finished.
    case cutShort
}

/// The bytes that a client sends, read ahead as they come.
final class ConnectionInput {
    let connection: any Connection
    private var storage = [UInt8](repeating: 0, count: ConnectionInput.capacity)
    /// Where the bytes lie that are there and not used.
    private var range = 0..<0

    /// More than is ever looked at before some of it is used: heads and lines have limits.
    private static let capacity = 64 * 1024

    init(_ connection: any Connection) { self.connection = connection }

    /// The bytes that are there and not used.
    var available: ArraySlice<UInt8> { storage[range] }

    func use(_ count: Int) {
        range = count < range.count ? range.lowerBound + count..<range.upperBound : 0..<0
    }

    /// Waits for more bytes; false if the client has closed its side.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled.
    func fill(_ wait: WaitLimits) throws(TransportError) -> Bool {
        let (connection, old) = (connection, range)
        let result = storage.withUnsafeMutableBytes { bytes in
            if old.lowerBound > 0, let start = bytes.baseAddress {
                memmove(start, start + old.lowerBound, old.count)
            }
            return Result { () throws(TransportError) in
                try connection.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[old.count...]), wait: wait)
            }
        }
        range = 0..<old.count
        let count = try result.get()
        range = 0..<old.count + count
        return count > 0
    }
}

/// The body of a request, read when somebody wants it, of a known length or in chunks (RFC 9112 7.1).
final class ReceivedBody {
    private enum State {
        case bytes(UInt64)
        case chunkSize
        case chunk(UInt64)
        case chunkEnd
        case trailer
        case end
    }

    private let input: ConnectionInput
    private var wait: WaitLimits
    private var state: State
    /// From the first wait on.
    private var progress: ReceivingProgress?
    /// True while the client waits for the word to go on.
    private var awaitsContinue: Bool
    private var trailerLength = 0

    private static let maximumLine = 1024
    private static let maximumTrailer = 16 * 1024
    /// The most that is read although nobody wants it, so that the connection can be kept, and the seconds that it may take.
    private static let longestSkipped = 64 * 1024
    private static let skipLimit = 5.0
    private static let malformed = Refusal(400, "the chunks of the body are not understood")

    init(_ head: RequestHead, _ input: ConnectionInput, wait: WaitLimits) {
        self.input = input
        self.wait = wait
        awaitsContinue = head.expectsContinue && head.body != .none
        switch head.body {
        case .none, .bytes(0): state = .end
        case .bytes(let count): state = .bytes(count)
        case .chunked: state = .chunkSize
        }
    }

    /// True if all of it was read.
    var isRead: Bool { if case .end = state { true } else { false } }

    /// Hands on the next bytes; false at the end.
    ///
    /// - Throws: `.lost` if they do not come, `.refused` if the chunks are none, or what `body` throws.
    func read(_ body: (UnsafeRawBufferPointer) throws(ExchangeFailure) -> Void) throws(ExchangeFailure) -> Bool {
        while true {
            switch state {
            case .end: return false
            case .bytes(let left):
                let count = try handOn(left, body)
                state = left == count ? .end : .bytes(left - count)
                return true
            case .chunk(let left):
                let count = try handOn(left, body)
                state = left == count ? .chunkEnd : .chunk(left - count)
                return true
            case .chunkSize:
                let size = try Self.chunkSize(try line())
                state = size == 0 ? .trailer : .chunk(size)
            case .chunkEnd:
                guard try line().isEmpty else { throw .refused(Self.malformed) }
                state = .chunkSize
            case .trailer:
                let field = try line()
                trailerLength += field.count + 2
                guard trailerLength <= Self.maximumTrailer else { throw .refused(Self.malformed) }
                if field.isEmpty {
                    state = .end
                } else {
                    do throws(Refusal) { _ = try RequestHead.field(field[...]) } catch {
                        throw .refused(Self.malformed)
                    }
                }
            }
        }
    }

    /// True if the rest is known to be little, so that ``skip()`` reads it.
    var canBeSkipped: Bool {
        switch state {
        case .end: true
        // Who waits for the word to go on has sent nothing.
        case .bytes(let left): !awaitsContinue && left <= UInt64(Self.longestSkipped)
        case .chunkSize, .chunk, .chunkEnd, .trailer: false
        }
    }

    /// Reads and drops the rest if that is little; false if it is not, or does not come at once.
    ///
    /// - Throws: as ``read(_:)`` does.
    func skip() throws(ExchangeFailure) -> Bool {
        guard canBeSkipped else { return false }
        wait = wait.within(.after(seconds: Self.skipLimit))
        do throws(ExchangeFailure) {
            while try read({ _ in }) {}
            return true
        } catch .lost(.timedOut) {
            return false
        }
    }

    private func handOn(
        _ left: UInt64, _ body: (UnsafeRawBufferPointer) throws(ExchangeFailure) -> Void
    ) throws(ExchangeFailure) -> UInt64 {
        if input.available.isEmpty { try fill() }
        let count = Int(clamping: min(left, UInt64(input.available.count)))
        let result = input.available.prefix(count).withUnsafeBytes { bytes in
            Result { () throws(ExchangeFailure) in try body(bytes) }
        }
        input.use(count)
        try result.get()
        return UInt64(count)
    }

    /// The next line without its end.
    private func line() throws(ExchangeFailure) -> [UInt8] {
        while true {
            if let end = input.available.firstIndex(of: 0x0A) {
                let line = input.available[..<end]
                guard line.last == 0x0D, line.count <= Self.maximumLine else { throw .refused(Self.malformed) }
                let text = Array(line.dropLast())
                input.use(line.count + 1)
                return text
            }
            guard input.available.count <= Self.maximumLine else { throw .refused(Self.malformed) }
            try fill()
        }
    }

    private func fill() throws(ExchangeFailure) {
        do throws(TransportError) {
            if awaitsContinue {
                awaitsContinue = false
                try input.connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), wait: wait)
            }
            var progress = self.progress ?? ReceivingProgress(limit: wait.inactivity)
            let before = input.available.count
            guard try input.fill(wait.within(progress.deadline)) else { throw .closed }
            progress.add(input.available.count - before)
            self.progress = progress
        } catch {
            throw .lost(error)
        }
    }

    /// Hexadecimal digits; extensions behind a semicolon mean nothing here (RFC 9112 7.1.1).
    private static func chunkSize(_ line: [UInt8]) throws(ExchangeFailure) -> UInt64 {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && !RequestHead.isSpace($0) }
        let rest = line[digits.endIndex...].drop(while: RequestHead.isSpace)
        // UInt64(_:radix:) takes a sign, which is none here.
        guard digits.count == line.count || rest.first == UInt8(ascii: ";"), (1...15).contains(digits.count),
            !rest.contains(where: RequestHead.isControl), digits.first != UInt8(ascii: "+"),
            digits.first != UInt8(ascii: "-"),
            let size = UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
        else {
            throw .refused(malformed)
        }
        return size
    }
}
