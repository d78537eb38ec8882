import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import DICOMNode

@Suite struct InstanceSinkTests {
    @Test func `a sender's title is written in the default repertoire, PS3_5 6_2`() throws {
        let receiving = try Receiving()
        defer { receiving.server.stop() }
        var request = Receiving.request()
        request.replaceSubrange(26..<42, with: Array("K".utf8) + [0xC4] + Array("LN           X".utf8))
        try receiving.play([
            .send(request), .hear(.associateAccept),
            .send(PeerBytes.message(Receiving.store(), context: 1, dataSet: Receiving.dataSet)), .hearMessage,
            .send(PDU.releaseRequest.encode()), .hear(.releaseResponse),
        ])
        #expect(receiving.received.wait(until: .after(seconds: 20)) { !$0.isEmpty })
        let outcome = try #require(receiving.received.withLock { $0.first?.outcome })
        guard case .stored(let written) = outcome else {
            Issue.record("not stored")
            return
        }
        let meta = try FileMetaInformation.decode(try receiving.folder.read(written.path)[...]).meta
        #expect(meta.sourceApplicationEntityTitle == "K?LN           X")
    }
}
