import Glibc

/// Takes the parts of a multipart body while they arrive.
protocol PartReader: AnyObject {
    associatedtype Failure: Error

    /// A part begins.
    func beginPart(_ type: MediaType) throws(Failure)

    /// The next bytes of it.
    func read(_ bytes: UnsafeRawBufferPointer) throws(Failure)

    /// The part is whole: the delimiter behind it is there.
    func endPart() throws(Failure)
}

/// Divides a multipart body (RFC 2046 5.1.1) as it arrives, in memory that does not grow with it. What is in a part is handed on; the
/// lengths that parts announce are not believed.
struct MultipartReader {
    enum Problem: Error, Equatable {
        /// The header fields of a part have no end within the limit.
        case headTooLong
        /// A line of the header is none.
        case malformedHead
        /// The first delimiter does not come within the limit.
        case preambleTooLong

        var words: String {
            switch self {
            case .headTooLong: "the header of a part has no end"
            case .malformedHead: "the header of a part is none"
            case .preambleTooLong:
                "the answer has no first boundary within \(MultipartReader.maximumPreamble >> 20) MB"
            }
        }
    }

    private enum State {
        /// Before the first delimiter.
        case preamble
        case head
        case part
        /// Behind the last delimiter, which says that it is the last one.
        case epilogue
    }

    /// CR LF, two hyphens and the boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// What has arrived and is not decided: the beginning of a delimiter, or of a head.
    private var left: [UInt8]
    private(set) var parts = 0
    /// Bytes before the first delimiter, or behind the last one.
    private var outside = 0

    /// RFC 2046 allows 70; some servers have longer ones.
    static let maximumBoundary = 1024
    private static let maximumHead = 16 * 1024
    static let maximumPreamble = 16 << 20
    static let maximumEpilogue = 64 << 10
    /// The rest of a delimiter's line: white space that nobody needs.
    private static let maximumLine = 1024

    /// Returns nil for a boundary that is empty or too long.
    init?(boundary: String) {
        guard (1...Self.maximumBoundary).contains(boundary.utf8.count) else { return nil }
        delimiter = [0x0D, 0x0A, 0x2D, 0x2D] + Array(boundary.utf8)
        // The first delimiter needs no line end before it.
        left = [0x0D, 0x0A]
    }

    /// True if the last delimiter was there, which closes the body.
    var isClosed: Bool { if case .epilogue = state { true } else { false } }

    /// True if the body is closed and goes on for so long that its end need not be waited for.
    var needsNoMore: Bool { isClosed && outside > Self.maximumEpilogue }

