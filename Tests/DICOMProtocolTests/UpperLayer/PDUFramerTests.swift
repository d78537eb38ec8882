import DICOMProtocol
import Testing

struct PDUFramerTests {
    /// Two PDUs: the first with the end of a command and the beginning of a data set, the second with the rest.
    static let dataBytes = annotatedHex(
        """
        04 00 00 00 00 13           ; P-DATA-TF, length 19
          00 00 00 05 03 03         ; value of 5 bytes: context 3, last of a command
            AA BB CC
          00 00 00 06 03 00         ; value of 6 bytes: context 3, data
            01 02 03 04
        04 00 00 00 00 10           ; P-DATA-TF, length 16
          00 00 00 02 03 00         ; value without payload: context 3, data
          00 00 00 06 03 FE         ; value of 6 bytes: context 3, last of data, unused bits set
            05 06 07 08
        """)

    static let dataParts: [FramedPart] = [
        .value(contextID: 3, isCommand: true, isLast: true, bytes: [0xAA, 0xBB, 0xCC]),
        .value(contextID: 3, isCommand: false, isLast: false, bytes: [1, 2, 3, 4]),
        .value(contextID: 3, isCommand: false, isLast: false, bytes: []),
        .value(contextID: 3, isCommand: false, isLast: true, bytes: [5, 6, 7, 8]),
    ]

    static func stream() throws -> (bytes: [UInt8], parts: [FramedPart]) {
        var bytes: [UInt8] = []
        var parts: [FramedPart] = []
        for (golden, pdu) in try GoldenPDUs.all() {
            bytes += golden + dataBytes
            parts += [.pdu(pdu)] + dataParts
        }
        return (bytes, parts)
    }

    @Test func `a stream given at once falls into its parts`() throws {
        let (bytes, parts) = try Self.stream()
        var driver = FramerDriver()
        try driver.feed(bytes)
        #expect(driver.parts == parts)
        #expect(driver.isAtEnd)
        #expect(driver.brokenPromises == 0)
    }

