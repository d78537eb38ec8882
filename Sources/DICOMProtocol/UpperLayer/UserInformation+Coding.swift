import DICOM

extension UserInformation {
    /// Role selections and negotiations stand once for each SOP class, so there are no more than contexts; the rest is
    /// room for types unknown today.
    static let maximumItems = 1024

    /// The standard allows 16 characters. Longer names are borne, but no peer fills a log with one.
    static let maximumVersionNameLength = 64

    enum ItemType {
        static let maximumLength: UInt8 = 0x51
        static let implementationClassUID: UInt8 = 0x52
        static let asynchronousOperationsWindow: UInt8 = 0x53
        static let roleSelection: UInt8 = 0x54
        static let implementationVersionName: UInt8 = 0x55
        static let extendedNegotiation: UInt8 = 0x56
        static let commonExtendedNegotiation: UInt8 = 0x57
        static let userIdentityRequest: UInt8 = 0x58
        static let userIdentityResponse: UInt8 = 0x59
    }

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        let section = "PS3.8 9.3.2.3"
        self.init()
        var reader = ItemReader(body, section: section)
        var count = 0
        while !reader.isAtEnd {
            count += 1
            guard count <= Self.maximumItems else {
                throw ProtocolError(
                    .tooManyItems, section: section, "more than \(Self.maximumItems) user information items")
            }
            let item = try reader.item()
            guard !has(item.type) else {
                throw ProtocolError(
                    .repeatedItem, section: section,
                    "user information item \(String(item.type, radix: 16))H stands twice")
            }
            try decode(item)
        }
    }

    /// Whether an item that may stand once only is already there.
    private func has(_ type: UInt8) -> Bool {
        switch type {
        case ItemType.maximumLength: maximumLength != nil
        case ItemType.implementationClassUID: implementationClassUID != nil
        case ItemType.asynchronousOperationsWindow: asynchronousOperationsWindow != nil
        case ItemType.implementationVersionName: implementationVersionName != nil
        case ItemType.userIdentityRequest: userIdentityRequest != nil
        case ItemType.userIdentityResponse: userIdentityResponse != nil
        default: false
        }
    }

    private mutating func decode(_ item: ItemReader.Item) throws(ProtocolError) {
        switch item.type {
        case ItemType.maximumLength:
            var reader = ItemReader(item.body, section: "PS3.8 D.1")
            maximumLength = try reader.uint32("maximum length")
        case ItemType.implementationClassUID:
            implementationClassUID = UID(bytes: item.body)
        case ItemType.asynchronousOperationsWindow:
            asynchronousOperationsWindow = try AsynchronousOperationsWindow(decoding: item.body)
        case ItemType.roleSelection:
            roleSelections.append(try RoleSelection(decoding: item.body))
        case ItemType.implementationVersionName:
            // A name serves to be shown, and only that.
            implementationVersionName = WireText.printableASCII(
                WireText.decode(WireText.trimmed(item.body.prefix(Self.maximumVersionNameLength))))
        case ItemType.extendedNegotiation:
            extendedNegotiations.append(try SOPClassExtendedNegotiation(decoding: item.body))
        case ItemType.commonExtendedNegotiation:
            commonExtendedNegotiations.append(
                try SOPClassCommonExtendedNegotiation(decoding: item.body, version: item.secondByte))
        case ItemType.userIdentityRequest:
            userIdentityRequest = try UserIdentityRequest(decoding: item.body)
        case ItemType.userIdentityResponse:
            var reader = ItemReader(item.body, section: "PS3.7 D.3.3.7.2")
            userIdentityResponse = Array(try reader.counted("server response"))
        default:
            unknownItems.append(UnknownItem(type: item.type, bytes: Array(item.body)))
        }
    }

    func encode(into bytes: inout [UInt8]) {
        if let maximumLength {
            bytes.appendItem(ItemType.maximumLength) { $0.append(bigEndian: maximumLength) }
        }
        if let implementationClassUID { bytes.appendItem(ItemType.implementationClassUID, implementationClassUID) }
        if let asynchronousOperationsWindow {
            bytes.appendItem(ItemType.asynchronousOperationsWindow) { asynchronousOperationsWindow.encode(into: &$0) }
        }
        for selection in roleSelections {
            bytes.appendItem(ItemType.roleSelection) { selection.encode(into: &$0) }
        }
        if let implementationVersionName {
            bytes.appendItem(ItemType.implementationVersionName) {

                $0.append(contentsOf: WireText.encode(implementationVersionName))

            }
        }
        for negotiation in extendedNegotiations {
            bytes.appendItem(ItemType.extendedNegotiation) { negotiation.encode(into: &$0) }
        }
        for negotiation in commonExtendedNegotiations {
            bytes.appendItem(ItemType.commonExtendedNegotiation, secondByte: negotiation.version) {
                negotiation.encode(into: &$0)
            }
        }
        if let userIdentityRequest {
            bytes.appendItem(ItemType.userIdentityRequest) { userIdentityRequest.encode(into: &$0) }
        }
        if let userIdentityResponse {
            bytes.appendItem(ItemType.userIdentityResponse) { bytes in
                bytes.appendCounted { $0.append(contentsOf: userIdentityResponse) }
            }
        }
        for item in unknownItems { bytes.appendItem(item.type) { $0.append(contentsOf: item.bytes) } }
    }
}
