import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import DICOMNode

@Suite struct AcceptancePolicyTests {
    @Test func `a rejected context has a transfer syntax all the same, PS3_8 9_3_3_2`() throws {
        let request = AssociateRequest(
            calledAETitle: try #require(AETitle("HERE")), callingAETitle: try #require(AETitle("THERE")),
            presentationContexts: [
                PresentationContextProposal(
                    id: 1, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: ["1.2.840.10008.1.2"]),
                PresentationContextProposal(id: 3, abstractSyntax: "1.2.3", transferSyntaxes: ["1.2.840.10008.1.2"]),
                PresentationContextProposal(id: 5, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: ["1.2.4"]),
            ], userInformation: UserInformation())
        let decision = AcceptancePolicy(calledAETitles: nil).decide(request, services: [VerificationSCP()])
        guard case .accept(let accept) = decision else {
            Issue.record("rejected as a whole")
            return
        }
        #expect(
            accept.presentationContexts.map(\.result) == [
                .acceptance, .abstractSyntaxNotSupported, .transferSyntaxesNotSupported,
            ])
        #expect(accept.presentationContexts.allSatisfy { $0.transferSyntax == "1.2.840.10008.1.2" })
    }

    @Test(arguments: [[0x47, 0x45, 0x54, 0x20, 0x2F, 0x20, 0x48, 0x54], [0x04, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 3]])
    func `what comes in place of a request is aborted as by the user, PS3_8 table 9-10, Sta2, AA-1`(
        _ bytes: [UInt8]
    ) throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        let connection = try receiving.connect()
        try connection.write(bytes, wait: Loopback.patience)
        #expect(try connection.readBytes(10) == [7, 0, 0, 0, 0, 4, 0, 0, 0, 0])
        connection.close()
    }

    @Test func `what breaks an established association is aborted as by the provider, PS3_8 table 9-10, AA-8`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        let connection = try receiving.connect()
        try connection.write(Receiving.request(), wait: Loopback.patience)
        let header = try connection.readBytes(6)
        #expect(header.first == 2)
        _ = try connection.readBytes(Int(header[4]) << 8 | Int(header[5]))
        try connection.write([0x47, 0, 0, 0, 0, 0], wait: Loopback.patience)
        #expect(try connection.readBytes(10) == [7, 0, 0, 0, 0, 4, 0, 0, 2, 1])
        connection.close()
    }
}
