package import DICOM

/// The user information item of the A-ASSOCIATE PDUs (50H), PS3.8 9.3.2.3 and Annex D, PS3.7 D.3.3.
///
/// | Item type | Sub-item | Repeats |
/// |---|---|---|
/// | 51H | maximum length | no |
/// | 52H | implementation class UID | no |
/// | 53H | asynchronous operations window | no |
/// | 54H | SCP/SCU role selection | by SOP class |
/// | 55H | implementation version name | no |
/// | 56H | SOP class extended negotiation | by SOP class |
/// | 57H | SOP class common extended negotiation (request only) | by SOP class |
/// | 58H | user identity (request only) | no |
/// | 59H | user identity, server response (accept only) | no |
package struct UserInformation: Sendable, Equatable {
    /// The longest P-DATA-TF body the sender will take, in bytes; 0 is no limit, nil if it was not said.
    package var maximumLength: UInt32?
    package var implementationClassUID: UID?
    package var asynchronousOperationsWindow: AsynchronousOperationsWindow?
    package var roleSelections: [RoleSelection]
    /// 1 to 16 characters. A peer's name is without characters that could disturb a terminal or a log.
    package var implementationVersionName: String?
    package var extendedNegotiations: [SOPClassExtendedNegotiation]
    package var commonExtendedNegotiations: [SOPClassCommonExtendedNegotiation]
    package var userIdentityRequest: UserIdentityRequest?
    /// What the server answers: nothing for names and passcodes, a ticket or token for the other kinds.
    package var userIdentityResponse: [UInt8]?
    /// Items of types unknown here, which a receiver passes over (PS3.8 9.3.1).
    package var unknownItems: [UnknownItem]

    package init(
        maximumLength: UInt32? = nil, implementationClassUID: UID? = nil,
        asynchronousOperationsWindow: AsynchronousOperationsWindow? = nil, roleSelections: [RoleSelection] = [],
        implementationVersionName: String? = nil, extendedNegotiations: [SOPClassExtendedNegotiation] = [],
        commonExtendedNegotiations: [SOPClassCommonExtendedNegotiation] = [],
        userIdentityRequest: UserIdentityRequest? = nil, userIdentityResponse: [UInt8]? = nil,
        unknownItems: [UnknownItem] = []
    ) {
        self.maximumLength = maximumLength
        self.implementationClassUID = implementationClassUID
        self.asynchronousOperationsWindow = asynchronousOperationsWindow
        self.roleSelections = roleSelections
        self.implementationVersionName = implementationVersionName
        self.extendedNegotiations = extendedNegotiations
        self.commonExtendedNegotiations = commonExtendedNegotiations
        self.userIdentityRequest = userIdentityRequest
        self.userIdentityResponse = userIdentityResponse
        self.unknownItems = unknownItems
    }

    package struct UnknownItem: Sendable, Hashable {
        package var type: UInt8
        package var bytes: [UInt8]

        package init(type: UInt8, bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
        }
    }
}
