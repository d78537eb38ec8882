import Testing

@testable import DICOM

struct HexadecimalTests {
    @Test func `numbers get zeros in front`() {
        #expect(Hexadecimal.text(UInt16(0xA7), digits: 4, uppercase: true) == "00A7")
        #expect(Hexadecimal.text(UInt32(0x1_2345), digits: 4) == "12345")
        #expect(Hexadecimal.text(UInt64(0)) == "0")
    }

    @Test func `bytes are written and read`() {
        let all = (0...255).map { UInt8($0) }
        let text = Hexadecimal.text(all)
        #expect(text.hasPrefix("00010203") && text.hasSuffix("fdfeff"))
        #expect(Hexadecimal.bytes(text) == all)
        #expect(Hexadecimal.bytes(text.uppercased()) == all)
        #expect(Hexadecimal.bytes("") == [])
    }

    @Test(arguments: ["0", "0g", "+a", "a ", "é", "ab c"])
    func `anything but pairs of digits is not read`(text: String) {
        #expect(Hexadecimal.bytes(text) == nil)
    }

    @Test func `eight digits at once are those of the number`() {
        for number in [0, 1, 0x0010_0020, 0x9ABC_DEF0, 0x7FE0_0010, UInt32.max] {
            let digits = Hexadecimal.eightDigits(number)
            let text = withUnsafeBytes(of: digits.bigEndian) { String(decoding: $0, as: UTF8.self) }
            #expect(text == Hexadecimal.text(number, digits: 8, uppercase: true))
        }
    }
}

struct DecimalDigitsTests {
    @Test func `numbers get zeros in front, and longer ones stay whole`() {
        #expect(DecimalDigits.text(7, count: 2) == "07")
        #expect(DecimalDigits.text(2026, count: 2) == "2026")
    }

    @Test func `digits are those of ASCII alone`() {
        #expect(DecimalDigits.areAll("0123456789"))
        #expect(!DecimalDigits.areAll(""))
        #expect(!DecimalDigits.areAll("1.2"))
        #expect(!DecimalDigits.areAll("\u{0661}"))
    }
}

struct FNV1aTests {
    /// The test vectors of the authors of FNV.
    @Test(arguments: [
        ("", 0xCBF2_9CE4_8422_2325 as UInt64), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8),
    ])
    func `the hash is that of FNV`(text: String, hash: UInt64) {
        #expect(FNV1a.hash(text.utf8) == hash)
    }
}
