import DICOMProtocol
import Testing

struct PresentationDataHeaderTests {
    @Test(
        arguments: [
            (1, true, true, 0, "04 00 00 00 00 06 00 00 00 02 01 03"),
            (3, true, false, 2, "04 00 00 00 00 08 00 00 00 04 03 01"),
            (255, false, true, 0x12_3456, "04 00 00 12 34 5C 00 12 34 58 FF 02"),
            (5, false, false, 16_378, "04 00 00 00 40 00 00 00 3F FC 05 00"),
        ] as [(UInt8, Bool, Bool, Int, String)])
    func `the header is as the standard has it`(
        _ contextID: UInt8, _ isCommand: Bool, _ isLast: Bool, _ payloadLength: Int, _ hex: String
    ) {
        // Not at an aligned address: in a send buffer headers stand between payloads of any length.
        var bytes = [UInt8](repeating: 0xEE, count: 14)
        bytes.withUnsafeMutableBytes { buffer in
            PresentationDataHeader.write(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[1..<13]), contextID: contextID,
                isCommand: isCommand, isLast: isLast, payloadLength: payloadLength)
        }
        #expect(bytes == [0xEE] + annotatedHex(hex) + [0xEE])
    }

    @Test func `what is written is what the framer reads`() throws {
        var bytes = [UInt8](repeating: 0, count: PresentationDataHeader.length) + [9, 8, 7]
        bytes.withUnsafeMutableBytes { buffer in
            PresentationDataHeader.write(into: buffer, contextID: 7, isCommand: false, isLast: true, payloadLength: 3)
        }
        var driver = FramerDriver()
        try driver.feed(bytes)
        #expect(driver.parts == [.value(contextID: 7, isCommand: false, isLast: true, bytes: [9, 8, 7])])
        #expect(driver.isAtEnd)
    }

    @Test(
        arguments: [
            (0, 1_000_000), (16_384, 16_378), (16_385, 16_378), (.max, 1_000_000), (1, 2), (7, 2), (8, 2), (10, 4),
        ] as [(UInt32, Int)])
    func `the payload fits what the peer announced, in even numbers`(_ announced: UInt32, _ payload: Int) {
        #expect(PresentationDataHeader.maximumPayloadLength(announced: announced, ownLimit: 1_000_000) == payload)
    }
}
