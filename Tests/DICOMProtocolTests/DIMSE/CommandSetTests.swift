import DICOM
import DICOMProtocol
import Testing

struct CommandSetTests {
    @Test func `every command is written as the standard has it`() {
        for (bytes, command) in GoldenCommands.all { #expect(command.encode() == bytes) }
    }

    @Test func `every command is read as the value it stands for`() throws {
        for (bytes, command) in GoldenCommands.all { #expect(try CommandSet(decoding: bytes[...]) == command) }
    }

    @Test func `a slice that does not begin at zero is read`() throws {
        for (bytes, command) in GoldenCommands.all {
            let padded = [0xAA, 0xBB] + bytes + [0xCC]
            #expect(try CommandSet(decoding: padded[2..<2 + bytes.count]) == command)
        }
    }

    @Test func `a command cut anywhere but after an element is an error`() {
        for (bytes, command) in GoldenCommands.all {
            let boundaries = Self.boundaries(of: bytes)
            for length in 0..<bytes.count {
                do throws(ProtocolError) {
                    let cut = try CommandSet(decoding: bytes[..<length])
                    #expect(boundaries.contains(length))
                    #expect(cut != command)
                } catch {
                    #expect(!boundaries.contains(length))
                    #expect(error.code == .invalidCommandSet)
                    #expect(error.section == "PS3.7 6.3.1")
                }
            }
        }
    }

    @Test(arguments: [[0xFF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0x03, 0x00, 0x00, 0x00]] as [[UInt8]])
    func `an element longer than what is left is an error`(_ length: [UInt8]) {
        let bytes: [UInt8] = [0x00, 0x00, 0x00, 0x09] + length + [0x00, 0x00]
        #expect {
            try CommandSet(decoding: bytes[...])
        } throws: {
            ($0 as? ProtocolError)?.code == .invalidCommandSet
        }
    }

    @Test(arguments: [0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32])
    func `the group length is not believed`(_ length: UInt32) throws {
        var bytes = GoldenCommands.echoRequest.0
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
        #expect(try CommandSet(decoding: bytes[...]) == GoldenCommands.echoRequest.1)
        #expect(try CommandSet(decoding: bytes[12...]) == GoldenCommands.echoRequest.1)
    }

    @Test func `elements are read in any order`() throws {
        for (bytes, command) in GoldenCommands.all {
            let ends = Self.boundaries(of: bytes) + [bytes.count]
            let elements = zip(ends, ends.dropFirst()).map { bytes[$0..<$1] }
            #expect(try CommandSet(decoding: Array(elements.reversed().joined())[...]) == command)
        }
    }

    @Test func `unknown elements and those of other groups are passed over`() throws {
        let unknown = annotatedHex(
            """
            00 00 01 00 04 00 00 00 01 02 03 04 ; (0000,0001), retired
            00 00 55 55 01 00 00 00 FF          ; (0000,5555), of odd length
            08 00 00 09 02 00 00 00 01 02       ; (0008,0900)
            00 00 04 50 00 00 00 00             ; (0000,5004), empty
            """)
        for (bytes, command) in GoldenCommands.all {
            #expect(try CommandSet(decoding: (unknown + bytes + unknown)[...]) == command)
        }
    }

    @Test(
        arguments: [0x0100, 0x0110, 0x0120, 0x0700, 0x0800, 0x0900, 0x0903, 0x1002, 0x1008, 0x1020, 0x1031] as [UInt16])
    func `a number of the wrong length counts as absent`(_ element: UInt16) throws {
        for length in [0, 1, 3, 4] as [UInt8] {
            let header = [0, 0, UInt8(truncatingIfNeeded: element), UInt8(element >> 8), length, 0, 0, 0]
            let bytes = header + [UInt8](repeating: 1, count: Int(length))
            #expect(try CommandSet(decoding: bytes[...]) == CommandSet())
        }
    }

    @Test func `offending elements of a wrong length count as absent`() throws {
        let bytes = annotatedHex("00 00 01 09 06 00 00 00 10 00 10 00 08 00")
        #expect(try CommandSet(decoding: bytes[...]).offendingElements.isEmpty)
    }

    @Test(
        arguments: [
            ("00 00 02 00 04 00 00 00 '1.2 '", "1.2"), ("00 00 02 00 03 00 00 00 '1.2'", "1.2"),
            ("00 00 02 00 06 00 00 00 '1.2' 00 00 00", "1.2"),
        ])
    func `a UID is read without its padding, of odd length too`(_ hex: String, _ uid: String) throws {
        #expect(try CommandSet(decoding: annotatedHex(hex)[...]).affectedSOPClassUID == UID(uid))
    }

    @Test(arguments: ["00 00 02 00 00 00 00 00", "00 00 02 00 02 00 00 00 00 00", "00 00 00 06 02 00 00 00 '  '"])
    func `an empty UID or title counts as absent`(_ hex: String) throws {
        #expect(try CommandSet(decoding: annotatedHex(hex)[...]) == CommandSet())
    }

    @Test func `an error comment cannot disturb a terminal`() throws {
        let bytes = annotatedHex("00 00 02 09 08 00 00 00 'a' 1B '[2J' 07 E9 '!'")
        #expect(try CommandSet(decoding: bytes[...]).errorComment == "a?[2J??!")
    }

    @Test func `an empty command set has nothing and no data set`() throws {
        let command = try CommandSet(decoding: [])
        #expect(command == CommandSet())
        #expect(!command.hasDataSet)
        #expect(command.commandField == nil)
        #expect(command.encode() == annotatedHex("00 00 00 00 04 00 00 00 00 00 00 00"))
    }

    @Test(arguments: [0x0000, 0x0001, 0x0102, 0xFFFF] as [UInt16])
    func `any data set type but 0101H says that a data set follows`(_ type: UInt16) {
        var command = CommandSet()
        command.commandDataSetType = type
        #expect(command.hasDataSet)
        command.commandDataSetType = 0x0101
        #expect(!command.hasDataSet)
    }

    @Test func `a command with any byte changed is an error or a command that survives writing and reading`() throws {
        for (bytes, _) in GoldenCommands.all {
            for index in bytes.indices {
                for value in [0x00, 0x01, 0x20, 0x7F, 0x80, 0xFF, bytes[index] ^ 0x01] as [UInt8] {
                    var changed = bytes
                    changed[index] = value
                    guard let command = try? CommandSet(decoding: changed[...]) else { continue }
                    #expect(try CommandSet(decoding: command.encode()[...]) == command)
                }
            }
        }
    }

    /// Where elements begin, and so where a cut leaves whole elements only.
    private static func boundaries(of bytes: [UInt8]) -> [Int] {
        var offsets: [Int] = []
        var offset = 0
        while offset < bytes.count {
            offsets.append(offset)
            offset += 8 + Int(bytes[offset + 4])
        }
        return offsets
    }
}

extension CommandSet {
    fileprivate init(decoding bytes: ArraySlice<UInt8>) throws(ProtocolError) {
        try self.init(decoding: bytes.span.bytes)
    }
}
