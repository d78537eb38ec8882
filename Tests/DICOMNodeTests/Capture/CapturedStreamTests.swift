import DICOM
import DICOMProtocol
import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

struct CapturedStreamTests {
    private static let contexts: [UInt8: TransferSyntax] = [1: .explicitVRLittleEndian]

    private struct Taken: Equatable {
        var bytes: [UInt8] = []
        var kept: [Int] = []
        var lengths: [Int] = []
        var ends: [Bool] = []
    }

    /// The segments of a stream that comes in pieces.
    private static func segments(_ stream: [UInt8], step: Int = .max, _ rules: CaptureRules = CaptureRules()) -> Taken {
        let captured = CapturedStream(rules)
        var taken = Taken()
        func add(_ event: CapturedStream.Event) {
            guard case .segment(let segment) = event else { return }
            taken.bytes += segment.bytes
            taken.kept.append(segment.bytes.count)
            taken.lengths.append(segment.length)
            taken.ends.append(segment.endsPDU)
        }
        var start = 0
        while start < stream.count {
            let end = min(stream.count, step < stream.count - start ? start + step : stream.count)
            stream[start..<end].withUnsafeBytes { captured.take($0, contexts: contexts, add) }
            start = end
        }
        captured.finish(contexts: contexts, add)
        return taken
    }

    private static func data(_ payload: [UInt8], isCommand: Bool = false, isLast: Bool = true) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: PresentationDataHeader.length)
        header.withUnsafeMutableBytes {
            PresentationDataHeader.write(
                into: $0, contextID: 1, isCommand: isCommand, isLast: isLast, payloadLength: payload.count)
        }
        return header + payload
    }

    private static var dataSet: [UInt8] {
        var dataSet = SampleInstance.dataSet(pixels: 200_000)
        dataSet.set(.patientName, .PN, "DOE^JANE")
        return DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
    }

    /// A data set in PDUs of so many bytes.
    private static func message(pdu: Int) -> [UInt8] {
        let dataSet = dataSet
        return stride(from: 0, to: dataSet.count, by: pdu).flatMap { start in
            let end = min(start + pdu, dataSet.count)
            return data(Array(dataSet[start..<end]), isLast: end == dataSet.count)
        }
    }

    @Test(arguments: [16_372, 60 * 1024, 131_060, 300_000]) func `a segment is a PDU or a part of one, without pixels`(
        pdu: Int
    ) {
        let stream = Self.message(pdu: pdu) + PDU.releaseRequest.encode()
        let taken = Self.segments(stream)
        #expect(taken.lengths.reduce(0, +) == stream.count)
        #expect(taken.lengths.allSatisfy { $0 <= CapturedStream.maximumPayload })
        #expect(taken.bytes.count < 2_000)
        #expect(taken.lengths.last == 10)
        #expect(taken.ends.last == true)
        #expect(taken.ends.count { $0 } == (Self.dataSet.count + pdu - 1) / pdu + 1)
        #expect(!taken.bytes.indices.contains { taken.bytes[$0...].starts(with: Array("JANE".utf8)) })
        for step in [1, 7, 1_000, 65_536] { #expect(Self.segments(stream, step: step) == taken, "\(step)") }
    }

    @Test func `a packet is one PDU whatever stands in it, and ends with its pixels`() {
        var dataSet = SampleInstance.dataSet(pixels: 20_000)
        // Long and in the middle: zeros in its place.
        dataSet[Tag(0x0009_1001)] = DataElement(
            tag: Tag(0x0009_1001), vr: .OB, value: .bytes([UInt8](repeating: 0x5A, count: 3_000)[...]))
        for padding in [100, 2_000] {
            dataSet[Tag(0xFFFC_FFFC)] = DataElement(
                tag: Tag(0xFFFC_FFFC), vr: .LT, value: .bytes([UInt8](repeating: 0x20, count: padding)[...]))
            let encoded = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
            let stream = Self.data(encoded)
            let taken = Self.segments(stream)
            #expect(taken.lengths == [stream.count])
            #expect(taken.ends == [true])
            #expect(taken.bytes.count(where: { $0 == 0x5A }) <= 2 * CaptureRules.standardKeptBytes + 20)
            if padding == 100 {
                #expect(taken.kept[0] < 5_000)
            } else {
                #expect(taken.kept == [stream.count])
            }
        }
    }

    @Test func `patient data and pixels that are wanted stay`() {
        var rules = CaptureRules()
        rules.hidesPatientData = false
        rules.keptBytes = .max
        let stream = Self.message(pdu: 60 * 1024)
        #expect(Self.segments(stream, rules).bytes == stream)
    }

    @Test func `the secrets of a user identity are always hidden`() throws {
        var information = UserInformation()
        information.userIdentityRequest = UserIdentityRequest(
            type: .usernameAndPasscode, positiveResponseRequested: true, primaryField: Array("jane".utf8),
            secondaryField: Array("open sesame".utf8))
        let title = AETitle(wire: "ANY".utf8)
        let request = AssociateRequest(
            calledAETitle: title, callingAETitle: title, presentationContexts: [], userInformation: information)
        var rules = CaptureRules()
        rules.hidesPatientData = false
        let stream = PDU.associateRequest(request).encode()
        let taken = Self.segments(stream, rules).bytes
        #expect(taken.count == stream.count)
        let text = String(decoding: taken, as: UTF8.self)
        #expect(text.contains("****") && !text.contains("jane") && !text.contains("sesame"))
        guard case .associateRequest(let decoded) = try PDU.decode(type: 1, body: taken[6...]) else {
            Issue.record("no request")
            return
        }
        #expect(decoded.userInformation.userIdentityRequest?.secondaryField.count == 11)
        // Cut anywhere, the rest of it is no trap and shows no more.
        for count in stream.indices {
            let part = String(decoding: Self.segments(Array(stream[..<count]), rules).bytes, as: UTF8.self)
            #expect(!part.contains("jane") && !part.contains("sesame"))
        }
    }

    @Test func `another protocol is shown at the beginning, and hidden behind PDUs`() {
        let page = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
        #expect(Self.segments(page).bytes == page)
        let stream = PDU.releaseRequest.encode() + page
        #expect(Self.segments(stream).bytes == PDU.releaseRequest.encode() + [UInt8](repeating: 0, count: page.count))
    }

    @Test func `nothing that comes is a trap, and nothing is lost or added`() {
        let stream =
            Self.data([0, 0, 0, 1, 2, 0, 0, 0, 1, 0], isCommand: true) + Self.data(Array(Self.dataSet[..<400]))
        for index in stream.indices {
            for value: UInt8 in [0, 2, 5, 0xFF] {
                var broken = stream
                broken[index] = value
                let taken = Self.segments(broken, step: 97)
                #expect(taken.lengths.reduce(0, +) == stream.count)
                #expect(
                    !taken.bytes.indices.contains { taken.bytes[$0...].starts(with: Array("JANE".utf8)) },
                    "\(value) at \(index)")
            }
        }
    }
}

