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
    /// The longest P-DATA-TF body that the sender accepts, in bytes; 0 is no limit, nil if it was not sent.
    package var maximumLength: UInt32?
    package var implementationClassUID: UID?
    package var asynchronousOperationsWindow: AsynchronousOperationsWindow?
    package var roleSelections: [RoleSelection]
    /// 1 to 16 characters. A peer's name is without characters that could disturb a terminal or a log.
    package var implementationVersionName: String?
    package var extendedNegotiations: [SOPClassExtendedNegotiation]
    package var commonExtendedNegotiations: [SOPClassCommonExtendedNegotiation]
    package var userIdentityRequest: UserIdentityRequest?
    /// The server response: empty for names and passcodes, a ticket or token for the other types.
    package var userIdentityResponse: [UInt8]?
    /// Items of unknown types, which a receiver ignores (PS3.8 9.3.1).
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

extension UserInformation {
    private enum ItemType: UInt8 {
        case maximumLength = 0x51
        case implementationClassUID = 0x52
        case asynchronousOperationsWindow = 0x53
        case roleSelection = 0x54
        case implementationVersionName = 0x55
        case extendedNegotiation = 0x56
        case commonExtendedNegotiation = 0x57
        case userIdentityRequest = 0x58
        case userIdentityResponse = 0x59

        /// True for the types that come once for each SOP class.
        var mayRepeat: Bool {
            self == .roleSelection || self == .extendedNegotiation || self == .commonExtendedNegotiation
        }
    }

    /// Role selections and negotiations come once for each SOP class, so there are no more than contexts; the rest is
    /// room for unknown types.
    static let maximumItems = 1024

    /// The standard allows 16 characters. Longer names are accepted and truncated when logged.
    static let maximumVersionNameLength = 64

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        let section = "PS3.8 9.3.2.3"
        self.init()
        var reader = ItemReader(body, section: section)
        var types = OctetSet()
        var count = 0
        while !reader.isAtEnd {
            count += 1
            guard count <= Self.maximumItems else {
                throw ProtocolError(
                    .tooManyItems, section: section, "more than \(Self.maximumItems) user information items")
            }
            let item = try reader.item()
            guard let type = ItemType(rawValue: item.type) else {
                unknownItems.append(UnknownItem(type: item.type, bytes: Array(item.body)))
                continue
            }
            guard types.insert(item.type) || type.mayRepeat else {
                throw ProtocolError(
                    .repeatedItem, section: section,
                    "user information item \(String(item.type, radix: 16))H stands twice")
            }
            try decode(type, item)
        }
    }

    private mutating func decode(_ type: ItemType, _ item: ItemReader.Item) throws(ProtocolError) {
        switch type {
        case .maximumLength:
            var reader = ItemReader(item.body, section: "PS3.8 D.1")
            maximumLength = try reader.uint32("maximum length")
        case .implementationClassUID:
            implementationClassUID = UID(bytes: item.body)
        case .asynchronousOperationsWindow:
            asynchronousOperationsWindow = try AsynchronousOperationsWindow(decoding: item.body)
        case .roleSelection:
            roleSelections.append(try RoleSelection(decoding: item.body))
        case .implementationVersionName:
            // The name is only shown.
            implementationVersionName = WireText.printableASCII(
                WireText.decode(WireText.trimmed(item.body.prefix(Self.maximumVersionNameLength))))
        case .extendedNegotiation:
            extendedNegotiations.append(try SOPClassExtendedNegotiation(decoding: item.body))
        case .commonExtendedNegotiation:
            commonExtendedNegotiations.append(
                try SOPClassCommonExtendedNegotiation(decoding: item.body, version: item.secondByte))
        case .userIdentityRequest:
            userIdentityRequest = try UserIdentityRequest(decoding: item.body)
        case .userIdentityResponse:
            var reader = ItemReader(item.body, section: "PS3.7 D.3.3.7.2")
            userIdentityResponse = Array(try reader.counted("server response"))
        }
    }

    func encode(into bytes: inout [UInt8]) {
        func append(_ type: ItemType, secondByte: UInt8 = 0, _ body: (inout [UInt8]) -> Void) {
            bytes.appendItem(type.rawValue, secondByte: secondByte, body)
        }
        if let maximumLength { append(.maximumLength) { $0.append(bigEndian: maximumLength) } }
        if let implementationClassUID {
            append(.implementationClassUID) { $0.append(contentsOf: implementationClassUID.string.utf8) }
        }
        if let window = asynchronousOperationsWindow {
            append(.asynchronousOperationsWindow) { window.encode(into: &$0) }
        }
        for selection in roleSelections { append(.roleSelection) { selection.encode(into: &$0) } }
        if let name = implementationVersionName {
            append(.implementationVersionName) { $0.append(contentsOf: WireText.encode(name)) }
        }
        for negotiation in extendedNegotiations { append(.extendedNegotiation) { negotiation.encode(into: &$0) } }
        for negotiation in commonExtendedNegotiations {
            append(.commonExtendedNegotiation, secondByte: negotiation.version) { negotiation.encode(into: &$0) }
        }
        if let userIdentityRequest { append(.userIdentityRequest) { userIdentityRequest.encode(into: &$0) } }
        if let userIdentityResponse {
            append(.userIdentityResponse) { bytes in
                bytes.appendCounted { $0.append(contentsOf: userIdentityResponse) }
            }
        }
        for item in unknownItems { bytes.appendItem(item.type) { $0.append(contentsOf: item.bytes) } }
    }
}
