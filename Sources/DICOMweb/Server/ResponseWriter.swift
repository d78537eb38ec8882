import DICOM
import DICOMNode
import System

/// Writes one answer: whole with its length, or as it is made. What is short needs no chunks, however it is made.
final class ResponseWriter {
    private let connection: any Connection
    private let wait: WaitLimits
    /// True if no body may follow, as after HEAD.
    private let isHeadOnly: Bool
    private let isOld: Bool
    /// Of the request: what is left of it may be too long to be read for the sake of the next request.
    private let body: ReceivedBody?
    /// True if the connection ends with this answer.
    var closes: Bool
    /// The status that was sent; nil before.
    private(set) var status: Int?
    /// The bytes of the body that were sent, or would have been.
    private(set) var length: UInt64 = 0
    /// True to end the connection in the middle of the body.
    var isCutShort = false

    private enum Form {
        /// Not begun: the head waits for the first bytes.
        case waiting(status: Int, fields: [HTTPField])
        case length(UInt64)
        case chunks
        /// Until the connection ends, as HTTP/1.0 has no chunks.
        case untilClosed
    }

    private var form: Form?
    /// The head, which leaves with the first bytes behind it.
    private var head: [UInt8] = []
    private var buffer: [UInt8] = []

    private static let bufferLength = 64 * 1024

    init(
        _ connection: any Connection, _ head: RequestHead?, _ body: ReceivedBody?, closes: Bool, wait: WaitLimits
    ) {
        self.connection = connection
        self.body = body
        self.wait = wait
        isHeadOnly = head?.method == "HEAD"
        isOld = head?.isOld ?? false
        self.closes = closes
    }

    /// Sends a whole answer.
    ///
    /// - Throws: `.lost` if the connection fails, `.cutShort` if the answer is to be cut.
    func send(_ status: Int, _ fields: [HTTPField] = [], _ body: [UInt8] = []) throws(ExchangeFailure) {
        try begin(status, fields, length: UInt64(body.count))
        try write(body)
        try finish()
    }

    /// Sends a refusal as a line of text.
    ///
    /// - Throws: as ``send(_:_:_:)`` does.
    func send(_ refusal: Refusal) throws(ExchangeFailure) {
        let type = HTTPField("Content-Type", "text/plain; charset=utf-8")
        try send(refusal.status, [type] + refusal.fields, Array((refusal.words + "\n").utf8))
    }

    /// Begins an answer.
    ///
    /// - Parameter length: of the body, if it is known.
    /// - Throws: `.lost` if the connection fails.
    func begin(_ status: Int, _ fields: [HTTPField], length: UInt64? = nil) throws(ExchangeFailure) {
        guard let length else { return form = .waiting(status: status, fields: fields) }
        try sendHead(status, fields, .length(length))
    }

    /// Takes the next bytes of the body.
    ///
    /// - Throws: `.lost` if the connection fails, `.cutShort` if the answer is to be cut.
    func write(_ bytes: [UInt8]) throws(ExchangeFailure) {
        buffer += bytes
        if buffer.count >= Self.bufferLength { try flush() }
    }

    /// Takes bytes and, behind them, a part of a file, which the system sends.
    ///
    /// - Throws: `.lost` if the connection fails or the file cannot be read, `.cutShort` if the answer is to be cut.
    func write(_ bytes: [UInt8], then file: FileRange) throws(ExchangeFailure) {
        try flush()
        length += UInt64(bytes.count + file.count)
        guard !isHeadOnly else { return }
        guard !isCutShort else {
            try cut(bytes)
            throw .cutShort
        }
        let front = takeHead() + bytes
        do throws(TransportError) { try connection.write(front, then: file, wait: wait) } catch { throw .lost(error) }
    }

    /// Sends what is left, and the end.
    ///
    /// - Throws: as ``write(_:)`` does.
    func finish() throws(ExchangeFailure) {
        if case .waiting(let status, let fields) = form {
            // All of it is here.
            try sendHead(status, fields, .length(UInt64(buffer.count)))
        }
        try flush()
        guard case .chunks = form, !isHeadOnly else { return try send([]) }
        guard !isCutShort else { throw .cutShort }
        try send(Array("0\r\n\r\n".utf8))
    }

    private func flush() throws(ExchangeFailure) {
        if case .waiting(let status, let fields) = form {
            try sendHead(status, fields, isOld ? .untilClosed : .chunks)
        }
        guard !buffer.isEmpty else { return }
        length += UInt64(buffer.count)
        defer { buffer.removeAll(keepingCapacity: true) }
        guard !isHeadOnly else { return }
        if isCutShort {
            try cut(buffer)
            throw .cutShort
        }
        if case .chunks = form {
            let size = String(buffer.count, radix: 16)
            try send(Array("\(size)\r\n".utf8) + buffer + [0x0D, 0x0A])
        } else {
            try send(buffer)
        }
    }

    /// Sends the first half of what would be sent.
    private func cut(_ bytes: [UInt8]) throws(ExchangeFailure) {
        let half = Array(bytes.prefix(bytes.count / 2))
        if case .chunks = form { try send(Array("\(String(bytes.count, radix: 16))\r\n".utf8)) }
        try send(half)
    }

    private func sendHead(_ status: Int, _ fields: [HTTPField], _ form: Form) throws(ExchangeFailure) {
        self.form = form
        self.status = status
        var all = [
            HTTPField("Date", HTTPDate.text(WallClock.seconds)),
            HTTPField("Server", "dcmscu/\(ImplementationIdentity.version)"),
        ]
        switch form {
        case .length(let count) where status != 204: all.append(HTTPField("Content-Length", "\(count)"))
        case .chunks: all.append(HTTPField("Transfer-Encoding", "chunked"))
        case .untilClosed: closes = true
        case .length, .waiting: break
        }
        if body?.canBeSkipped == false { closes = true }
        if closes {
            all.append(HTTPField("Connection", "close"))
        } else if isOld {
            all.append(HTTPField("Connection", "keep-alive"))
        }
        head = Array("HTTP/1.1 \(status) \(Self.reason(status))\r\n\(HTTPField.lines(all + fields))\r\n".utf8)
    }

    private func takeHead() -> [UInt8] {
        defer { head = [] }
        return head
    }

    private func send(_ bytes: [UInt8]) throws(ExchangeFailure) {
        let bytes = head.isEmpty ? bytes : takeHead() + bytes
        guard !bytes.isEmpty else { return }
        do throws(TransportError) { try connection.write(bytes, wait: wait) } catch { throw .lost(error) }
    }

    /// RFC 9110 15; no client reads it.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
