import DICOM
import DICOMProtocol

/// The options of a capture.
package struct CaptureRules: Sendable {
    /// False to leave patient data as they are; the secrets of a user identity are hidden all the same.
    package var hidesPatientData = true
    /// The number of bytes that are kept of pixel data and other long binary values.
    package var keptBytes = standardKeptBytes

    /// The head of a JPEG image with its size; of a native one a part of the first row.
    package static let standardKeptBytes = 256

    package init() {}
}

/// What one side of a connection sends, divided into segments that each hold one PDU or a part of one, with patient data
/// and secrets hidden in place and pixels left out.
///
/// It holds one segment, or one A-ASSOCIATE PDU, whatever comes.
final class CapturedStream {
    /// A part of the stream that becomes one packet.
    struct Segment {
        let bytes: ArraySlice<UInt8>
        /// The length in the stream: more than there are bytes where the end was left out.
        let length: Int
        let endsPDU: Bool
    }

    /// The longest payload of a packet: with its headers it is less than the 65,535 bytes of an IP packet.
    static let maximumPayload = 65_000
    /// Less than that is not worth a packet that cannot be put together again.
    private static let shortestCut = 512
    /// So much behind pixels, such as padding, is left out with them: a PDU in two packets, of which the first one is cut,
    /// is not read by anybody. More keeps the packet whole, with zeros in the place of the pixels.
    private static let longestRest = 1_024
    /// Shown of what a peer says that speaks a known protocol other than DICOM, in bytes.
    private static let shownForeign = 1_024
    /// Shown of what is nothing that is known.
    private static let shownUnknown = 16

    private enum Phase {
        case header
        /// In a control PDU, which is looked at as a whole.
        case control(PDUType, left: Int)
        /// In a P-DATA-TF.
        case data(left: Int)
        /// The bytes are no PDUs.
        case foreign(shown: Int)
    }

    private struct Value {
        var contextID: UInt8 = 0
        var isCommand = false
        var isLast = false
        var left = 0
    }

    private let rules: CaptureRules
    private var phase = Phase.header
    private var hasHadPDU = false
    private var buffer: [UInt8] = []
    /// The ranges of the buffer that need not be kept.
    private var cuts: [Range<Int>] = []
    private var isFirstSegment = true
    private var hasCut = false

    // MARK: Presentation data

    /// The bytes of the header of a presentation data value that have come.
    private var valueHeader: [UInt8] = []
    private var value: Value?
    private var mask: DataSetMask?
    private var maskedContext: UInt8 = 0
    private var maskIsOfCommand = false

    init(_ rules: CaptureRules) { self.rules = rules }

    /// What is found in the stream.
    enum Event {
        case segment(Segment)
        case accepted(AssociateAccept)
    }

