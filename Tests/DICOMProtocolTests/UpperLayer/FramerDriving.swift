import DICOMProtocol

/// What a framer gave for a stream: control PDUs, and the data of values put together.
enum FramedPart: Equatable {
    case pdu(PDU)
    case value(contextID: UInt8, isCommand: Bool, isLast: Bool, bytes: [UInt8])
}

/// Feeds a stream in pieces, as a connection would, and holds the framer to its promises on the way.
struct FramerDriver {
    private(set) var parts: [FramedPart] = []
    private(set) var framer: PDUFramer
    private var buffer: [UInt8] = []
    private var value: [UInt8] = []
    /// How often the framer promised progress for a number of bytes that it then had, and made none.
    private(set) var brokenPromises = 0
    private var promised = 0

    init(limits: PDULimits = .standard) {
        framer = PDUFramer(limits: limits)
    }

    mutating func feed(_ bytes: some Sequence<UInt8>) throws(ProtocolError) {
        buffer.append(contentsOf: bytes)
        while try step() {}
    }

    private mutating func step() throws(ProtocolError) -> Bool {
        switch try framer.step(in: buffer) {
        case .needMore(let atLeast):
            if atLeast <= buffer.count { brokenPromises += 1 }
            promised = atLeast
            return false
        case .pdu(let pdu, let consumed):
            parts.append(.pdu(pdu))
            use(consumed)
        case .fragment(let fragment, let consumed):
            value.append(contentsOf: buffer[fragment.range])
            if fragment.endsPDV {
                parts.append(
                    .value(
                        contextID: fragment.contextID, isCommand: fragment.isCommand, isLast: fragment.isLast,
                        bytes: value))
                value = []
            }
            use(consumed)
        }
        return true
    }

    private mutating func use(_ count: Int) {
        if count == 0 || count > buffer.count || buffer.count < promised { brokenPromises += 1 }
        promised = 0
        buffer.removeFirst(min(count, buffer.count))
    }

    var isAtEnd: Bool { buffer.isEmpty && value.isEmpty && framer.isBetweenPDUs }
}

extension PDUFramer {
    /// True at the boundary between two PDUs, where the stream may end: the next bytes are then taken for a PDU.
    var isBetweenPDUs: Bool {
        var copy = self
        do throws(ProtocolError) {
            if case .pdu(.releaseRequest, _) = try copy.step(in: PDU.releaseRequest.encode()) { return true }
        } catch {}
        return false
    }

    /// One step over bytes in an array, with the type of its error kept.
    mutating func step(in bytes: [UInt8]) throws(ProtocolError) -> Step {
        var framer = self
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(ProtocolError) in try framer.next(in: buffer) }
        }
        self = framer
        return try result.get()
    }
}
