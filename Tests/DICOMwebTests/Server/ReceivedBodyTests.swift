import DICOMNode
import Glibc
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
        // Control characters, white space of Unicode, and trailers that are no fields.
        "5;a\rb\r\nhello\r\n", "\u{B}5\r\nhello\r\n", "5\r\r\nhello\r\n", "5\0\r\nhello\r\n", "5;\0\r\nhello\r\n",
        "\u{A0}5\r\nhello\r\n", "5\u{2003}\r\nhello\r\n", "\u{FF15}\r\nhello\r\n", "5 5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "0\r\nno colon\r\n\r\n", "0\r\nA : b\r\n\r\n", "0\r\nA: b\rc\r\n\r\n", "0\r\n folded: b\r\n\r\n",
        "0\r\n\u{212A}: b\r\n\r\n", "0\r\nContent-Length: \u{2003}5\r\n\r\n",
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

    /// A body at whose other end somebody says the bytes, one at a time, until it is given up.
    private func drip(
        _ length: Int, within inactivity: Double, _ read: (ReceivedBody) throws -> Bool
    ) throws -> Bool {
        let ends = try Loopback()
        let head = try RequestHead(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n".utf8)[...])
        let isOver = Locked(false)
        let client = ends.client
        let sender = try Background {
            // Far more often than the limit, and never as much as counts.
            for _ in 0..<1_000 where !isOver.withLock({ $0 }) {
                do { try client.write([0x78], wait: Loopback.patience) } catch { break }
                usleep(20_000)
            }
            client.closeWriting()
        }
        defer {
            isOver.withLock { $0 = true }
            try? sender.value()
        }
        let wait = WaitLimits(inactivity: inactivity, total: .after(seconds: 60))
        return try read(ReceivedBody(head, ConnectionInput(ends.server), wait: wait))
    }

    @Test func `a byte now and then is as good as silence`() throws {
        #expect {
            try drip(100_000, within: 1) { body in
                while try body.read({ _ in }) {}
                return true
            }
        } throws: { error in
            if case .lost(.timedOut)? = error as? ExchangeFailure { true } else { false }
        }
    }

    @Test func `a body that nobody wants is not waited for long`() throws {
        #expect(try drip(60_000, within: 30) { try $0.skip() } == false)
    }

    @Test func `only a rest that is known to be little is read for the next request`() throws {
        for (fields, rest) in [
            ("", true), ("Content-Length: 65536\r\n", true), ("Content-Length: 65537\r\n", false),
            ("Transfer-Encoding: chunked\r\n", false),
        ] {
            let head = try RequestHead(Array("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8)[...])
            let body = ReceivedBody(head, ConnectionInput(try Loopback().server), wait: Loopback.patience)
            #expect(body.canBeSkipped == rest)
        }
    }

    @Test func `who waits for the word to go on gets it when the body is wanted`() throws {
        let ends = try Loopback()
        let text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        let body = ReceivedBody(
            try RequestHead(Array(text.utf8)[...]), ConnectionInput(ends.server), wait: Loopback.patience)
        #expect(!body.canBeSkipped)
        #expect(try body.skip() == false)
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
