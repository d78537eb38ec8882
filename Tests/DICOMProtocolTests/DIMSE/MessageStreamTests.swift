import DICOM
import DICOMProtocol
import Testing

/// Framer and assembler together, as an association uses them.
struct MessageStreamTests {
    private static let stream =
        annotatedHex("04 00 00 00 00 25 00 00 00 21 03 01")  // a C-FIND-RQ, its first 31 bytes
        + GoldenCommands.findRequest.0[..<31]
        + annotatedHex("04 00 00 00 00 46 00 00 00 3B 03 03")  // its other 57, and
        + GoldenCommands.findRequest.0[31...]
        + annotatedHex("00 00 00 03 03 00 AA")  // the first byte of the data set in the same PDU
        + annotatedHex("04 00 00 00 00 09 00 00 00 05 03 02 BB CC DD")  // the rest of it
        + annotatedHex("04 00 00 00 00 4A 00 00 00 46 01 03")  // a C-ECHO-RQ
        + GoldenCommands.echoRequest.0

    private static let expected: [MessageAssembler.Event] = [
        .command(GoldenCommands.findRequest.1, contextID: 3), .data(isLast: true),
        .command(GoldenCommands.echoRequest.1, contextID: 1),
    ]

    @Test(arguments: [1, 2, 3, 7, 12, 64, 4096])
    func `messages come out the same whatever the pieces in which the stream arrives`(_ size: Int) throws {
        var framer = PDUFramer()
        var assembler = MessageAssembler()
        var events: [MessageAssembler.Event] = []
        var data: [UInt8] = []
        var buffer: [UInt8] = []
        for start in stride(from: 0, to: Self.stream.count, by: size) {
            buffer += Self.stream[start..<min(start + size, Self.stream.count)]
            while let fragment = try next(&framer, &buffer) {
                let event = try fragment.bytes.withUnsafeBytes { bytes in
                    try assembler.accept(
                        contextID: fragment.header.contextID, isCommand: fragment.header.isCommand,
                        isLast: fragment.header.isLast && fragment.header.endsPDV, bytes: bytes)
                }
                if !fragment.header.isCommand { data += fragment.bytes }
                if let event, event != .data(isLast: false) { events.append(event) }
            }
        }
        #expect(events == Self.expected)
        #expect(data == [0xAA, 0xBB, 0xCC, 0xDD])
        #expect(buffer.isEmpty)
        #expect(framer.isBetweenPDUs)
        #expect(assembler.isBetweenMessages)
    }

    /// The next fragment of what has arrived, taken off the buffer; nil if there is none yet.
    private func next(
        _ framer: inout PDUFramer, _ buffer: inout [UInt8]
    ) throws -> (header: PDUFramer.Fragment, bytes: [UInt8])? {
        let step = try buffer.withUnsafeBytes { try framer.next(in: $0) }
        guard case .fragment(let header, let consumed) = step else { return nil }
        let bytes = Array(buffer[header.range])
        buffer.removeFirst(consumed)
        return (header, bytes)
    }
}
