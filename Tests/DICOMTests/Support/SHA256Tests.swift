import Testing

@testable import DICOM

struct SHA256Tests {
    /// Of the examples to FIPS 180-4, and of what `sha256sum` says.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `the digest is the standard's`(_ text: String, _ digest: String) {
        var sum = SHA256()
        Array(text.utf8).withUnsafeBytes { sum.update($0) }
        #expect(sum.hexadecimal() == digest)
    }

    @Test func `a million letters have the digest of the standard's last example`() {
        var sum = SHA256()
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        for _ in 0..<1000 { piece.withUnsafeBytes { sum.update($0) } }
        #expect(sum.hexadecimal() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func `the pieces make no difference, at every length around a block`() {
        for length in 0...130 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7) }
            var whole = SHA256()
            bytes.withUnsafeBytes { whole.update($0) }
            var pieces = SHA256()
            for byte in bytes { [byte].withUnsafeBytes { pieces.update($0) } }
            #expect(whole.digest() == pieces.digest())
            var halves = SHA256()
            bytes[..<(length / 3)].withUnsafeBytes { halves.update($0) }
            bytes[(length / 3)...].withUnsafeBytes { halves.update($0) }
            #expect(whole.digest() == halves.digest())
        }
    }
}