    /// Takes the next bytes.
    ///
    /// - Parameters:
    ///   - contexts: the transfer syntaxes of the accepted presentation contexts.
    ///   - report: called with what is found, in order.
    func take(
        _ bytes: UnsafeRawBufferPointer, contexts: [UInt8: TransferSyntax], _ report: (Event) -> Void
    ) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch phase {
            case .header:
                move(&rest, upTo: PDU.headerLength)
                if let first = buffer.first, PDUType(rawValue: first) == nil { beginForeign() }
                if case .header = phase, buffer.count == PDU.headerLength { readHeader() }
                // A PDU without a body is over with its header.
                if case .control(_, left: 0) = phase { endControl(report) }
                if case .data(left: 0) = phase { endSegment(contexts, endsPDU: true, report) }
            case .control(let type, let left):
                let taken = move(&rest, upTo: buffer.count + left)
                phase = .control(type, left: left - taken)
                if taken == left { endControl(report) }
            case .data(let left):
                let taken = move(&rest, upTo: min(buffer.count + left, Self.maximumPayload))
                phase = .data(left: left - taken)
                if taken == left || buffer.count == Self.maximumPayload {
                    endSegment(contexts, endsPDU: taken == left, report)
                }
            case .foreign:
                move(&rest, upTo: Self.maximumPayload)
                endForeign(report)
            }
        }
    }

    /// Takes that nothing more comes: a PDU that is there in part is a segment all the same.
    func finish(contexts: [UInt8: TransferSyntax], _ report: (Event) -> Void) {
        guard !buffer.isEmpty else { return }
        switch phase {
        case .header, .control:
            UserIdentityMask.apply(to: &buffer)
            if hasHadPDU { hide(from: Self.longestFixed) }
            emit(report, endsPDU: false)
        case .data: endSegment(contexts, endsPDU: false, report)
        case .foreign: endForeign(report)
        }
    }

    /// Moves bytes to the buffer until it holds so many; returns the number of bytes.
    @discardableResult
    private func move(_ rest: inout Slice<UnsafeRawBufferPointer>, upTo count: Int) -> Int {
        let taken = min(rest.count, max(0, count - buffer.count))
        buffer.append(contentsOf: rest.prefix(taken))
        rest = rest.dropFirst(taken)
        return taken
    }

    private func readHeader() {
        guard let type = PDUType(rawValue: buffer[0]) else { return beginForeign() }
        let length = buffer[2..<PDU.headerLength].reduce(0) { $0 << 8 | Int($1) }
        if type == .presentationData {
            phase = .data(left: length)
        } else if length <= PDULimits.standardMaximumControlLength {
            phase = .control(type, left: length)
        } else {
            beginForeign()
        }
    }

    // MARK: Segments

    private func endControl(_ report: (Event) -> Void) {
        guard case .control(let type, _) = phase else { return }
        switch type {
        case .associateRequest, .associateAccept:
            let pdu = try? PDU.decode(type: type.rawValue, body: buffer[PDU.headerLength...])
            if case .associateAccept(let accept)? = pdu { report(.accepted(accept)) }
            UserIdentityMask.apply(to: &buffer)
            // What opens an association is worth being seen as it is; within one it is something else that was misread.
            if pdu == nil, hasHadPDU { hide(from: PDU.headerLength) }
        default: hide(from: Self.longestFixed)
        }
        emit(report, endsPDU: true)
        endPDU()
    }

    /// A-ASSOCIATE-RJ, A-RELEASE and A-ABORT have four bytes behind their header, PS3.8 9.3.4 to 9.3.8.
    private static let longestFixed = PDU.headerLength + 4

    /// Makes zeros of what has no place in a PDU.
    private func hide(from start: Int) {
        guard rules.hidesPatientData, start < buffer.count else { return }
        for index in start..<buffer.count { buffer[index] = 0 }
    }

    private func endPDU() {
        hasHadPDU = true
        phase = .header
        isFirstSegment = true
        hasCut = false
        valueHeader.removeAll(keepingCapacity: true)
        value = nil
    }

    private func endSegment(
        _ contexts: [UInt8: TransferSyntax], endsPDU ends: Bool, _ report: (Event) -> Void
    ) {
        readValues(from: isFirstSegment ? min(PDU.headerLength, buffer.count) : 0, contexts, report)
        emit(report, endsPDU: ends)
        if ends { endPDU() }
    }

    /// Reports what is in the buffer, without its end if that need not be kept.
    private func emit(_ report: (Event) -> Void, endsPDU: Bool) {
        // A part that is left out of a PDU whose beginning is whole would keep its reader from putting that together.
        let mayCut = isFirstSegment || hasCut
        var start = 0
        if mayCut, let cut = cuts.last, cut.count >= Self.shortestCut,
            buffer.count - cut.upperBound <= Self.longestRest
        {
            hasCut = true
            start = buffer.count
            report(
                .segment(Segment(bytes: buffer[..<cut.lowerBound], length: buffer.count, endsPDU: endsPDU)))
        }
        while start < buffer.count {
            let end = min(start + Self.maximumPayload, buffer.count)
            report(
                .segment(
                    Segment(bytes: buffer[start..<end], length: end - start, endsPDU: endsPDU && end == buffer.count)))
            start = end
        }
        isFirstSegment = false
        cuts.removeAll(keepingCapacity: true)
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Foreign protocols

    /// What is no PDU at the very beginning is another protocol, and worth being seen.
    private func beginForeign() { phase = .foreign(shown: hasHadPDU ? Self.shownForeign : 0) }

    private func endForeign(_ report: (Event) -> Void) {
        guard case .foreign(let shown) = phase else { return }
        // Messages of HL7 are about patients.
        let found = buffer.withUnsafeBytes { ForeignProtocol.recognize($0) }
        let isKnown = found != nil && found != .hl7
        let limit = isKnown || shown > Self.shownUnknown ? Self.shownForeign : Self.shownUnknown
        let visible = min(buffer.count, max(0, limit - shown))
        phase = .foreign(shown: shown + visible)
        if rules.hidesPatientData, visible < buffer.count {
            hide(from: visible)
            cuts = [visible..<buffer.count]
            hasCut = true
        }
        emit(report, endsPDU: false)
    }

    // MARK: Values

    /// Hides what is to be hidden in the presentation data values of the buffer.
    private func readValues(
        from start: Int, _ contexts: [UInt8: TransferSyntax], _ report: (Event) -> Void
    ) {
        var offset = start
        while offset < buffer.count {
            if let value, value.left > 0 {
                let taken = min(value.left, buffer.count - offset)
                self.value?.left -= taken
                hide(offset..<offset + taken, of: value, contexts)
                offset += taken
                if taken == value.left { endValue(value) }
                continue
            }
            valueHeader.append(buffer[offset])
            offset += 1
            if valueHeader.count == Self.valueHeaderLength { beginValue(before: offset) }
        }
    }

    /// Length, context ID and message control header (PS3.8 9.3.5.1).
    private static let valueHeaderLength = 6

    /// - Parameter offset: the place in the buffer behind the header.
    private func beginValue(before offset: Int) {
        let length = valueHeader[..<4].reduce(0) { $0 << 8 | Int($1) } - 2
        var begun = Value(
            contextID: valueHeader[4], isCommand: valueHeader[5] & 1 != 0, isLast: valueHeader[5] & 2 != 0,
            left: length)
        valueHeader.removeAll(keepingCapacity: true)
        var left = buffer.count - offset
        if case .data(let more) = phase { left += more }
        if length < 0 || length > left {
            // It is no header of a value: neither it nor what follows in the PDU is understood.
            begun = Value(contextID: 0, left: left)
            mask = nil
            if rules.hidesPatientData {
                for index in max(0, offset - Self.valueHeaderLength)..<offset { buffer[index] = 0 }
            }
        }
        value = begun
        if begun.left == 0 { endValue(begun) }
    }

    private func hide(_ range: Range<Int>, of value: Value, _ contexts: [UInt8: TransferSyntax]) {
        if mask == nil || maskedContext != value.contextID || maskIsOfCommand != value.isCommand {
            // Fragments of two messages among each other break PS3.8 annex E: what follows is not understood.
            let isMixed = mask != nil
            let syntax = isMixed ? nil : contexts[value.contextID]
            mask =
                value.isCommand && !isMixed
                ? DataSetMask(ofCommandHiding: rules.hidesPatientData)
                : DataSetMask(syntax, hides: rules.hidesPatientData, kept: rules.keptBytes)
            maskedContext = value.contextID
            maskIsOfCommand = value.isCommand
        }
        let found = buffer.withUnsafeMutableBytes {
            mask?.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[range])) ?? []
        }
        for cut in found {
            let cut = cut.lowerBound + range.lowerBound..<cut.upperBound + range.lowerBound
            cuts.append(cut)
        }
    }

    private func endValue(_ value: Value) {
        self.value = nil
        if value.isLast { mask = nil }
    }
}

