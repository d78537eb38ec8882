package import DICOM

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
package struct PresentationContextProposal: Sendable, Hashable {
    package var id: UInt8
    package var abstractSyntax: UID
    package var transferSyntaxes: [UID]

    package init(id: UInt8, abstractSyntax: UID, transferSyntaxes: [UID]) {
        self.id = id
        self.abstractSyntax = abstractSyntax
        self.transferSyntaxes = transferSyntaxes
    }
}

extension PresentationContextProposal {
    /// PS3.6 lists some 70 transfer syntaxes; a context with more than this is not meant seriously.
    static let maximumTransferSyntaxes = 256

    static let itemType: UInt8 = 0x20

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        let section = "PS3.8 9.3.2.2"
        var reader = ItemReader(body, section: section)
        id = try reader.uint8("presentation context ID")
        _ = try reader.take(3, "reserved bytes")
        var abstractSyntax: UID?
        transferSyntaxes = []
        while !reader.isAtEnd {
            let item = try reader.item()
            switch item.type {
            case SyntaxItem.abstractSyntax:
                guard abstractSyntax == nil else {
                    throw ProtocolError(.repeatedItem, section: section, "context \(id) has two abstract syntaxes")
                }
                abstractSyntax = UID(bytes: item.body)
            case SyntaxItem.transferSyntax:
                guard transferSyntaxes.count < Self.maximumTransferSyntaxes else {
                    throw ProtocolError(
                        .tooManyItems, section: section,
                        "context \(id) has more than \(Self.maximumTransferSyntaxes) transfer syntaxes")
                }
                transferSyntaxes.append(UID(bytes: item.body))
            default:
                break
            }
        }
        // Without one it names no service; the acceptor refuses such a context by itself, not the association.
        self.abstractSyntax = abstractSyntax ?? UID("")
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.appendItem(Self.itemType) { bytes in
            bytes.append(contentsOf: [id, 0, 0, 0])
            bytes.appendItem(SyntaxItem.abstractSyntax, abstractSyntax)
            for syntax in transferSyntaxes { bytes.appendItem(SyntaxItem.transferSyntax, syntax) }
        }
    }
}
