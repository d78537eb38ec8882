import Testing

@testable import DICOMweb

/// The parts that a reader was handed, as text.
private final class Parts: PartReader {
    private(set) var parts: [(type: String, bytes: [UInt8], isWhole: Bool)] = []

    func beginPart(_ type: MediaType) throws(MultipartReader.Problem) { parts.append((type.name, [], false)) }
    func read(_ bytes: UnsafeRawBufferPointer) throws(MultipartReader.Problem) {
        parts[parts.count - 1].bytes += Array(bytes)
    }
    func endPart() throws(MultipartReader.Problem) { parts[parts.count - 1].isWhole = true }

    var texts: [String] { parts.map { String(decoding: $0.bytes, as: UTF8.self) } }
}

struct MultipartReaderTests {
    /// Reads a body in pieces of a length.
    private func read(
        _ body: [UInt8], boundary: String = "B", pieces: Int
    ) throws(MultipartReader.Problem) -> (parts: Parts, isClosed: Bool) {
        try read(
            stride(from: 0, to: body.count, by: pieces).map { body[$0..<min($0 + pieces, body.count)] },
            boundary: boundary)
    }

    private func read(
        _ pieces: [ArraySlice<UInt8>], boundary: String = "B"
    ) throws(MultipartReader.Problem) -> (parts: Parts, isClosed: Bool) {
        let parts = Parts()
        var reader = MultipartReader(boundary: boundary)
        for piece in pieces {
            try Array(piece).withUnsafeBufferPointer { pointer throws(MultipartReader.Problem) in
                try reader?.read(UnsafeRawBufferPointer(pointer), into: parts, problem: { $0 })
            }
        }
        return (parts, reader?.isClosed ?? false)
    }

    private static let usual = Array(
        """
        preamble\r\n--Bad\r\n--B  \r\nContent-Type: application/dicom;transfer-syntax=1.2\r\nContent-Length: 1\r\n\r\n\
        first\r\n--Bx\r\n\r\n--\r\n-B\r\n--B\r\n\r\nno head\r\r\n--B\r\nContent-Type: text/plain\r\n\r\n\r\n--B--\r\nepilogue
        """.utf8)

    @Test(arguments: 1...40)
    func `however a body is cut into pieces, the same parts come out`(length: Int) throws {
        let (parts, isClosed) = try read(Self.usual, pieces: length)
        #expect(parts.texts == ["first\r\n--Bx\r\n\r\n--\r\n-B", "no head\r", ""])
        #expect(parts.parts.map(\.type) == ["application/dicom", "", "text/plain"])
        #expect(parts.parts.allSatisfy { $0.isWhole })
        #expect(isClosed)
    }

    @Test
    func `wherever a body is cut into three, the same parts come out`() throws {
        let body = Self.usual
        for first in 0...body.count {
            // The second cut is near the first one: within a delimiter, a head or a part.
            for second in first...min(first + 12, body.count) {
                let (parts, isClosed) = try read([body[..<first], body[first..<second], body[second...]])
                #expect(parts.texts == ["first\r\n--Bx\r\n\r\n--\r\n-B", "no head\r", ""], "\(first), \(second)")
                #expect(parts.parts.allSatisfy { $0.isWhole } && isClosed, "\(first), \(second)")
            }
        }
    }

    @Test
    func `a body without its closing delimiter is not closed, and its last part not whole`() throws {
        let body = Array("--B\r\n\r\none\r\n--B\r\n\r\ntwo".utf8)
        let (parts, isClosed) = try read(body, pieces: 7)
        #expect(parts.parts.map(\.isWhole) == [true, false])
        #expect(!isClosed)
    }

    @Test
    func `each place where a body can be cut leaves it open`() throws {
        let body = Array("--B\r\n\r\none\r\n--B--".utf8)
        for length in 0..<body.count {
            let (parts, isClosed) = try read(Array(body.prefix(length)), pieces: 3)
            #expect(!isClosed)
            #expect(parts.parts.allSatisfy { !$0.isWhole })
        }
        #expect(try read(body, pieces: 3).isClosed)
    }

    @Test
    func `bytes of pixels that look like a delimiter belong to the part`() throws {
        let inside = "\r\n-0B\r\n--B0\r\n--\r\r\n\r\n--BB--\r\n--\r\n"
        for length in [1, 2, 3, 5, 1000] {
            let body = Array("--B\r\n\r\n\(inside)\r\n--B--".utf8)
            #expect(try read(body, pieces: length).parts.texts == [inside])
        }
    }

    @Test
    func `a head without an end is refused`() throws {
        let body = Array("--B\r\n".utf8) + Array(repeating: Array("X-Filler: abcdefgh\r\n".utf8), count: 2000).joined()
        #expect(throws: MultipartReader.Problem.headTooLong) { try read(body, pieces: 4096) }
        let line = Array("--B\r\n".utf8) + [UInt8](repeating: 0x41, count: 40_000)
        #expect(throws: MultipartReader.Problem.headTooLong) { try read(line, pieces: 1000) }
        let odd = Array("--B\r\nno colon\r\n\r\n".utf8)
        #expect(throws: MultipartReader.Problem.malformedHead) { try read(odd, pieces: 9) }
    }

    @Test
    func `a boundary has a length that a server may have, and no other`() {
        #expect(MultipartReader(boundary: "") == nil)
        #expect(MultipartReader(boundary: String(repeating: "b", count: 100)) != nil)
        #expect(MultipartReader(boundary: String(repeating: "b", count: 10_000_000)) == nil)
    }

    @Test
    func `a preamble of megabytes is passed over in little memory, and so is an epilogue`() throws {
        let filler = [UInt8](repeating: 0x0D, count: 1 << 20)
        let body = filler + Array("\r\n--B\r\n\r\none\r\n--B--\r\n".utf8) + filler
        #expect(try read(body, pieces: 65536).parts.texts == ["one"])
    }

    @Test
    func `a preamble without an end is refused, and the end of an epilogue is not waited for`() throws {
        let filler = [UInt8](repeating: 0x20, count: 1 << 20)
        let parts = Parts()
        var reader = try #require(MultipartReader(boundary: "B"))
        func read(_ bytes: [UInt8]) throws(MultipartReader.Problem) {
            try bytes.withUnsafeBufferPointer { pointer throws(MultipartReader.Problem) in
                try reader.read(UnsafeRawBufferPointer(pointer), into: parts, problem: { $0 })
            }
        }
        #expect(throws: MultipartReader.Problem.preambleTooLong) {
            for _ in 0..<2 * MultipartReader.maximumPreamble >> 20 { try read(filler) }
        }
        reader = try #require(MultipartReader(boundary: "B"))
        try read(filler + Array("\r\n--B\r\n\r\none".utf8))
        try read(filler)
        #expect(!reader.needsNoMore)
        try read(Array("\r\n--B--\r\n".utf8))
        try read([UInt8](repeating: 0x20, count: 1000))
        #expect(reader.isClosed && !reader.needsNoMore)
        try read([UInt8](repeating: 0x20, count: MultipartReader.maximumEpilogue))
        #expect(reader.isClosed && reader.needsNoMore)
        #expect(parts.parts.map(\.isWhole) == [true])
    }
}
