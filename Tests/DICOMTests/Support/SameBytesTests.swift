import DICOM
import Testing

struct SameBytesTests {
    @Test(arguments: [0, 1, 7, 8, 9, 16, 23])
    func `one other byte makes a difference, wherever it is`(count: Int) {
        // Neither begins where words do.
        let bytes = (0...count).map { UInt8($0) }
        func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
            one.withUnsafeBytes { one in
                other.withUnsafeBytes { other in
                    UnsafeRawBufferPointer(rebasing: one[1...]).hasSameBytes(
                        as: UnsafeRawBufferPointer(rebasing: other[1...]))
                }
            }
        }
        #expect(areEqual(bytes, bytes))
        #expect(!areEqual(bytes, bytes + [0]))
        #expect(!areEqual(bytes + [0], bytes))
        for index in bytes.indices.dropFirst() {
            var changed = bytes
            changed[index] ^= 0x80
            #expect(!areEqual(bytes, changed), "byte \(index)")
        }
    }
}
