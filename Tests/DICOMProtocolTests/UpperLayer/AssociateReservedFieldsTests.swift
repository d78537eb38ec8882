import Testing

@testable import DICOMProtocol

/// PS3.8 table 9-17: bytes 11 to 74 of an A-ASSOCIATE-AC have the values of the request, whatever they are.
struct AssociateReservedFieldsTests {
    private static let fields = 10..<74

    private func accept(_ bytes: [UInt8]) throws -> [UInt8] {
        guard case .associateRequest(let request) = try PDU.decode(type: bytes[0], body: bytes[6...]) else { return [] }
        return PDU.associateAccept(
            AssociateAccept(answering: request, presentationContexts: [], userInformation: UserInformation())
        ).encode()
    }

    @Test(arguments: ["  ARCHIVE       ", "ARCHIVE\0\0\0\0\0\0\0\0\0", "                "])
    func `an accept repeats titles and reserved bytes as they came, PS3_8 9_3_3`(_ title: String) throws {
        var bytes = GoldenPDUs.everyItemRequestBytes
        bytes.replaceSubrange(10..<26, with: title.utf8)
        for (offset, value) in zip(42..<74, 1...) { bytes[offset] = UInt8(value) }
        #expect(try accept(bytes)[Self.fields] == bytes[Self.fields])
    }

    @Test func `titles and reserved bytes of the usual form are repeated, too`() throws {
        let bytes = GoldenPDUs.everyItemRequestBytes
        #expect(try accept(bytes)[Self.fields] == bytes[Self.fields])
    }

    @Test func `a request that came in a form of its own is written again as it came`() throws {
        var bytes = GoldenPDUs.everyItemRequestBytes
        bytes[73] = 7
        #expect(try PDU.decode(type: 1, body: bytes[6...]).encode() == bytes)
    }
}
