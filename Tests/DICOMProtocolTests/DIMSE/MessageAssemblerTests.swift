import DICOM
import DICOMProtocol
import Testing

struct MessageAssemblerTests {
    private typealias Event = MessageAssembler.Event

    private let echo = GoldenCommands.echoRequest
    private let find = GoldenCommands.findRequest

    @Test func `a command in one fragment is a message if no data set follows`() throws {
        var assembler = MessageAssembler()
        #expect(try accept(&assembler, 1, .command, echo.0, last: true) == .command(echo.1, contextID: 1))
        #expect(assembler.isBetweenMessages)
    }

    @Test func `a command is put together from fragments of a byte`() throws {
        var assembler = MessageAssembler()
        for byte in find.0.dropLast() {
            #expect(try accept(&assembler, 5, .command, [byte]) == nil)
            #expect(!assembler.isBetweenMessages)
        }
        #expect(
            try accept(&assembler, 5, .command, find.0.suffix(1), last: true) == .command(find.1, contextID: 5))
        #expect(!assembler.isBetweenMessages)
        #expect(try accept(&assembler, 5, .data, [1]) == .data(isLast: false))
        #expect(try accept(&assembler, 5, .data, [2], last: true) == .data(isLast: true))
        #expect(assembler.isBetweenMessages)
    }

    @Test func `a command is put together whatever the place of the cut`() throws {
        for cut in 0...find.0.count {
            var assembler = MessageAssembler()
            #expect(try accept(&assembler, 1, .command, Array(find.0[..<cut])) == nil)
            let event = try accept(&assembler, 1, .command, Array(find.0[cut...]), last: true)
            #expect(event == .command(find.1, contextID: 1))
        }
    }

    @Test func `fragments without bytes count as fragments`() throws {
        var assembler = MessageAssembler()
        #expect(try accept(&assembler, 1, .command, []) == nil)
        #expect(try accept(&assembler, 1, .command, find.0) == nil)
        #expect(try accept(&assembler, 1, .command, [], last: true) == .command(find.1, contextID: 1))
        #expect(try accept(&assembler, 1, .data, []) == .data(isLast: false))
        #expect(try accept(&assembler, 1, .data, [], last: true) == .data(isLast: true))
    }

    @Test func `messages follow each other, each in its own context`() throws {
        var assembler = MessageAssembler()
        for contextID in [1, 255, 3] as [UInt8] {
            #expect(
                try accept(&assembler, contextID, .command, find.0, last: true)
                    == .command(find.1, contextID: contextID))
            #expect(try accept(&assembler, contextID, .data, [0], last: true) == .data(isLast: true))
            #expect(
                try accept(&assembler, contextID, .command, echo.0, last: true)
                    == .command(echo.1, contextID: contextID))
        }
    }

    @Test func `responses of the same bytes are equal, and another one between them is not`() throws {
        var assembler = MessageAssembler()
        var pending = CommandSet()
        pending.commandField = .cFindRSP
        pending.messageIDBeingRespondedTo = 7
        pending.status = .pending
        pending.commandDataSetType = 1
        var other = pending
        other.messageIDBeingRespondedTo = 8
        for command in [pending, pending, other, pending] {
            let event = try accept(&assembler, 1, .command, command.encode(), last: true)
            #expect(event == .command(command, contextID: 1))
            #expect(try accept(&assembler, 1, .data, [1], last: true) == .data(isLast: true))
        }
    }

    @Test func `data without a command is an error`() {
        var assembler = MessageAssembler()
        #expect(code { try accept(&assembler, 1, .data, [0]) } == .unexpectedMessage)
    }

    @Test func `data after a command that announces none is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, echo.0, last: true)
        #expect(code { try accept(&assembler, 1, .data, [0], last: true) } == .unexpectedMessage)
    }

    @Test func `data after the last fragment is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, find.0, last: true)
        _ = try accept(&assembler, 1, .data, [0], last: true)
        #expect(code { try accept(&assembler, 1, .data, [0]) } == .unexpectedMessage)
    }

    @Test func `data before the end of the command is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, find.0)
        #expect(code { try accept(&assembler, 1, .data, [0]) } == .unexpectedMessage)
    }

    @Test func `a command while a data set is awaited is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, find.0, last: true)
        #expect(code { try accept(&assembler, 1, .command, echo.0, last: true) } == .unexpectedMessage)
    }

    @Test func `a command in the middle of a data set is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, find.0, last: true)
        _ = try accept(&assembler, 1, .data, [0])
        #expect(code { try accept(&assembler, 1, .command, echo.0, last: true) } == .unexpectedMessage)
    }

    @Test func `another context in the middle of a command is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, find.0)
        #expect(code { try accept(&assembler, 3, .command, [], last: true) } == .unexpectedMessage)
    }

    @Test func `another context for the data set than for its command is an error`() throws {
        var assembler = MessageAssembler()
        _ = try accept(&assembler, 1, .command, find.0, last: true)
        #expect(code { try accept(&assembler, 3, .data, [0]) } == .unexpectedMessage)
    }

    @Test func `a command of the greatest length is taken and one byte more is not`() throws {
        let limits = MessageAssembler.Limits(maximumCommandLength: echo.0.count)
        var assembler = MessageAssembler(limits: limits)
        #expect(try accept(&assembler, 1, .command, echo.0, last: true) == .command(echo.1, contextID: 1))
        #expect(code { try accept(&assembler, 1, .command, echo.0 + [0]) } == .messageTooLong)
    }

    @Test func `a command without an end is stopped at the limit`() throws {
        var assembler = MessageAssembler()
        let chunk = [UInt8](repeating: 0, count: 1024)
        for _ in 0..<64 { #expect(try accept(&assembler, 1, .command, chunk) == nil) }
        #expect(code { try accept(&assembler, 1, .command, [0]) } == .messageTooLong)
    }

    @Test func `a command that cannot be read is an error`() {
        var assembler = MessageAssembler()
        #expect(
            code { try accept(&assembler, 1, .command, echo.0.dropLast(), last: true) } == .invalidCommandSet)
    }

    private enum Part { case command, data }

    private func accept(
        _ assembler: inout MessageAssembler, _ contextID: UInt8, _ part: Part, _ bytes: some Collection<UInt8>,
        last: Bool = false
    ) throws -> MessageAssembler.Event? {
        try Array(bytes).withUnsafeBytes { buffer in
            try assembler.accept(
                contextID: contextID, isCommand: part == .command, isLast: last, bytes: buffer)
        }
    }

    private func code(_ body: () throws -> MessageAssembler.Event?) -> ProtocolError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? ProtocolError)?.code
        }
    }
}

extension MessageAssembler {
    /// True if no message has begun and not ended: one may begin then, in a context that no test uses.
    var isBetweenMessages: Bool {
        var copy = self
        do throws(ProtocolError) {
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            return try copy.accept(contextID: 251, isCommand: true, isLast: false, bytes: nothing) == nil
        } catch {
            return false
        }
    }
}
