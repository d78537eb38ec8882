import DICOM
import DICOMProtocol
import System
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

    // MARK: A data set that is not what was announced

    /// The outcome of one data set that is sent in pieces, in the syntax given as far as was agreed on.
    private func receive(
        _ dataSet: [UInt8], _ agreed: TransferSyntax = .explicitVRLittleEndian, piece: Int = 1000,
        keepsBroken: Bool = false, requiresUIDs: Bool = false
    ) throws -> (instance: ReceivedInstance, names: [String], bytes: [UInt8]?) {
        let receiving = try Receiving(keepsBroken: keepsBroken, requiresUIDs: requiresUIDs, digests: FileDigests())
        defer { receiving.server.stop() }
        var pieces: [[UInt8]] = []
        for start in stride(from: 0, to: dataSet.count, by: piece) {
            pieces.append(Array(dataSet[start..<min(start + piece, dataSet.count)]))
        }
        var script: [PeerStep] = [
            .send(Receiving.request(syntax: agreed)), .hear(.associateAccept),
            .send(PeerBytes.data(context: 1, control: 3, Receiving.store().encode())),
        ]
        for (index, bytes) in pieces.enumerated() {
            script.append(.send(PeerBytes.data(context: 1, control: index == pieces.count - 1 ? 2 : 0, bytes)))
        }
        try receiving.play(script + [.hearMessage, .send(PDU.releaseRequest.encode()), .hear(.releaseResponse)])
        #expect(receiving.received.wait(until: .after(seconds: 20)) { !$0.isEmpty })
        let instance = try #require(receiving.received.withLock { $0.first })
        var bytes: [UInt8]?
        if case .stored(let outcome) = instance.outcome { bytes = try receiving.folder.read(outcome.path) }
        if let kept = instance.kept { bytes = try receiving.folder.read(kept) }
        return (instance, try receiving.folder.names(), bytes)
    }

    @Test(arguments: [1, 100, 100_000]) func `a data set that is cut is refused and not kept`(_ piece: Int) throws {
        let (instance, names, _) = try receive(Array(Receiving.dataSet.dropLast(10)), piece: piece)
        #expect(instance.status == .cannotUnderstand)
        guard case .failed(let problem) = instance.outcome else {
            Issue.record("not failed")
            return
        }
        #expect(problem.code == .truncated)
        #expect(problem.detail == "the data set ends too early in element (7fe0,0010) at byte 206")
        #expect(problem.path.displayed.hasSuffix("/1.2.3.4"))
        #expect(names == [])
    }

    @Test func `a large data set that is cut leaves nothing`() throws {
        let whole = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet(pixels: 300_000))
        let (instance, names, _) = try receive(Array(whole.dropLast(2)), piece: 50_000)
        #expect(instance.status == .cannotUnderstand)
        #expect(names == [])
    }

    @Test func `nonsense is refused from the first wrong byte on`() throws {
        let nonsense = Receiving.dataSet + [UInt8](repeating: 0x20, count: 200_000)
        let (instance, names, _) = try receive(nonsense, piece: 50_000)
        #expect(instance.status == .cannotUnderstand)
        guard case .failed(let problem) = instance.outcome else {
            Issue.record("not failed")
            return
        }
        #expect(problem.code == .truncated || problem.code == .malformed)
        #expect(names == [])
    }

    @Test(arguments: [64, 300_000]) func `a broken data set is kept aside on request`(pixels: Int) throws {
        let whole = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet(pixels: pixels))
        let cut = Array(whole.dropLast(10))
        let (instance, names, bytes) = try receive(cut, piece: 50_000, keepsBroken: true)
        #expect(instance.status == .cannotUnderstand)
        #expect(names == ["1.2.3.4.broken"])
        #expect(bytes?.suffix(cut.count) == cut[...])
    }

    @Test(arguments: [1, 7, 100_000])
    func `a data set in another native syntax is kept as what it is`(_ piece: Int) throws {
        for syntax in [.implicitVRLittleEndian, .explicitVRBigEndian] as [TransferSyntax] {
            let sent = DataSetEncoder(syntax).encode(SampleInstance.dataSet())
            let (instance, _, bytes) = try receive(sent, piece: piece)
            #expect(instance.status == .success)
            #expect(instance.transferSyntax == syntax)
            #expect(instance.remarks == [.otherSyntax(syntax, agreed: .explicitVRLittleEndian)])
            let file = try #require(bytes)
            let (meta, offset) = try FileMetaInformation.decode(file[...])
            #expect(meta.transferSyntax == syntax)
            #expect(Array(file[offset...]) == sent)
        }
    }

    @Test(arguments: [1, 100_000])
    func `a native data set in a deflated context is kept as what it is`(_ piece: Int) throws {
        for syntax in [.explicitVRLittleEndian, .implicitVRLittleEndian, .explicitVRBigEndian] as [TransferSyntax] {
            let sent = DataSetEncoder(syntax).encode(SampleInstance.dataSet())
            let (instance, names, bytes) = try receive(sent, .deflatedExplicitVRLittleEndian, piece: piece)
            #expect(instance.status == .success, "\(syntax)")
            #expect(instance.transferSyntax == syntax)
            #expect(instance.remarks == [.otherSyntax(syntax, agreed: .deflatedExplicitVRLittleEndian)])
            #expect(names == ["1.2.3.4"])
            let file = try #require(bytes)
            let (meta, offset) = try FileMetaInformation.decode(file[...])
            #expect(meta.transferSyntax == syntax)
            #expect(Array(file[offset...]) == sent)
        }
    }

    // MARK: Pixel Data that do not fit the transfer syntax

    /// A data set whose Pixel Data come behind a private element of a length, as fragments or not.
    private static func dataSet(_ syntax: TransferSyntax, before: Int, fragments: Bool) -> [UInt8] {
        var dataSet = SampleInstance.dataSet(pixels: 1000)
        dataSet[Tag(0x0029_1010)] = DataElement(
            tag: Tag(0x0029_1010), vr: .OB, value: .bytes([UInt8](repeating: 0x41, count: before)[...]))
        guard fragments else { return DataSetEncoder(syntax).encode(dataSet) }
        dataSet.remove(.pixelData)
        let header: [UInt8] =
            syntax.isExplicitVR
            ? [0xE0, 0x7F, 0x10, 0, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
            : [0xE0, 0x7F, 0x10, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        let items: [UInt8] = [
            0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0, 0xE0, 4, 0, 0, 0, 0xFF, 0xD8, 0xFF, 0xD9, 0xFE, 0xFF, 0xDD,
            0xE0, 0, 0, 0, 0,
        ]
        return DataSetEncoder(syntax).encode(dataSet) + header + items
    }

    @Test(arguments: [16, 60_000, 300_000], [7000, 40_000])
    func `native pixels in an encapsulated context are kept in the native syntax`(before: Int, piece: Int) throws {
        for agreed in ["1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"] as [UID] {
            let sent = Self.dataSet(.explicitVRLittleEndian, before: before, fragments: false)
            let (instance, names, bytes) = try receive(sent, TransferSyntax(agreed), piece: piece)
            #expect(instance.status == .success)
            #expect(instance.transferSyntax == .explicitVRLittleEndian)
            #expect(instance.remarks == [.otherSyntax(.explicitVRLittleEndian, agreed: TransferSyntax(agreed))])
            #expect(names == ["1.2.3.4"])
            let file = try #require(bytes)
            let (meta, offset) = try FileMetaInformation.decode(file[...])
            #expect(meta.transferSyntax == .explicitVRLittleEndian)
            #expect(Array(file[offset...]) == sent)
            guard case .stored(let outcome) = instance.outcome else { continue }
            #expect(outcome.size == UInt64(file.count))
            var digest = FileDigest()
            file.withUnsafeBytes { digest.update($0) }
            let text = digest.hexadecimal()
            #expect(outcome.digest?.text == text)
        }
    }

    @Test(arguments: [.implicitVRLittleEndian, .explicitVRBigEndian] as [TransferSyntax], [16, 300_000])
    func `other native syntaxes in an encapsulated context are kept as what they are`(
        syntax: TransferSyntax, before: Int
    ) throws {
        let sent = Self.dataSet(syntax, before: before, fragments: false)
        let (instance, names, bytes) = try receive(sent, .jpegBaseline8Bit, piece: 7000)
        #expect(instance.status == .success)
        #expect(instance.transferSyntax == syntax)
        #expect(instance.remarks == [.otherSyntax(syntax, agreed: .jpegBaseline8Bit)])
        #expect(names == ["1.2.3.4"])
        let file = try #require(bytes)
        let (meta, offset) = try FileMetaInformation.decode(file[...])
        #expect(meta.transferSyntax == syntax)
        #expect(Array(file[offset...]) == sent)
    }

    @Test(arguments: [DICOM.Tag(0x7FE0_0008), DICOM.Tag(0x7FE0_0009)], [1000, 300_000])
    func `floating point pixels in an encapsulated context are kept in the native syntax`(
        tag: DICOM.Tag, pixels: Int
    ) throws {
        // PS3.5 A.4: an encapsulated syntax shall not be used for them.
        var dataSet = SampleInstance.dataSet()
        dataSet.remove(.pixelData)
        dataSet[tag] = DataElement(
            tag: tag, vr: tag == Tag(0x7FE0_0008) ? .OF : .OD,
            value: .bytes([UInt8](repeating: 0x3F, count: pixels)[...]))
        let sent = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
        let (instance, names, bytes) = try receive(sent, .jpegBaseline8Bit, piece: 7000)
        #expect(instance.status == .success)
        #expect(instance.remarks == [.otherSyntax(.explicitVRLittleEndian, agreed: .jpegBaseline8Bit)])
        #expect(names == ["1.2.3.4"])
        let (meta, offset) = try FileMetaInformation.decode(try #require(bytes)[...])
        #expect(meta.transferSyntax == .explicitVRLittleEndian)
        #expect(Array(try #require(bytes)[offset...]) == sent)
        // In a native syntax nothing is remarkable.
        let (usual, _, _) = try receive(sent, .explicitVRLittleEndian)
        #expect(usual.status == .success && usual.remarks == [])
    }

    @Test func `an icon in an encapsulated context may be native or fragments`() throws {
        // PS3.5 A.4, the note on Icon Image Sequence.
        let fragments: [UInt8] = [
            0xE0, 0x7F, 0x10, 0, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF,
            0, 0xE0, 4, 0, 0, 0, 0xFF, 0xD8, 0xFF, 0xD9, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
        ]
        let native: [UInt8] = [0xE0, 0x7F, 0x10, 0, 0x4F, 0x42, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4]
        var start = SampleInstance.dataSet()
        start.remove(.pixelData)
        for icon in [fragments, native] {
            let sequence: [UInt8] =
                [0x88, 0, 0, 2, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]
                + icon + [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
            let sent = DataSetEncoder(.explicitVRLittleEndian).encode(start) + sequence + fragments
            let (instance, _, _) = try receive(sent, .jpegBaseline8Bit)
            #expect(instance.status == .success && instance.remarks == [])
            #expect(instance.transferSyntax == .jpegBaseline8Bit)
        }
    }

    @Test func `fragments of floating point pixels are refused, as no syntax has them`() throws {
        var start = SampleInstance.dataSet()
        start.remove(.pixelData)
        let fragments: [UInt8] = [
            0xE0, 0x7F, 0x08, 0, 0x4F, 0x46, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF,
            0, 0xE0, 4, 0, 0, 0, 1, 2, 3, 4, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0,
        ]
        let sent = DataSetEncoder(.explicitVRLittleEndian).encode(start) + fragments
        for agreed in [.jpegBaseline8Bit, .explicitVRLittleEndian] as [TransferSyntax] {
            #expect(try receive(sent, agreed).instance.status == .cannotUnderstand)
        }
    }

    @Test func `native pixels that are cut are kept aside in the native syntax`() throws {
        let sent = Self.dataSet(.explicitVRLittleEndian, before: 300_000, fragments: false).dropLast(10)
        let (instance, names, bytes) = try receive(
            Array(sent), .jpegBaseline8Bit, piece: 10_000, keepsBroken: true)
        #expect(instance.status == .cannotUnderstand)
        #expect(names == ["1.2.3.4.broken"])
        #expect(try FileMetaInformation.decode(try #require(bytes)[...]).meta.transferSyntax == .explicitVRLittleEndian)
    }

    @Test(arguments: [16, 300_000])
    func `fragments in a native context are refused, as nothing tells their syntax`(_ before: Int) throws {
        let rows: [(agreed: TransferSyntax, sent: TransferSyntax)] = [
            (.explicitVRLittleEndian, .explicitVRLittleEndian), (.implicitVRLittleEndian, .explicitVRLittleEndian),
            (.implicitVRLittleEndian, .implicitVRLittleEndian), (.jpegBaseline8Bit, .implicitVRLittleEndian),
        ]
        for (agreed, syntax) in rows {
            let sent = Self.dataSet(syntax, before: before, fragments: true)
            for keepsBroken in [false, true] {
                let (instance, names, _) = try receive(sent, agreed, piece: 10_000, keepsBroken: keepsBroken)
                #expect(instance.status == .cannotUnderstand)
                #expect(names == (keepsBroken ? ["1.2.3.4.broken"] : []))
                guard case .failed(let problem) = instance.outcome else {
                    Issue.record("not failed")
                    continue
                }
                #expect(problem.code == .malformed)
                #expect(problem.detail.hasPrefix("fragments, where nothing tells which transfer syntax they are in"))
            }
        }
    }

    @Test func `fragments in an encapsulated and in a private context are as agreed`() throws {
        for agreed in [.jpegBaseline8Bit, TransferSyntax("1.3.46.670589.33.1.4.1")] {
            let sent = Self.dataSet(.explicitVRLittleEndian, before: 16, fragments: true)
            let (instance, _, _) = try receive(sent, agreed)
            #expect(instance.status == .success)
            #expect(instance.remarks == [])
            #expect(instance.transferSyntax == agreed)
        }
    }

    @Test(arguments: [64, 300_000]) func `a data set that is sent twice in a message is refused`(_ pixels: Int) throws {
        for syntax in [.implicitVRLittleEndian, .explicitVRLittleEndian] as [TransferSyntax] {
            let once = DataSetEncoder(syntax).encode(SampleInstance.dataSet(pixels: pixels))
            let (instance, names, _) = try receive(once + once, syntax, piece: 10_000)
            #expect(instance.status == .cannotUnderstand)
            #expect(names == [])
        }
    }

    @Test(arguments: [1, 100, 100_000])
    func `a whole file in the place of a data set is recognised`(_ piece: Int) throws {
        let (instance, names, bytes) = try receive(SampleInstance.file(.implicitVRLittleEndian), piece: piece)
        #expect(instance.status == .success)
        #expect(instance.remarks == [.wholeFile])
        #expect(names == ["1.2.3.4"])
        let file = try #require(bytes)
        let (meta, offset) = try FileMetaInformation.decode(file[...])
        #expect(meta.transferSyntax == .implicitVRLittleEndian)
        #expect(
            Array(file[offset...]) == DataSetEncoder(.implicitVRLittleEndian).encode(SampleInstance.dataSet()))
    }

    @Test func `a whole file that is cut is refused`() throws {
        for length in [140, 200, SampleInstance.file().count - 1] {
            let (instance, names, _) = try receive(Array(SampleInstance.file().prefix(length)), piece: 50)
            #expect(instance.status == .cannotUnderstand)
            #expect(names == [])
        }
    }

    @Test func `zeros behind a data set are no fault`() throws {
        let (instance, _, _) = try receive(Receiving.dataSet + [UInt8](repeating: 0, count: 500))
        #expect(instance.status == .success)
        #expect(instance.remarks == [])
    }

    // MARK: At once

    @Test(arguments: InstanceWriter.Existing.allCases)
    func `one instance on several associations at once has one outcome on each`(
        _ existing: InstanceWriter.Existing
    ) throws {
        let receiving = try Receiving(existing: existing)
        defer { receiving.server.stop() }
        let count = 8
        let dataSet = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet(pixels: 100_000))
        let kinds = try sendAtOnce([[UInt8]](repeating: dataSet, count: count), to: receiving)
        #expect(kinds.count { $0 == .written } == 1)
        let others: InstanceWriter.Outcome.Kind? =
            switch existing {
            case .skip, .rename: .skipped
            case .overwrite: .replaced
            case .fail: nil
            }
        #expect(kinds.count { $0 == others } == count - 1)
        #expect(try receiving.folder.names() == ["1.2.3.4"])
        let file = try receiving.folder.read(receiving.folder["1.2.3.4"])
        #expect(file.suffix(dataSet.count) == dataSet[...])
    }

    @Test(arguments: InstanceWriter.Existing.allCases)
    func `different instances with one UID on several associations at once have one outcome on each`(
        _ existing: InstanceWriter.Existing
    ) throws {
        let receiving = try Receiving(existing: existing)
        defer { receiving.server.stop() }
        let dataSets = (0..<6).map { number in
            var dataSet = SampleInstance.dataSet(pixels: 100_000)
            dataSet.set(.patientID, .LO, "P \(number)")
            return DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
        }
        let kinds = try sendAtOnce(dataSets, to: receiving)
        #expect(kinds.count { $0 == .written } == 1)
        let others: InstanceWriter.Outcome.Kind? =
            switch existing {
            case .skip: .skipped
            case .rename: .renamed
            case .overwrite: .replaced
            case .fail: nil
            }
        #expect(kinds.count { $0 == others } == dataSets.count - 1)
        let further = existing == .rename ? (1..<dataSets.count).map { "1.2.3.4-\($0)" } : []
        let names = try receiving.folder.names().sorted()
        #expect(names == ["1.2.3.4"] + further)
        // Each file is one of them as it was sent, and no two are the same one.
        let sent = try names.map { name in
            let file = try receiving.folder.read(receiving.folder[name])
            return try #require(dataSets.firstIndex { file.suffix($0.count) == $0[...] }, "\(name)")
        }
        #expect(Set(sent).count == names.count)
        let instances = receiving.received.withLock { $0 }
        #expect(
            instances.allSatisfy { instance in
                guard case .failed(let problem) = instance.outcome else { return instance.status == .success }
                return existing == .fail && problem.code == .exists && instance.status != .success
            })
    }

    /// What becomes of each data set, in no order, where each is sent on an association of its own at the same time.
    private func sendAtOnce(
        _ dataSets: [[UInt8]], to receiving: Receiving
    ) throws -> [InstanceWriter.Outcome.Kind?] {
        let over = try Cancellation()
        let callers = try dataSets.map { dataSet in
            let connection = try receiving.connect()
            return try Background {
                var player = PeerPlayer(connection, over: over)
                player.play([
                    .send(Receiving.request()), .hear(.associateAccept),
                    .send(PeerBytes.message(Receiving.store(), context: 1, dataSet: dataSet)), .hearMessage,
                    .send(PDU.releaseRequest.encode()), .hear(.releaseResponse),
                ])
            }
        }
        for caller in callers { try caller.value() }
        #expect(receiving.received.wait(until: .after(seconds: 60)) { $0.count == dataSets.count })
        return receiving.received.withLock { $0 }.map { instance in
            if case .stored(let outcome) = instance.outcome { outcome.kind } else { nil }
        }
    }

    // MARK: UIDs

    @Test func `uids of the data set that are not those of the request are remarked`() throws {
        var dataSet = SampleInstance.dataSet()
        dataSet.set(.sopInstanceUID, "1.9")
        dataSet.set(.sopClassUID, "1.8")
        let (instance, names, _) = try receive(DataSetEncoder(.explicitVRLittleEndian).encode(dataSet))
        #expect(instance.status == .success)
        #expect(instance.remarks == [.otherClassUID("1.8"), .otherInstanceUID("1.9")])
        #expect(names == ["1.2.3.4"])
    }

    @Test func `a data set without uids is remarked, and refused where they are needed`() throws {
        var dataSet = SampleInstance.dataSet()
        dataSet[.sopInstanceUID] = nil
        dataSet[.sopClassUID] = nil
        let bytes = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
        let (instance, _, _) = try receive(bytes)
        #expect(instance.status == .success)
        #expect(instance.remarks == [.otherClassUID(nil), .otherInstanceUID(nil)])
        let (refused, names, _) = try receive(bytes, requiresUIDs: true)
        #expect(refused.status == .dataSetDoesNotMatchSOPClass)
        #expect(names == [])
    }
}
