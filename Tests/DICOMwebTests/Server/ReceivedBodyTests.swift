import DICOMNode
import System
import TestSupport
import Testing

@testable import DICOMweb

struct ReceivedBodyTests {
    /// Reads a body that a client sends in pieces, and what is left behind it.
    private func read(_ fields: String, _ sent: String, pieces: Int = 7) throws -> (body: String, rest: String) {
        let ends = try Loopback()
        let head = try RequestHead(Array("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)[...])
        let client = ends.client
        let sender = try Background {
            let bytes = Array(sent.utf8)
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                try client.write(Array(bytes[start..<min(start + pieces, bytes.count)]), wait: Loopback.patience)
            }
            client.closeWriting()
        }
        let input = ConnectionInput(ends.server)
        let body = ReceivedBody(head, input, wait: Loopback.patience)
        var text: [UInt8] = []
        while try body.read({ text += Array($0) }) {}
        try sender.value()
        while try input.fill(Loopback.patience) {}
        return (String(decoding: text, as: UTF8.self), String(decoding: input.available, as: UTF8.self))
    }

    @Test(arguments: [1, 3, 1000])
    func `a body of a known length ends with it`(pieces: Int) throws {
        let (body, rest) = try read("Content-Length: 11\r\n", "hello worldGET / HTTP/1.1\r\n", pieces: pieces)
        #expect(body == "hello world")
        #expect(rest == "GET / HTTP/1.1\r\n")
    }

    @Test(arguments: [1, 3, 1000])
    func `chunks are put together, extensions and trailers passed over`(pieces: Int) throws {
        let (body, rest) = try read(
            "Transfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\n006\r\n world\r\n0\r\nTrailer: a\r\n\r\nrest",
            pieces: pieces)
        #expect(body == "hello world")
        #expect(rest == "rest")
    }

    @Test(arguments: [
        "g\r\n", "-5\r\nhello\r\n", "+5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n", "\r\n",
        "ffffffffffffffff\r\n", "1;" + String(repeating: "x", count: 2_000) + "\r\n",
        "0\r\n" + String(repeating: "A: b\r\n", count: 4_000),
    ])
    func `chunks that are none are refused`(sent: String) throws {
        #expect {
            try read("Transfer-Encoding: chunked\r\n", sent, pieces: 100_000)
        } throws: { error in
            guard case .refused(let refusal)? = error as? ExchangeFailure else { return false }
            return refusal.status == 400
        }
    }

    @Test(arguments: ["Content-Length: 12\r\n", "Transfer-Encoding: chunked\r\n"])
    func `a body that ends before its end is lost`(fields: String) throws {
        #expect {
            try read(fields, "5\r\nhello\r\n")
        } throws: { error in
            if case .lost(.closed)? = error as? ExchangeFailure { true } else { false }
        }
    }

    @Test func `who waits for the word to go on gets it when the body is wanted`() throws {
        let ends = try Loopback()
        let text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        let body = ReceivedBody(
            try RequestHead(Array(text.utf8)[...]), ConnectionInput(ends.server), wait: Loopback.patience)
        #expect(try body.skip(upTo: 100) == false)
        let client = ends.client
        let sender = try Background {
            var answer = [UInt8](repeating: 0, count: 25)
            let count = try answer.withUnsafeMutableBytes { try client.read(into: $0, wait: Loopback.patience) }
            try client.write(Array("ok".utf8), wait: Loopback.patience)
            return String(decoding: answer.prefix(count), as: UTF8.self)
        }
        var read: [UInt8] = []
        while try body.read({ read += Array($0) }) {}
        #expect(try sender.value() == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(read == Array("ok".utf8))
    }
}