    @Test(arguments: [1, 2, 3, 5, 7, 11, 13, 64, 255])
    func `a stream given in pieces falls into the same parts`(_ size: Int) throws {
        let (bytes, parts) = try Self.stream()
        var driver = FramerDriver()
        for start in stride(from: 0, to: bytes.count, by: size) {
            try driver.feed(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(driver.parts == parts)
        #expect(driver.isAtEnd)
        #expect(driver.brokenPromises == 0)
    }

    @Test func `a stream cut anywhere gives a beginning of its parts and waits for more`() throws {
        let (bytes, parts) = try Self.stream()
        for length in 0..<bytes.count {
            var driver = FramerDriver()
            try driver.feed(bytes[..<length])
            #expect(driver.parts == Array(parts.prefix(driver.parts.count)))
            #expect(driver.parts.count < parts.count)
            try driver.feed(bytes[length...])
            #expect(driver.parts == parts)
            #expect(driver.brokenPromises == 0)
        }
    }

    private func step(_ hex: String, limits: PDULimits = .standard) throws(ProtocolError) -> PDUFramer.Step {
        var framer = PDUFramer(limits: limits)
        return try framer.step(in: annotatedHex(hex))
    }

    @Test(
        arguments: [
            ("", 6), ("04", 6), ("04 00 00 00 00", 6), ("04 00 00 00 00 08", 12), ("04 00 00 00 00 08 00 00 00 04", 13),
            ("04 00 00 00 00 08 00 00 00 04 01", 13), ("04 00 00 00 00 08 00 00 00 04 01 03", 13),
            ("04 00 00 00 00 06 00 00 00 02 01", 12), ("07 00 00 00 00 04 00", 10), ("01 00 00 00 01 00", 262),
        ])
    func `what is missing is told, down to the byte`(_ hex: String, _ needed: Int) throws {
        #expect(try step(hex) == .needMore(atLeast: needed))
    }

    @Test func `data is given as soon as a byte of it is there`() throws {
        let fragment = PDUFramer.Fragment(contextID: 1, isCommand: false, isLast: true, range: 12..<13, endsPDV: false)
        #expect(try step("04 00 00 10 00 08 00 10 00 04 01 02 AA") == .fragment(fragment, consumed: 13))
    }

    @Test func `a value without payload is given at once`() throws {
        let fragment = PDUFramer.Fragment(contextID: 1, isCommand: false, isLast: true, range: 12..<12, endsPDV: true)
        #expect(try step("04 00 00 00 00 06 00 00 00 02 01 02") == .fragment(fragment, consumed: 12))
    }

    @Test(arguments: ["00", "08", "48", "15", "FF"])
    func `a stream that is no DICOM is known by its first byte`(_ hex: String) {
        let error = #expect(throws: ProtocolError.self) { try step(hex) }
        #expect(error?.code == .unrecognizedPDU)
        #expect(error?.abortReason == Abort.Reason.unrecognizedPDU)
    }

    @Test(
        arguments: [
            // P-DATA-TF without room for a value
            "04 00 00 00 00 00", "04 00 00 00 00 05",
            // A value shorter than its own two bytes
            "04 00 00 00 00 06 00 00 00 00", "04 00 00 00 00 06 00 00 00 01",
            // A value that ends behind its PDU, by one byte and by all there are
            "04 00 00 00 00 06 00 00 00 03", "04 00 00 00 00 08 FF FF FF FF", "04 00 00 00 00 08 80 00 00 00",
        ])
    func `lengths of values that cannot be are errors before any more is read`(_ hex: String) {
        let error = #expect(throws: ProtocolError.self) { try step(hex) }
        #expect(error?.code == .invalidPDVLength)
        #expect(error?.abortReason == Abort.Reason.invalidPDUParameterValue)
    }

    @Test(arguments: 1...5)
    func `bytes at the end of a PDU that are no value are an error`(_ count: Int) {
        let bytes: [UInt8] = [4, 0, 0, 0, 0, UInt8(7 + count), 0, 0, 0, 3, 1, 2, 0xAA]
        var driver = FramerDriver()
        let error = #expect(throws: ProtocolError.self) {
            try driver.feed(bytes + [UInt8](repeating: 0, count: count))
        }
        #expect(error?.code == .invalidPDVLength)
        #expect(driver.parts == [.value(contextID: 1, isCommand: false, isLast: true, bytes: [0xAA])])
    }

    @Test(arguments: [1, 2, 3, 5, 6, 7])
    func `a control PDU of four gigabytes is refused before a byte of it is held`(_ type: UInt8) {
        var driver = FramerDriver()
        let error = #expect(throws: ProtocolError.self) { try driver.feed([type, 0, 0xFF, 0xFF, 0xFF, 0xFF]) }
        #expect(error?.code == .pduTooLong)
    }

    @Test func `the limit of control PDUs is the one that was set`() throws {
        let limits = PDULimits(maximumControlLength: 100)
        #expect(try step("01 00 00 00 00 64", limits: limits) == .needMore(atLeast: 106))
        let error = #expect(throws: ProtocolError.self) { try step("01 00 00 00 00 65", limits: limits) }
        #expect(error?.code == .pduTooLong)
    }

    @Test func `control PDUs of length zero are read as far as they need no bytes`() throws {
        #expect(try step("05 00 00 00 00 00") == .pdu(.releaseRequest, consumed: 6))
        #expect(try step("06 00 00 00 00 00") == .pdu(.releaseResponse, consumed: 6))
        for type in ["01", "02", "03", "07"] {
            let error = #expect(throws: ProtocolError.self) { try step(type + " 00 00 00 00 00") }
            #expect(error?.code == .truncated)
        }
    }

    @Test func `a peer that exceeds what was announced is borne up to a hard limit`() throws {
        let limits = PDULimits(announcedMaximumLength: 0x4000)
        var framer = PDUFramer(limits: limits)
        let step = try framer.step(in: annotatedHex("04 00 10 00 00 00 0F FF FF FC 01 00 07"))
        guard case .fragment(let fragment, consumed: 13) = step else {
            Issue.record("not a fragment: \(step)")
            return
        }
        #expect(fragment.range == 12..<13)
        #expect(framer.longestBeyondAnnounced == 0x1000_0000)
        let error = #expect(throws: ProtocolError.self) { try self.step("04 00 40 00 00 01", limits: limits) }
        #expect(error?.code == .pduTooLong)
    }

    @Test func `a peer that keeps to what was announced is not noted`() throws {
        var driver = FramerDriver(limits: PDULimits(announcedMaximumLength: 19))
        try driver.feed(Self.dataBytes)
        #expect(driver.framer.longestBeyondAnnounced == 0)
    }

    @Test func `where no limit was announced the longest PDU there can be is read`() throws {
        let limits = PDULimits(announcedMaximumLength: 0)
        let step = try step("04 00 FF FF FF FF FF FF FF FB 01 02 AA BB", limits: limits)
        let fragment = PDUFramer.Fragment(contextID: 1, isCommand: false, isLast: true, range: 12..<14, endsPDV: false)
        #expect(step == .fragment(fragment, consumed: 14))
    }

    @Test func `any byte of a stream may be anything without a trap`() throws {
        let (golden, _) = try Self.stream()
        for index in golden.indices {
            for value in [0x00, 0x01, 0x04, 0x7F, 0xFF] as [UInt8] {
                var bytes = golden
                bytes[index] = value
                var driver = FramerDriver()
                do throws(ProtocolError) { try driver.feed(bytes) } catch { #expect(!error.section.isEmpty) }
                #expect(driver.brokenPromises == 0)
            }
        }
    }
}
