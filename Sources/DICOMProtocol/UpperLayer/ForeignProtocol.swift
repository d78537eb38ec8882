/// What something else than DICOM says first, by which it can be told: a port was mistaken for another.
package enum ForeignProtocol: String, Sendable, CaseIterable {
    case http = "HTTP"
    case ssh = "SSH"
    case tls = "TLS"
    case hl7 = "HL7 (MLLP)"
    case mail = "SMTP or FTP"

    /// - Parameter bytes: the first that arrived, where a PDU should begin.
    package static func recognize(_ bytes: UnsafeRawBufferPointer) -> ForeignProtocol? {
        func begins(with text: StaticString) -> Bool {
            text.withUTF8Buffer { bytes.starts(with: $0) }
        }
        if begins(with: "HTTP/") || begins(with: "GET ") || begins(with: "POST ") || begins(with: "<") { return .http }
        if begins(with: "SSH-") { return .ssh }
        // RFC 8446 5.1: the record types alert and handshake, then a version 3.x.
        if bytes.count >= 2, bytes[0] == 0x15 || bytes[0] == 0x16, bytes[1] == 0x03 { return .tls }
        if bytes.first == 0x0B { return .hl7 }
        if begins(with: "220 ") || begins(with: "220-") { return .mail }
        return nil
    }
}
