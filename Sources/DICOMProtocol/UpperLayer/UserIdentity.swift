/// The identity of the requestor's user (58H), PS3.7 D.3.3.7.1. It is sent as it is: a passcode is only as secret as
/// the connection.
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
    package struct IdentityType: WireCode {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let username: Self = 1
        package static let usernameAndPasscode: Self = 2
        package static let kerberosServiceTicket: Self = 3
        package static let samlAssertion: Self = 4
        package static let jsonWebToken: Self = 5

        package static let meanings: KeyValuePairs<Self, String> = [
            .username: "user name", .usernameAndPasscode: "user name and passcode",
            .kerberosServiceTicket: "Kerberos service ticket", .samlAssertion: "SAML assertion",
            .jsonWebToken: "JSON web token",
        ]
        package static let undefined = "unknown type"
    }

    /// The limit of both fields together. The user information item counts its length in 16 bits; the rest is room for
    /// all other items, among them a role selection and an extended negotiation for each of 128 contexts.
    package static let maximumLength = 40 * 1024

    package let type: IdentityType
    package let positiveResponseRequested: Bool
    package let primaryField: [UInt8]
    package let secondaryField: [UInt8]

    /// Returns nil if both fields together are longer than `maximumLength`.
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

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.7 D.3.3.7.1")
        type = IdentityType(rawValue: try reader.uint8("user identity type"))
        positiveResponseRequested = try reader.uint8("positive response requested") != 0
        primaryField = Array(try reader.counted("primary field"))
        // The standard always has the field; where a sender leaves it out, it is empty.
        secondaryField = reader.isAtEnd ? [] : Array(try reader.counted("secondary field"))
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(type.rawValue)
        bytes.append(positiveResponseRequested ? 1 : 0)
        bytes.appendCounted { $0.append(contentsOf: primaryField) }
        bytes.appendCounted { $0.append(contentsOf: secondaryField) }
    }
}
