package import DICOM

/// A presentation context item of an A-ASSOCIATE PDU.
package protocol PresentationContextItem: Sendable, Hashable {
    var id: UInt8 { get }

    static var itemType: UInt8 { get }
    /// True for the items of an A-ASSOCIATE-RQ.
    static var isProposed: Bool { get }
    /// The section of the standard that describes the PDU of these items.
    static var pduSection: String { get }

    /// - Throws: `ProtocolError` if the bytes after the item's header are malformed.
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError)

    /// Appends the bytes after the item's header.
    func encode(into bytes: inout [UInt8])
}

private enum SubItemType {
    static let abstractSyntax: UInt8 = 0x30
    static let transferSyntax: UInt8 = 0x40
}

/// The presentation context item of an A-ASSOCIATE-RQ, PS3.8 9.3.2.2 and tables 9-13 to 9-15.
///
/// | Bytes | Field |
/// |---|---|
/// | 1 | item type 20H |
/// | 2 | reserved |
/// | 3-4 | item length |
/// | 5 | presentation context ID, odd |
/// | 6-8 | reserved, any value when received |
/// | 9- | abstract syntax sub-item (30H), then one or more transfer syntax sub-items (40H) |
package struct PresentationContextProposal: PresentationContextItem {
    package var id: UInt8
    package var abstractSyntax: UID
    package var transferSyntaxes: [UID]

    package init(id: UInt8, abstractSyntax: UID, transferSyntaxes: [UID]) {
        self.id = id
        self.abstractSyntax = abstractSyntax
        self.transferSyntaxes = transferSyntaxes
    }

    package static let itemType: UInt8 = 0x20
    package static let isProposed = true
    package static let pduSection = "PS3.8 9.3.2"
    private static let section = "PS3.8 9.3.2.2"

    /// PS3.6 lists some 70 transfer syntaxes; no real context has more than this.
    static let maximumTransferSyntaxes = 256

    /// - Throws: `ProtocolError` if the bytes after the item's header are malformed.
    package init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: Self.section)
        id = try reader.uint8("presentation context ID")
        _ = try reader.take(3, "reserved bytes")
        var abstractSyntax: UID?
        transferSyntaxes = []
        while !reader.isAtEnd {
            let item = try reader.item()
            switch item.type {
            case SubItemType.abstractSyntax:
                guard abstractSyntax == nil else {
                    throw ProtocolError(.repeatedItem, section: Self.section, "context \(id) has two abstract syntaxes")
                }
                abstractSyntax = UID(bytes: item.body)
            case SubItemType.transferSyntax:
                guard transferSyntaxes.count < Self.maximumTransferSyntaxes else {
                    throw ProtocolError(
                        .tooManyItems, section: Self.section,
                        "context \(id) has more than \(Self.maximumTransferSyntaxes) transfer syntaxes")
                }
                transferSyntaxes.append(UID(bytes: item.body))
            default:
                break
            }
        }
        // Without one it names no service; the acceptor refuses such a context by itself, not the association.
        self.abstractSyntax = abstractSyntax ?? ""
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: [id, 0, 0, 0])
        bytes.appendItem(SubItemType.abstractSyntax, abstractSyntax)
        for syntax in transferSyntaxes { bytes.appendItem(SubItemType.transferSyntax, syntax) }
    }
}

/// The presentation context item of an A-ASSOCIATE-AC, PS3.8 9.3.3.2 and tables 9-18 and 9-19.
///
/// | Bytes | Field |
/// |---|---|
/// | 1 | item type 21H |
/// | 2 | reserved |
/// | 3-4 | item length |
/// | 5 | presentation context ID |
/// | 6 | reserved, any value when received |
/// | 7 | result/reason |
/// | 8 | reserved, any value when received |
/// | 9- | one transfer syntax sub-item (40H), significant only if accepted |
package struct PresentationContextResult: PresentationContextItem {
    /// The result/reason field; all values but `acceptance` refuse the context.
    package struct Result: WireCode {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let acceptance: Self = 0
        package static let userRejection: Self = 1
        package static let noReason: Self = 2
        package static let abstractSyntaxNotSupported: Self = 3
        package static let transferSyntaxesNotSupported: Self = 4

        package static let meanings: KeyValuePairs<Self, String> = [
            .acceptance: "accepted", .userRejection: "rejected by the user", .noReason: "rejected, no reason given",
            .abstractSyntaxNotSupported: "abstract syntax not supported",
            .transferSyntaxesNotSupported: "transfer syntaxes not supported",
        ]
        package static let undefined = "rejected, unknown reason"
    }

    package var id: UInt8
    package var result: Result
    /// The accepted transfer syntax; not significant, and often absent, in a rejected context.
    package var transferSyntax: UID?

    package init(id: UInt8, result: Result, transferSyntax: UID?) {
        self.id = id
        self.result = result
        self.transferSyntax = transferSyntax
    }

    /// A rejected context. The standard requires a transfer syntax in it all the same; every peer knows this one.
    package static func rejected(id: UInt8, _ result: Result) -> Self {
        Self(id: id, result: result, transferSyntax: TransferSyntax.implicitVRLittleEndian.uid)
    }

    package static let itemType: UInt8 = 0x21
    package static let isProposed = false
    package static let pduSection = "PS3.8 9.3.3"
    private static let section = "PS3.8 9.3.3.2"

    /// - Throws: `ProtocolError` if the bytes after the item's header are malformed.
    package init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: Self.section)
        id = try reader.uint8("presentation context ID")
        _ = try reader.uint8("reserved byte")
        result = Result(rawValue: try reader.uint8("result"))
        _ = try reader.uint8("reserved byte")
        var syntax: UID?
        while !reader.isAtEnd {
            // In a rejected context the rest has no meaning, and some peers put nothing readable there.
            if result != .acceptance, !reader.hasItem { break }
            let item = try reader.item()
            guard item.type == SubItemType.transferSyntax else { continue }
            guard syntax == nil || result != .acceptance else {
                throw ProtocolError(
                    .repeatedItem, section: Self.section, "context \(id) is accepted with two transfer syntaxes")
            }
            syntax = syntax ?? UID(bytes: item.body)
        }
        transferSyntax = syntax?.string.isEmpty == true ? nil : syntax
    }

    package func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: [id, 0, result.rawValue, 0])
        if let transferSyntax { bytes.appendItem(SubItemType.transferSyntax, transferSyntax) }
    }
}