    /// Takes the next bytes.
    ///
    /// - Throws: the error that the reader throws, or the one made of a problem.
    mutating func read<Reader: PartReader>(
        _ bytes: UnsafeRawBufferPointer, into reader: Reader, problem: (Problem) -> Reader.Failure
    ) throws(Reader.Failure) {
        if case .epilogue = state {
            outside = min(outside + bytes.count, Self.maximumEpilogue + 1)
            return
        }
        if case .preamble = state {
            outside += bytes.count
            guard outside <= Self.maximumPreamble + bytes.count else { throw problem(.preambleTooLong) }
        }
        // Most of a long part lies in one piece and is handed on from where it is.
        guard !left.isEmpty else {
            let used = try take(bytes, reader, problem)
            return left.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[used...]))
        }
        // Nobody else holds the array meanwhile: what is removed of it costs no copy.
        var held: [UInt8] = []
        swap(&held, &left)
        held.append(contentsOf: bytes)
        let used = try held.withUnsafeBufferPointer { pointer throws(Reader.Failure) in
            try take(UnsafeRawBufferPointer(pointer), reader, problem)
        }
        held.removeFirst(used)
        left = held
    }

    /// Goes on as far as the bytes decide it. Returns the number of those that are done with.
    private mutating func take<Reader: PartReader>(
        _ buffer: UnsafeRawBufferPointer, _ reader: Reader, _ problem: (Problem) -> Reader.Failure
    ) throws(Reader.Failure) -> Int {
        var index = 0
        while let next = try step(buffer, from: index, reader, problem) { index = next }
        if case .epilogue = state { outside = buffer.count - index }
        return index + finished(buffer, index)
    }

    /// One step on; nil if more bytes are needed. What a part may hand on without a delimiter in sight is handed on by ``finished``.
    private mutating func step<Reader: PartReader>(
        _ buffer: UnsafeRawBufferPointer, from index: Int, _ reader: Reader, _ problem: (Problem) -> Reader.Failure
    ) throws(Reader.Failure) -> Int? {
        switch state {
        case .preamble:
            guard let found = Self.position(of: delimiter, in: buffer, from: index) else { return nil }
            guard let end = lineEnd(buffer, from: found + delimiter.count) else { return nil }
            guard end.isDelimiter else { return found + 1 }
            state = end.isLast ? .epilogue : .head
            return end.index
        case .head: return try readHead(buffer, from: index, reader, problem)
        case .part:
            guard let found = Self.position(of: delimiter, in: buffer, from: index) else {
                let end = plainEnd(buffer, from: index)
                guard end > index else { return nil }
                try reader.read(UnsafeRawBufferPointer(rebasing: buffer[index..<end]))
                return end
            }
            if found > index { try reader.read(UnsafeRawBufferPointer(rebasing: buffer[index..<found])) }
            guard let end = lineEnd(buffer, from: found + delimiter.count) else { return found == index ? nil : found }
            guard end.isDelimiter else {
                // The bytes only look like one.
                try reader.read(UnsafeRawBufferPointer(rebasing: buffer[found..<(found + 1)]))
                return found + 1
            }
            try reader.endPart()
            parts += 1
            state = end.isLast ? .epilogue : .head
            return end.index
        case .epilogue: return nil
        }
    }

    private func finished(_ buffer: UnsafeRawBufferPointer, _ index: Int) -> Int {
        switch state {
        case .epilogue: buffer.count - index
        // Of the preamble only what may be the beginning of a delimiter is kept.
        case .preamble: (Self.position(of: delimiter, in: buffer, from: index) ?? plainEnd(buffer, from: index)) - index
        case .head, .part: 0
        }
    }

    private mutating func readHead<Reader: PartReader>(
        _ buffer: UnsafeRawBufferPointer, from index: Int, _ reader: Reader, _ problem: (Problem) -> Reader.Failure
    ) throws(Reader.Failure) -> Int? {
        var type = ""
        var start = index
        while true {
            guard let end = Self.position(of: [0x0D, 0x0A], in: buffer, from: start) else {
                guard buffer.count - index <= Self.maximumHead else { throw problem(.headTooLong) }
                return nil
            }
            guard end - index <= Self.maximumHead else { throw problem(.headTooLong) }
            if end == start {
                try reader.beginPart(MediaType(type))
                state = .part
                return end + 2
            }
            let line = String(decoding: UnsafeRawBufferPointer(rebasing: buffer[start..<end]), as: UTF8.self)
            if let colon = line.firstIndex(of: ":") {
                if line[..<colon].lowercased() == "content-type" { type = String(line[line.index(after: colon)...]) }
            } else if line.first != " ", line.first != "\t" {
                throw problem(.malformedHead)
            }
            start = end + 2
        }
    }

    /// The end of the line of a delimiter: two hyphens make it the last one, white space may follow, anything else makes it none. Nil if
    /// more bytes are needed.
    private func lineEnd(
        _ buffer: UnsafeRawBufferPointer, from start: Int
    ) -> (index: Int, isLast: Bool, isDelimiter: Bool)? {
        var index = start
        guard index + 1 < buffer.count else { return nil }
        if buffer[index] == 0x2D, buffer[index + 1] == 0x2D { return (index + 2, true, true) }
        while index < buffer.count, buffer[index] == 0x20 || buffer[index] == 0x09 {
            index += 1
            if index - start > Self.maximumLine { return (index, false, false) }
        }
        guard index + 1 < buffer.count else { return nil }
        let isEnd = buffer[index] == 0x0D && buffer[index + 1] == 0x0A
        return (index + 2, false, isEnd)
    }

    /// The place up to which no delimiter can begin that goes on behind the bytes.
    private func plainEnd(_ buffer: UnsafeRawBufferPointer, from index: Int) -> Int {
        var start = max(index, buffer.count - delimiter.count + 1)
        while start < buffer.count {
            if buffer[start] == 0x0D {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                if delimiter.starts(with: rest) { return start }
            }
            start += 1
        }
        return buffer.count
    }

    private static func position(of pattern: [UInt8], in buffer: UnsafeRawBufferPointer, from index: Int) -> Int? {
        guard let start = buffer.baseAddress, let first = pattern.first, let end = pattern.last else { return nil }
        let last = buffer.count - pattern.count
        var index = index
        while index <= last {
            guard let found = memchr(start + index, CInt(first), last - index + 1) else { return nil }
            index = UnsafeRawPointer(found) - start
            // Of pixels every 256th byte is the first one: for nearly all of these the last one spares the call.
            if buffer[index + pattern.count - 1] == end, memcmp(found, pattern, pattern.count) == 0 { return index }
            index += 1
        }
        return nil
    }
}
