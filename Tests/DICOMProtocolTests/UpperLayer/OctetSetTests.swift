import Testing

@testable import DICOMProtocol

struct OctetSetTests {
    @Test func `each octet is new once`() {
        var set = OctetSet()
        for octet in UInt8.min...UInt8.max {
            #expect(!set.contains(octet))
            let (first, second) = (set.insert(octet), set.insert(octet))
            #expect(first && !second)
            #expect(set.contains(octet))
            #expect(set.count == Int(octet) + 1)
        }
    }
}