struct PacketFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let ends = ConnectionEnds(
        local: ConnectionEnds.End(address: [127, 0, 0, 1], port: 40_000),
        peer: ConnectionEnds.End(address: [127, 0, 0, 1], port: 104))

    private func record() throws {
        let rules = CaptureRules()
        let file = try PacketFile(folder["run.pcapng"], rules: rules) { Issue.record("\($0)") }
        let stream = PacketCapture(file, rules: rules).begin(Self.ends)
        for side in [ConnectionSide.local, .peer] {
            PDU.releaseRequest.encode().withUnsafeBytes { stream.record($0, from: side) }
            stream.end(of: side, isReset: false)
        }
        stream.close()
        stream.close()
    }

    /// The types of the blocks, each of which has its length at both ends.
    private func blocks(_ bytes: [UInt8]) -> [UInt32] {
        func number(_ offset: Int) -> UInt32 {
            bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        var types: [UInt32] = []
        var start = 0
        while start < bytes.count {
            let length = Int(number(start + 4))
            #expect(length.isMultiple(of: 4) && number(start + length - 4) == length)
            types.append(number(start))
            start += length
        }
        return types
    }

    @Test func `each run adds a section with its packets to the file of the owner`() throws {
        try record()
        var status = stat()
        _ = folder["run.pcapng"].withCString { stat($0, &status) }
        #expect(status.st_mode & 0o777 == 0o600)
        // Three for the connection, two PDUs, an end of each side, and the last acknowledgement.
        let section: [UInt32] = [0x0A0D_0D0A, 1] + [UInt32](repeating: 6, count: 8)
        #expect(blocks(try folder.read(folder["run.pcapng"])) == section)
        try record()
        #expect(blocks(try folder.read(folder["run.pcapng"])) == section + section)
    }
}

struct RecordedConnectionTests {
    /// Keeps what is recorded.
    private final class Memory: ConnectionRecorder, StreamRecorder {
        let bytes = Locked<(local: [UInt8], peer: [UInt8])>(([], []))
        let ended = Locked<[ConnectionSide]>([])

        func begin(_ connection: ConnectionEnds) -> any StreamRecorder { self }

        func record(_ bytes: UnsafeRawBufferPointer, from side: ConnectionSide) {
            let new = Array(bytes)
            self.bytes.withLock { if side == .local { $0.local += new } else { $0.peer += new } }
        }

        func end(of side: ConnectionSide, isReset: Bool) { ended.withLock { $0.append(side) } }
        func close() { end(of: .local, isReset: false) }
    }

    @Test func `what leaves from memory and from a file is recorded as it leaves, and so is what arrives`() throws {
        let folder = try TemporaryFolder()
        let bytes = pattern(Loopback.blockingLength)
        try folder.write(bytes, to: "file")
        let file = try FileDescriptor.open(folder["file"])
        let loopback = try Loopback(smallBuffers: true)
        let memory = Memory()
        let recorded = RecordedConnection.over(loopback.client, memory, isOpenedByPeer: false)
        #expect(recorded.sendsFiles)
        let server = loopback.server
        try server.write([9, 8, 7], wait: Loopback.patience)
        let reading = try Background { try server.readBytes(5 + bytes.count) }
        let head: [UInt8] = [1, 2, 3, 4, 5]
        try head.withUnsafeBytes {
            try recorded.write(
                OutgoingBytes($0, then: FileRange(descriptor: file.rawValue, offset: 0, count: bytes.count)),
                wait: Loopback.patience,
                whileBlocked: {
                    var buffer = [UInt8](repeating: 0, count: 16)
                    _ = try? buffer.withUnsafeMutableBytes { try recorded.readAvailable(into: $0) }
                    return .keepWatching
                })
        }
        let sent = try reading.value()
        #expect(sent == head + bytes)
        #expect(memory.bytes.withLock { $0.local } == sent)
        if memory.bytes.withLock({ $0.peer }).isEmpty { #expect(try recorded.readBytes(3) == [9, 8, 7]) }
        #expect(memory.bytes.withLock { $0.peer } == [9, 8, 7])
        server.close()
        #expect(try recorded.readBytes(1).isEmpty)
        recorded.close()
        #expect(memory.ended.withLock { $0 } == [.peer, .local])
    }

    @Test func `without a recorder the connection is itself`() throws {
        let loopback = try Loopback()
        #expect(RecordedConnection.over(loopback.client, nil, isOpenedByPeer: false) === loopback.client)
    }
}
