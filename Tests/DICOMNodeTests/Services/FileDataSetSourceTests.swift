import DICOM
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode
@testable import DICOMProtocol

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
        return (file, try file.dataSetSource(as: file.transferSyntax, staysOpen: staysOpen).source)
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

    // MARK: Files that cannot be sent as they are

    private func bytes(of source: any DataSetSource) throws -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 10_000, alignment: 8)
        defer { memory.deallocate() }
        var all: [UInt8] = []
        while true {
            var gap = iovec(iov_base: memory.baseAddress, iov_len: memory.count)
            let (count, isLast) = try withUnsafeMutablePointer(to: &gap) {
                try source.fill(UnsafeMutableBufferPointer(start: $0, count: 1))
            }
            all += memory[..<count]
            if isLast { return all }
        }
    }

    private func file(_ dataSet: [UInt8], _ syntax: TransferSyntax, in folder: TemporaryFolder) throws -> InstanceFile {
        try folder.write(SampleInstance.meta(syntax).encode() + dataSet, to: "file.dcm")
        return try InstanceFile.open(folder["file.dcm"]).file
    }

    private static let strict: InstanceFile.SendingRules = {
        var rules = InstanceFile.SendingRules()
        rules.neverRewrites = true
        return rules
    }()

    /// The sample with a last value of odd length, short and so long that it is sent from its file.
    @Test(arguments: [3, 600_001])
    func `a last value of odd length is sent with a padding byte, also where nothing is rewritten`(count: Int) throws {
        let folder = try TemporaryFolder()
        let even = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet(pixels: count + 1))
        var odd = Array(even.dropLast())
        odd[odd.count - count - 4] -= 1
        let file = try file(odd, .explicitVRLittleEndian, in: folder)
        for rules in [InstanceFile.SendingRules(), Self.strict] {
            let (source, changes) = try file.dataSetSource(as: file.transferSyntax, rules)
            #expect(try bytes(of: source) == even.dropLast() + [0])
            #expect(changes.paddedValues == 1 && !changes.padsBeforeLast && changes.transferSyntax == nil)
        }
        // A byte of filling behind it is the padding that its length does not count.
        try folder.write(SampleInstance.meta().encode() + odd + [0], to: "file.dcm")
        let filled = try InstanceFile.open(folder["file.dcm"]).file
        let (source, _) = try filled.dataSetSource(as: file.transferSyntax)
        #expect(try bytes(of: source) == even.dropLast() + [0])
    }

    @Test func `another value of odd length is padded, or refused where nothing may be rewritten`() throws {
        let folder = try TemporaryFolder()
        let even = DataSetEncoder(.implicitVRLittleEndian).encode(SampleInstance.dataSet())
        let text = [0x10, 0, 0x20, 0, 6, 0, 0, 0] + Array("P 1/2 ".utf8)
        let place = try #require(even.indices.first { even[$0...].starts(with: text) })
        var odd = even
        odd[place + 4] = 5
        odd.remove(at: place + text.count - 1)
        let file = try file(odd, .implicitVRLittleEndian, in: folder)
        let (source, changes) = try file.dataSetSource(as: file.transferSyntax)
        #expect(try bytes(of: source) == even)
        #expect(changes.paddedValues == 1 && changes.padsBeforeLast)
        let problem = #expect(throws: FileProblem.self) {
            _ = try file.dataSetSource(as: file.transferSyntax, Self.strict)
        }
        #expect(problem?.code == .oddLength)
    }

    @Test func `a data set without UIDs is incomplete, unless those of group 0002 are assumed`() throws {
        let folder = try TemporaryFolder()
        for tag in [Tag.sopClassUID, .sopInstanceUID] {
            var dataSet = SampleInstance.dataSet()
            dataSet.remove(tag)
            let encoded = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
            let file = try file(encoded, .explicitVRLittleEndian, in: folder)
            #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
            let problem = #expect(throws: FileProblem.self) { _ = try file.dataSetSource(as: file.transferSyntax) }
            #expect(problem?.code == .noUIDsInDataSet)
            var rules = InstanceFile.SendingRules()
            rules.assumesMeta = true
            let (source, _) = try file.dataSetSource(as: file.transferSyntax, rules)
            #expect(try bytes(of: source) == encoded)
        }
    }

    @Test func `pixels of defined length in an encapsulated syntax are refused, in a private one they are sent`() throws
    {
        let folder = try TemporaryFolder()
        let encoded = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet())
        let baseline = try file(encoded, .jpegBaseline8Bit, in: folder)
        let problem = #expect(throws: FileProblem.self) {
            _ = try baseline.dataSetSource(as: baseline.transferSyntax)
        }
        #expect(problem?.code == .pixelsNotEncapsulated)
        let ofAVendor = try file(encoded, TransferSyntax("1.2.3.4.5"), in: folder)
        let (source, _) = try ofAVendor.dataSetSource(as: ofAVendor.transferSyntax)
        #expect(try bytes(of: source) == encoded)
    }

    @Test func `the loss of representations is counted, and avoided where another syntax keeps them`() throws {
        let folder = try TemporaryFolder()
        var dataSet = SampleInstance.dataSet()
        dataSet.append(
            DataElement(tag: Tag(0x0009_0010), vr: .LO, value: .bytes(Array("DCMSCU".utf8)[...])))
        dataSet.append(DataElement(tag: Tag(0x0009_1001), vr: .DS, value: .bytes(Array("1.50".utf8)[...])))
        let file = try file(DataSetEncoder(.explicitVRBigEndian).encode(dataSet), .explicitVRBigEndian, in: folder)
        for (syntax, lost) in [(TransferSyntax.implicitVRLittleEndian, 1), (.explicitVRLittleEndian, 0)] {
            let (_, changes) = try file.dataSetSource(as: syntax)
            #expect(changes.lostRepresentations == lost)
        }
        func accepted(_ id: UInt8, _ syntax: TransferSyntax) -> NegotiatedContexts.Accepted {
            NegotiatedContexts.Accepted(id: id, abstractSyntax: file.sopClassUID, transferSyntax: syntax)
        }
        let implicit = accepted(1, .implicitVRLittleEndian)
        for keeping in [TransferSyntax.explicitVRLittleEndian, .deflatedExplicitVRLittleEndian] {
            #expect(file.context(among: [implicit, accepted(3, keeping)])?.transferSyntax == keeping)
        }
        #expect(file.context(among: [implicit])?.transferSyntax == .implicitVRLittleEndian)
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
        let source = try file.dataSetSource(as: file.transferSyntax).source
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
