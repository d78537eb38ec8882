import Glibc
import Testing

@testable import System

struct SystemCallTests {
    @Test func `a failed call says what was tried and why, in lower case`() {
        #expect(throws: SystemError(errno: ENOENT, operation: "open", path: "/no/such")) {
            try systemCall("open", path: "/no/such") { open("/no/such", O_RDONLY) }
        }
        #expect(SystemError(errno: ENOENT, operation: "open").description == "open: no such file or directory")
    }

    @Test func `an interrupted call is made again`() throws {
        var calls = 0
        let result = try systemCall("read") { () -> Int in
            calls += 1
            guard calls == 3 else {
                errno = EINTR
                return -1
            }
            return 7
        }
        #expect(result == 7)
        #expect(calls == 3)
    }

    @Test(arguments: [ENOSPC, EDQUOT, EFBIG])
    func `a full disk and a used up quota are out of space`(number: CInt) {
        #expect(SystemError(errno: number, operation: "write").isOutOfSpace)
        #expect(!SystemError(errno: EIO, operation: "write").isOutOfSpace)
    }

    @Test func `a descriptor is closed at the end of its life`() throws {
        let ends = try pipe()
        let reading = FileDescriptor(owning: ends[0])
        do {
            let writing = FileDescriptor(owning: ends[1])
            #expect(fcntl(writing.rawValue, F_GETFD) != -1)
        }
        var byte: UInt8 = 0
        // The end of the stream: nobody holds the writing end any more.
        #expect(read(reading.rawValue, &byte, 1) == 0)
    }

    @Test func `a descriptor that was given away stays open`() throws {
        let ends = try pipe()
        let given = FileDescriptor(owning: ends[0]).release()
        #expect(given == ends[0])
        #expect(fcntl(given, F_GETFD) != -1)
        for end in ends { close(end) }
    }

    private func pipe() throws -> [CInt] {
        var ends: [CInt] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        return ends
    }

    @Test func `closing tells of an error`() {
        #expect(throws: SystemError(errno: EBADF, operation: "close")) {
            try FileDescriptor(owning: -1).close()
        }
    }

    @Test func `a wake up stays until it is drained, and neither blocks nor passes to child processes`() throws {
        let wakeUp = try FileDescriptor.WakeUp()
        let descriptor = wakeUp.descriptor.rawValue
        func isReadable() -> Bool {
            var polled = pollfd(fd: descriptor, events: CShort(POLLIN), revents: 0)
            return poll(&polled, 1, 0) == 1
        }
        wakeUp.drain()
        #expect(!isReadable())
        for _ in 0..<3 { wakeUp.wake() }
        #expect(isReadable() && isReadable())
        wakeUp.drain()
        #expect(!isReadable())
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
    }
}
