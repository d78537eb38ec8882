package import DICOM

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
package struct PresentationContextResult: Sendable, Hashable {
    package enum Result: Sendable, Hashable, CustomStringConvertible {
        case acceptance
        case userRejection
        case noReason
        case abstractSyntaxNotSupported
        case transferSyntaxesNotSupported
        /// A value the standard does not define: not accepted.
        case other(UInt8)

        package init(rawValue: UInt8) {
            self =
                switch rawValue {
                case 0: .acceptance
                case 1: .userRejection
                case 2: .noReason
                case 3: .abstractSyntaxNotSupported
                case 4: .transferSyntaxesNotSupported
                default: .other(rawValue)
                }
        }

        package var rawValue: UInt8 {
            switch self {
            case .acceptance: 0
            case .userRejection: 1
            case .noReason: 2
            case .abstractSyntaxNotSupported: 3
            case .transferSyntaxesNotSupported: 4
            case .other(let value): value
            }
        }

        package var description: String {
            switch self {
            case .acceptance: "accepted"
            case .userRejection: "rejected by the user"
            case .noReason: "rejected, no reason given"
            case .abstractSyntaxNotSupported: "abstract syntax not supported"
            case .transferSyntaxesNotSupported: "transfer syntaxes not supported"
            case .other(let value): "rejected, unknown reason \(value)"
            }
        }
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

    /// A rejected context. The standard wants a transfer syntax in it all the same; this one every peer knows.
    package static func rejected(id: UInt8, _ result: Result) -> Self {
        Self(id: id, result: result, transferSyntax: TransferSyntax.implicitVRLittleEndian.uid)
    }
}

extension PresentationContextResult {
    static let itemType: UInt8 = 0x21

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.8 9.3.3.2")
        id = try reader.uint8("presentation context ID")
        _ = try reader.uint8("reserved byte")
        result = Result(rawValue: try reader.uint8("result"))
        _ = try reader.uint8("reserved byte")
        var syntax: UID?
        while !reader.isAtEnd {
            // What follows in a rejected context means nothing, and some peers put nothing readable there.
            if result != .acceptance, !reader.hasItem { break }
            let item = try reader.item()
            guard item.type == SyntaxItem.transferSyntax else { continue }
            guard syntax == nil || result != .acceptance else {
                throw ProtocolError(
                    .repeatedItem, section: "PS3.8 9.3.3.2", "context \(id) is accepted with two transfer syntaxes")
            }
            syntax = syntax ?? UID(bytes: item.body)
        }
        transferSyntax = syntax?.string.isEmpty == true ? nil : syntax
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.appendItem(Self.itemType) { bytes in
            bytes.append(contentsOf: [id, 0, result.rawValue, 0])
            if let transferSyntax { bytes.appendItem(SyntaxItem.transferSyntax, transferSyntax) }
        }
    }
}