/// Hides the secrets of a user identity (PS3.7 D.3.3.7) in an A-ASSOCIATE PDU, in place.
enum UserIdentityMask {
    /// Type, reserved byte and length of an item.
    private static let itemHeaderLength = 4
    /// The fixed fields of an A-ASSOCIATE PDU before its items, PS3.8 9.3.2.
    private static let firstItem = 74
    private static let userInformation: UInt8 = 0x50
    private static let request: UInt8 = 0x58
    private static let response: UInt8 = 0x59

    /// - Parameter pdu: the PDU with its header, or as much of it as has come.
    static func apply(to pdu: inout [UInt8]) {
        guard let type = pdu.first, type == 1 || type == 2 else { return }
        for item in items(of: pdu, in: firstItem..<max(firstItem, pdu.count))
        where pdu[item.lowerBound] == userInformation {
            for part in items(of: pdu, in: item.lowerBound + itemHeaderLength..<item.upperBound) {
                let content = part.lowerBound + itemHeaderLength
                switch pdu[part.lowerBound] {
                // The type, the request for a response and the lengths of the fields stay.
                case request: hide(&pdu, min(content + 2, part.upperBound)..<part.upperBound)
                case response: hide(&pdu, content..<part.upperBound)
                default: break
                }
            }
        }
    }

    /// The items one behind the other; the last one may be cut.
    private static func items(of pdu: [UInt8], in range: Range<Int>) -> [Range<Int>] {
        var items: [Range<Int>] = []
        var start = range.lowerBound
        while range.upperBound - start >= itemHeaderLength {
            let length = Int(pdu[start + 2]) << 8 | Int(pdu[start + 3])
            let end = min(start + itemHeaderLength + length, range.upperBound)
            items.append(start..<end)
            start = end
        }
        return items
    }

    /// Hides fields that each have a length of two bytes before them.
    private static func hide(_ pdu: inout [UInt8], _ range: Range<Int>) {
        var start = range.lowerBound
        while range.upperBound - start >= 2 {
            let length = Int(pdu[start]) << 8 | Int(pdu[start + 1])
            let end = min(start + 2 + length, range.upperBound)
            for index in start + 2..<end { pdu[index] = UInt8(ascii: "*") }
            start = end
        }
    }
}
