import DICOM
import DICOMProtocol
import Testing

struct PDUTests {
    @Test func `every control PDU is read as the value it stands for`() throws {
        for (bytes, pdu) in try GoldenPDUs.all() {
            #expect(try PDU.decode(type: bytes[0], body: bytes[6...]) == pdu)
        }
    }

    @Test func `every control PDU is written as the standard has it`() throws {
        for (bytes, pdu) in try GoldenPDUs.all() {
            #expect(pdu.encode() == bytes)
        }
    }

    @Test func `a request or accept cut anywhere but after a whole item is an error`() throws {
        for (bytes, pdu) in try GoldenPDUs.all() where pdu.type == .associateRequest || pdu.type == .associateAccept {
            var boundaries: [Int] = []
            for length in 6..<bytes.count {
                do throws(ProtocolError) {
                    let cut = try PDU.decode(type: bytes[0], body: bytes[6..<length])
                    #expect(cut != pdu)
                    boundaries.append(length)
                } catch {
                    #expect(error.code == .truncated || error.code == .lengthBeyondEnd)
                    #expect(error.abortReason == Abort.Reason.invalidPDUParameterValue)
                }
            }
            // After the fixed fields, the application context and each of the two contexts.
            #expect(boundaries.count == 4)
            #expect(boundaries.first == 74)
        }
    }

    @Test(arguments: [GoldenPDUs.rejectBytes, GoldenPDUs.abortBytes])
    func `a reject or abort cut short is an error`(_ bytes: [UInt8]) {
        for length in 6..<bytes.count {
            #expect(throws: ProtocolError.self) { try PDU.decode(type: bytes[0], body: bytes[6..<length]) }
        }
    }

    @Test func `a release without its reserved bytes is a release`() throws {
        #expect(try PDU.decode(type: 5, body: []) == .releaseRequest)
        #expect(try PDU.decode(type: 6, body: []) == .releaseResponse)
    }

    @Test func `bytes after the fields of a reject or abort are passed over`() throws {
        let reject = GoldenPDUs.rejectBytes[6...] + [1, 2, 3]
        #expect(try PDU.decode(type: 3, body: reject) == .associateReject(.calledAETitleNotRecognized))
    }

    @Test(arguments: [0x00, 0x08, 0x47, 0xFF] as [UInt8])
    func `an unknown PDU type is told as such to the peer`(_ type: UInt8) {
        let error = #expect(throws: ProtocolError.self) { try PDU.decode(type: type, body: []) }
        #expect(error?.code == .unrecognizedPDU)
        #expect(error?.abortReason == 1)
    }

    @Test func `presentation data is no control PDU`() {
        let error = #expect(throws: ProtocolError.self) { try PDU.decode(type: 4, body: []) }
        #expect(error?.code == .unexpectedPDU)
    }

    @Test func `any byte of a request may be anything without a trap`() throws {
        let golden = GoldenPDUs.everyItemRequestBytes
        for index in 6..<golden.count {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF] as [UInt8] {
                var bytes = golden
                bytes[index] = value
                let pdu: PDU
                do throws(ProtocolError) {
                    pdu = try PDU.decode(type: 1, body: bytes[6...])
                } catch {
                    #expect(error.abortReason != Abort.Reason.notSpecified)
                    continue
                }
                // What was understood can be said again, and means the same.
                let again = pdu.encode()
                #expect(try PDU.decode(type: 1, body: again[6...]) == pdu)
            }
        }
    }

    @Test(
        arguments: [
            (1, 1, 1, "rejected permanently: no reason given (service user)"),
            (1, 1, 2, "rejected permanently: application context name not supported (service user)"),
            (1, 1, 3, "rejected permanently: calling AE title not recognized (service user)"),
            (1, 1, 7, "rejected permanently: called AE title not recognized (service user)"),
            (1, 1, 4, "rejected permanently: unknown reason 4 (service user)"),
            (1, 2, 1, "rejected permanently: no reason given (service provider, association control)"),
            (1, 2, 2, "rejected permanently: protocol version not supported (service provider, association control)"),
            (2, 3, 1, "rejected for now: temporary congestion (service provider, presentation layer)"),
            (2, 3, 2, "rejected for now: local limit exceeded (service provider, presentation layer)"),
            (2, 3, 0, "rejected for now: unknown reason 0 (service provider, presentation layer)"),
            (9, 9, 9, "rejected with the unknown result 9: unknown reason 9 (unknown source 9)"),
        ] as [(UInt8, UInt8, UInt8, String)])
    func `a reject says in words what table 9-21 says in numbers`(
        _ result: UInt8, _ source: UInt8, _ reason: UInt8, _ words: String
    ) {
        let reject = AssociateReject(
            .init(rawValue: result), .init(.init(rawValue: source), reason))
        #expect(reject.description == words)
        #expect(reject.isTransient == (result == 2))
    }

    @Test(
        arguments: [
            (0, 0, "aborted by the service user"),
            (0, 5, "aborted by the service user"),
            (2, 0, "aborted by the service provider: reason not specified"),
            (2, 1, "aborted by the service provider: unrecognized PDU"),
            (2, 2, "aborted by the service provider: unexpected PDU"),
            (2, 3, "aborted by the service provider: unknown reason 3"),
            (2, 4, "aborted by the service provider: unrecognized PDU parameter"),
            (2, 5, "aborted by the service provider: unexpected PDU parameter"),
            (2, 6, "aborted by the service provider: invalid PDU parameter value"),
            (1, 0, "aborted by the unknown source 1: reason not specified"),
        ] as [(UInt8, UInt8, String)])
    func `an abort says in words what table 9-26 says in numbers`(_ source: UInt8, _ reason: UInt8, _ words: String) {
        #expect(Abort(source: .init(rawValue: source), reason: .init(rawValue: reason)).description == words)
    }
}
