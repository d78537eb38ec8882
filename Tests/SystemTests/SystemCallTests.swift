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
        let reading: FileDescriptor
        do {
            let pipe = try FileDescriptor.pipe()
            reading = FileDescriptor(owning: dup(pipe.reading.rawValue))
        }
        var byte: UInt8 = 0
        // The end of the stream: nobody holds the writing end any more.
        #expect(read(reading.rawValue, &byte, 1) == 0)
    }

    @Test func `a descriptor that was given away stays open`() throws {
        let pipe = try FileDescriptor.pipe()
        let copy = dup(pipe.writing.rawValue)
        let given = FileDescriptor(owning: copy).release()
        #expect(given == copy)
        #expect(fcntl(given, F_GETFD) != -1)
        close(given)
    }

    @Test func `closing tells of an error`() {
        #expect(throws: SystemError(errno: EBADF, operation: "close")) {
            try FileDescriptor(owning: -1).close()
        }
    }

    @Test func `a pipe neither blocks nor passes to child processes`() throws {
        let pipe = try FileDescriptor.pipe()
        var byte: UInt8 = 0
        #expect(read(pipe.reading.rawValue, &byte, 1) == -1)
        #expect(errno == EAGAIN)
        #expect(fcntl(pipe.reading.rawValue, F_GETFD) & FD_CLOEXEC != 0)
    }
}
