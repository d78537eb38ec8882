/// Who is asking (58H), PS3.7 D.3.3.7.1. It travels as it is: a passcode is only as secret as the connection.
///
/// | Bytes | Field |
/// |---|---|
/// | 1 | user identity type |
/// | 2 | positive response requested: 0 or 1 |
/// | 3-4 | primary field length |
/// | 5- | primary field |
/// | 2 | secondary field length |
/// | rest | secondary field, the passcode; empty for all other types |
package struct UserIdentityRequest: Sendable, Hashable, CustomStringConvertible {
    package enum IdentityType: Sendable, Hashable, CustomStringConvertible {
        case username
        case usernameAndPasscode
        case kerberosServiceTicket
        case samlAssertion
        case jsonWebToken
        case other(UInt8)

        package init(rawValue: UInt8) {
            self =
                switch rawValue {
                case 1: .username
                case 2: .usernameAndPasscode
                case 3: .kerberosServiceTicket
                case 4: .samlAssertion
                case 5: .jsonWebToken
                default: .other(rawValue)
                }
        }

        package var rawValue: UInt8 {
            switch self {
            case .username: 1
            case .usernameAndPasscode: 2
            case .kerberosServiceTicket: 3
            case .samlAssertion: 4
            case .jsonWebToken: 5
            case .other(let value): value
            }
        }

        package var description: String {
            switch self {
            case .username: "user name"
            case .usernameAndPasscode: "user name and passcode"
            case .kerberosServiceTicket: "Kerberos service ticket"
            case .samlAssertion: "SAML assertion"
            case .jsonWebToken: "JSON web token"
            case .other(let value): "unknown type \(value)"
            }
        }
    }

    /// The user information item that holds this one counts its length in 16 bits; what this leaves is for all other
    /// items in it: a role selection and an extended negotiation for each of 128 contexts among them.
    package static let maximumLength = 40 * 1024

    package let type: IdentityType
    package let positiveResponseRequested: Bool
    package let primaryField: [UInt8]
    package let secondaryField: [UInt8]

    /// Nil if both fields together are longer than `maximumLength`.
    package init?(
        type: IdentityType, positiveResponseRequested: Bool, primaryField: [UInt8], secondaryField: [UInt8] = []
    ) {
        guard primaryField.count <= Self.maximumLength,
            secondaryField.count <= Self.maximumLength - primaryField.count
        else { return nil }
        self.type = type
        self.positiveResponseRequested = positiveResponseRequested
        self.primaryField = primaryField
        self.secondaryField = secondaryField
    }

    /// The kind of identity only: names, passcodes and tickets belong in no log.
    package var description: String { type.description }
}

extension UserIdentityRequest {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.7 D.3.3.7.1")
        type = IdentityType(rawValue: try reader.uint8("user identity type"))
        positiveResponseRequested = try reader.uint8("positive response requested") != 0
        primaryField = Array(try reader.counted("primary field"))
        // The standard always has the field; where a sender leaves it out, nothing is open.
        secondaryField = reader.isAtEnd ? [] : Array(try reader.counted("secondary field"))
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(type.rawValue)
        bytes.append(positiveResponseRequested ? 1 : 0)
        bytes.appendCounted { $0.append(contentsOf: primaryField) }
        bytes.appendCounted { $0.append(contentsOf: secondaryField) }
    }
}
