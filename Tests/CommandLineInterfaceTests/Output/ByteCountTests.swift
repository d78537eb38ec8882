import Testing

@testable import CommandLineInterface

struct ByteCountTests {
    @Test(arguments: [
        ("1048576", UInt64(1_048_576)), ("500MB", 500_000_000), ("2GiB", 2_147_483_648), ("64k", 64_000), ("7B", 7),
        ("10mib", 10_485_760), ("0", 0),
    ])
    func `a number with a unit is a number of bytes`(_ text: String, _ bytes: UInt64) {
        #expect(ByteCount.bytes(text) == bytes)
    }

    @Test(arguments: ["", "MB", "1 MB", "-1", "1.5GB", "99999999999TB", "12XB", "0x10", "\u{0661}MB"])
    func `what is none is refused`(_ text: String) { #expect(ByteCount.bytes(text) == nil) }
}
