import Glibc
import Testing

@testable import System

struct LocalOutputTests {
    /// Writes in a thread of its own until the write ends: `body` is run while nobody reads.
    private func failure(
        ofWriting bytes: [UInt8], to descriptor: CInt, unless cancellation: Cancellation, _ body: () -> Void
    ) throws -> SystemError? {
        let failure = Locked<SystemError?>(nil)
        let thread = try PosixThread(name: "writer") {
            do throws(SystemError) {
                try bytes.span.bytes.withUnsafeBytes { bytes throws(SystemError) in
                    try LocalOutput.write(bytes, to: descriptor, unless: cancellation)
                }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        body()
        thread.join()
        return failure.withLock { $0 }
    }

    @Test(arguments: [Cancellation.Level.graceful, .abort])
    func `a pipe that nobody reads is given up when an end is asked for`(level: Cancellation.Level) throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let cancellation = try Cancellation()
        let lines = [UInt8](repeating: UInt8(ascii: "\n"), count: 1 << 20)
        let error = try failure(ofWriting: lines, to: ends[1], unless: cancellation) { cancellation.raise(to: level) }
        #expect(error?.errno == EINTR)
        // Nothing more is tried, not even where there is room again.
        var taken = [UInt8](repeating: 0, count: 1 << 16)
        #expect(read(ends[0], &taken, taken.count) > 0)
        #expect(try failure(ofWriting: [1], to: ends[1], unless: cancellation) {}?.errno == EINTR)
    }

    @Test func `a socket that nobody reads is given up when an end is asked for`() throws {
        var ends: [CInt] = [-1, -1]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { ends.forEach { close($0) } }
        let cancellation = try Cancellation()
        let bytes = [UInt8](repeating: 1, count: 4 << 20)
        let error = try failure(ofWriting: bytes, to: ends[1], unless: cancellation) { cancellation.raise() }
        #expect(error?.errno == EINTR)
    }

    @Test func `what a slow reader reads after the first signal is whole, and lines stay whole`() throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let reading = ends[0]
        defer { close(reading) }
        let cancellation = try Cancellation()
        cancellation.raise()
        let line = Array((String(repeating: "x", count: 99) + "\n").utf8)
        let lines = [UInt8]((0..<5000).map { _ in line }.joined())
        let writing = ends[1]
        var found: [UInt8] = []
        let error = try failure(ofWriting: lines, to: writing, unless: cancellation) {
            var piece = [UInt8](repeating: 0, count: 4096)
            while found.count < lines.count {
                let count = read(reading, &piece, piece.count)
                guard count > 0 else { break }
                found += piece[..<count]
            }
        }
        close(writing)
        #expect(error == nil)
        #expect(found == lines)
    }

    @Test func `a reader that has gone is told, and a closed descriptor`() throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[1]) }
        close(ends[0])
        signal(SIGPIPE, SIG_IGN)
        #expect(try failure(ofWriting: [1], to: ends[1], unless: .never) {}?.errno == EPIPE)
        #expect(try failure(ofWriting: [1], to: -1, unless: .never) {}?.errno == EBADF)
    }
}
