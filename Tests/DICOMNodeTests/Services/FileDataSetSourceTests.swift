import DICOM
import DICOMProtocol
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// Data sets that are sent from their files without being read.
struct FileDataSetSourceTests {
    /// Many PDUs long.
    private static let pixels = 600_000
    private static let limit = 60 * 1024

    private func source(
        _ bytes: [UInt8], in folder: TemporaryFolder, staysOpen: Bool = true
    ) throws -> (file: InstanceFile, source: any DataSetSource) {
        try folder.write(bytes, to: "file.dcm")
        let file = try InstanceFile.open(folder["file.dcm"]).file
        return (file, try file.dataSetSource(as: file.transferSyntax, staysOpen: staysOpen))
    }

    @Test func `its parts are the data set, even in length, and end where pages do`() throws {
        let folder = try TemporaryFolder()
        let bytes = SampleInstance.file(pixels: Self.pixels)
        let (file, source) = try source(bytes, in: folder)
        var offset = file.dataSetOffset
        while true {
            let (range, isLast) = try #require(try source.takeRange(upTo: Self.limit))
            #expect(range.offset == offset)
            #expect(range.count > 0 && range.count <= Self.limit && range.count % 2 == 0)
            offset += UInt64(range.count)
            #expect(isLast == (offset == file.size))
            if isLast { break }
            #expect(offset % 4096 == 0)
        }
        try source.checkArrived()
    }

    @Test func `it is read where it is short, and where it is not to stay open`() throws {
        let folder = try TemporaryFolder()
        let long = SampleInstance.file(pixels: Self.pixels)
        #expect(try source(SampleInstance.file(pixels: 70_000), in: folder).source.takeRange(upTo: Self.limit) == nil)
        #expect(try source(long, in: folder, staysOpen: false).source.takeRange(upTo: Self.limit) == nil)
    }

    @Test func `a file that has changed is never sent to its end`() throws {
        let folder = try TemporaryFolder()
        let (_, source) = try source(SampleInstance.file(pixels: Self.pixels), in: folder)
        _ = try source.takeRange(upTo: Self.limit)
        try folder.write(SampleInstance.file(pixels: Self.pixels + 2), to: "file.dcm")
        #expect(throws: DataSetSourceError.self) {
            while let (_, isLast) = try source.takeRange(upTo: Self.limit), !isLast {}
        }
    }

    @Test func `a change after the last part has left is found`() throws {
        let folder = try TemporaryFolder()
        let (_, source) = try source(SampleInstance.file(pixels: Self.pixels), in: folder)
        while let (_, isLast) = try source.takeRange(upTo: Self.limit), !isLast {}
        try source.checkArrived()
        try folder.write(SampleInstance.file(pixels: Self.pixels + 2), to: "file.dcm")
        #expect(throws: DataSetSourceError.self) { try source.checkArrived() }
    }

    // MARK: On an association

    private static let accept = PeerStep.answerRequest {
        PDU.associateAccept($0.fullAcceptance(maximumLength: 1 << 17)).encode()
    }

    private static func answer(_ heard: Heard) -> [UInt8] {
        PeerBytes.message(.storeResponse(to: heard.command, status: .success), context: heard.contextID)
    }

    @Test func `each PDU is told of in every detail`() throws {
        let folder = try TemporaryFolder()
        try folder.write(SampleInstance.file(pixels: Self.pixels), to: "file.dcm")
        let peer = try ScriptedPeer([Self.accept + [.hearMessage, .reply(Self.answer)] + PeerStep.release])
        defer { peer.stop() }
        let events = Locked<[PresentationDataSummary]>([])
        let file = try InstanceFile.open(folder["file.dcm"]).file
        var parameters = AssociationParameters(
            calledAETitle: AETitle(wire: Array("PEER".utf8)), callingAETitle: AETitle(wire: Array("TEST".utf8)))
        parameters.presentationContexts = [
            PresentationContextProposal(
                id: 1, abstractSyntax: file.sopClassUID, transferSyntaxes: [file.transferSyntax.uid])
        ]
        let association = try Association.request(
            parameters, at: Endpoint(host: "127.0.0.1", port: peer.port),
            observer: { event in if case .sentData(let data) = event { events.withLock { $0.append(data) } } })
        let source = try file.dataSetSource(as: file.transferSyntax)
        let request = CommandSet.storeRequest(
            messageID: 1, sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID)
        try association.send(request, contextID: 1, source: source)
        let answer = try association.receive()
        #expect(answer.command.status == DIMSEStatus.success)
        try association.release()
        let told = events.withLock { $0 }
        #expect(told.first?.isCommand == true)
        #expect(told.dropFirst().reduce(0) { $0 + $1.length } == Int(file.dataSetLength))
        #expect(told.dropFirst().allSatisfy { !$0.isCommand && $0.contextID == 1 })
        #expect(told.count { $0.isLast } == 2 && told.last?.isLast == true)
    }

    /// Says that it has more than its file holds.
    private final class Overstated: DataSetSource {
        private let descriptor: FileDescriptor
        private var offset: UInt64 = 0

        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

        func fill(_ gaps: UnsafeMutableBufferPointer<iovec>) -> (count: Int, isLast: Bool) { (0, true) }

        func takeRange(upTo limit: Int) -> (range: FileRange, isLast: Bool)? {
            defer { offset += UInt64(limit) }
            return (FileRange(descriptor: descriptor.rawValue, offset: offset, count: limit), false)
        }
    }

    @Test func `a file that ends in the middle of a PDU ends the association, and the peer has no whole message`()
        throws
    {
        let folder = try TemporaryFolder()
        try folder.write([UInt8](repeating: 0, count: 100_000), to: "file")
        let gotWhole = Locked(false)
        let whole: PeerStep = .reply { _ in
            gotWhole.withLock { $0 = true }
            return []
        }
        let peer = try ScriptedPeer([Self.accept + [.hearMessage, whole]])
        var parameters = AssociationParameters(
            calledAETitle: AETitle(wire: Array("PEER".utf8)), callingAETitle: AETitle(wire: Array("TEST".utf8)))
        parameters.presentationContexts = [
            PresentationContextProposal(
                id: 1, abstractSyntax: SampleInstance.sopClassUID, transferSyntaxes: ["1.2.840.10008.1.2.1"])
        ]
        let association = try Association.request(parameters, at: Endpoint(host: "127.0.0.1", port: peer.port))
        let source = Overstated(
            FileDescriptor(
                owning: try systemCall("open") {
                    folder["file"].withCString { open($0, O_RDONLY | O_CLOEXEC) }
                }))
        let request = CommandSet.storeRequest(messageID: 1, sopClass: SampleInstance.sopClassUID, sopInstance: "1.2.3")
        do throws(AssociationError) {
            try association.send(request, contextID: 1, source: source)
            Issue.record("it was sent")
        } catch {
            guard case .sourceCutShort(.changed) = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(!association.isEstablished)
        peer.stop()
        #expect(!gotWhole.withLock { $0 })
    }
}
