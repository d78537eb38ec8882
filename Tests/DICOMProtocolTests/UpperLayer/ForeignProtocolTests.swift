import Testing

@testable import DICOMProtocol

struct ForeignProtocolTests {
    static let greetings: [([UInt8], ForeignProtocol?)] = [
        (Array("HTTP/1.1 400 Bad Request\r\n".utf8), .http),
        (Array("<html>".utf8), .http),
        (Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), .ssh),
        ([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46], .tls),
        ([0x16, 0x03, 0x03, 0x00], .tls),
        ([0x0B] + Array("MSH|".utf8), .hl7),
        (Array("220 mail ESMTP".utf8), .mail),
        ([0x15], nil), ([0x15, 0x00], nil), ([], nil), ([0xFF], nil), (Array("HTT".utf8), nil),
        // A PDU is never taken for another protocol.
        ([0x02, 0x00, 0x00, 0x00], nil),
    ]

    @Test(arguments: greetings)
    func `another protocol is known by its first bytes`(_ bytes: [UInt8], _ expected: ForeignProtocol?) {
        #expect(bytes.withUnsafeBytes { ForeignProtocol.recognize($0) } == expected)
    }
}
