import DICOM

/// The fixed fields with which the A-ASSOCIATE-RQ and -AC PDUs begin, and the items both have, PS3.8 9.3.2 and 9.3.3.
///
/// | Bytes of the body | Field |
/// |---|---|
/// | 1-2 | protocol version, a bit a version; version 1 is bit 0 |
/// | 3-4 | reserved, 0000H |
/// | 5-20 | called AE title (in the accept: as received, not tested) |
/// | 21-36 | calling AE title (in the accept: as received, not tested) |
/// | 37-68 | reserved; in the accept: as received |
/// | 69- | items, in any order: application context (10H), presentation contexts, user information (50H) |
struct AssociateHeader {
    static let applicationContextItemType: UInt8 = 0x10
    static let userInformationItemType: UInt8 = 0x50

    /// The standard has room for 128 (PS3.8 7.1.1.13: odd numbers in one byte); peers that also use even ones are borne.
    static let maximumPresentationContexts = 255

    /// All items of a PDU: those above and as many of types unknown today, which must be passed over.
    static let maximumItems = 1024

    /// The reserved bytes behind the titles.
    private static let reservedLength = 32

    let protocolVersion: UInt16
    let calledAETitle: AETitle
    let callingAETitle: AETitle
    /// Both titles and the reserved bytes, where they came otherwise than this side would write them; nil is the usual case.
    let fieldsAsReceived: [UInt8]?
    /// Empty where the item is missing: the receiver rejects the association then, as for an unknown context.
    private(set) var applicationContext = UID("")
    private(set) var userInformation = UserInformation()

    /// - Parameter context: called for the body of each item of the type `contextItemType`.
    init(
        decoding body: ArraySlice<UInt8>, section: String, contextItemType: UInt8,
        context: (ArraySlice<UInt8>) throws(ProtocolError) -> Void
    ) throws(ProtocolError) {
        var reader = ItemReader(body, section: section)
        protocolVersion = try reader.uint16("protocol version")
        _ = try reader.uint16("reserved bytes")
        let called = try reader.take(AETitle.wireLength, "called AE title")
        let calling = try reader.take(AETitle.wireLength, "calling AE title")
        let received = called + calling + (try reader.take(Self.reservedLength, "reserved bytes"))
        calledAETitle = AETitle(wire: called)
        callingAETitle = AETitle(wire: calling)
        let usual = Self.fields(calledAETitle: calledAETitle, callingAETitle: callingAETitle)
        fieldsAsReceived = received.elementsEqual(usual) ? nil : Array(received)
        var hasApplicationContext = false
        var hasUserInformation = false
        var itemCount = 0
        var contextCount = 0
        while !reader.isAtEnd {
            let item = try reader.item()
            itemCount += 1
            guard itemCount <= Self.maximumItems else {
                throw ProtocolError(.tooManyItems, section: section, "more than \(Self.maximumItems) items")
            }
            switch item.type {
            case Self.applicationContextItemType:
                guard !hasApplicationContext else {
                    throw ProtocolError(.repeatedItem, section: section, "two application context items")
                }
                hasApplicationContext = true
                applicationContext = UID(bytes: item.body)
            case contextItemType:
                contextCount += 1
                guard contextCount <= Self.maximumPresentationContexts else {
                    throw ProtocolError(
                        .tooManyItems, section: section,
                        "more than \(Self.maximumPresentationContexts) presentation contexts")
                }
                try context(item.body)
            case Self.userInformationItemType:
                guard !hasUserInformation else {
                    throw ProtocolError(.repeatedItem, section: section, "two user information items")
                }
                hasUserInformation = true
                userInformation = try UserInformation(decoding: item.body)
            default:
                break
            }
        }
    }

    private static func fields(calledAETitle: AETitle, callingAETitle: AETitle) -> [UInt8] {
        calledAETitle.wireBytes + callingAETitle.wireBytes + [UInt8](repeating: 0, count: reservedLength)
    }

    /// - Parameter fields: both titles and the reserved bytes as they are to be sent back; nil makes them of the titles.
    static func encode(
        into bytes: inout [UInt8], protocolVersion: UInt16, calledAETitle: AETitle, callingAETitle: AETitle,
        fields: [UInt8]?, applicationContext: UID
    ) {
        bytes.append(bigEndian: protocolVersion)
        bytes.append(bigEndian: UInt16(0))
        bytes.append(
            contentsOf: fields ?? Self.fields(calledAETitle: calledAETitle, callingAETitle: callingAETitle))
        bytes.appendItem(applicationContextItemType, applicationContext)
    }
}
