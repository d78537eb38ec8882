package import DICOM

/// The A-ASSOCIATE-RQ PDU, PS3.8 9.3.2.
package typealias AssociateRequest = AssociatePDU<PresentationContextProposal>

/// The A-ASSOCIATE-AC PDU, PS3.8 9.3.3.
package typealias AssociateAccept = AssociatePDU<PresentationContextResult>

/// The A-ASSOCIATE-RQ or -AC PDU, which differ in their presentation context items alone.
///
/// | Bytes of the body | Field |
/// |---|---|
/// | 1-2 | protocol version, a bit a version; version 1 is bit 0 |
/// | 3-4 | reserved, 0000H |
/// | 5-20 | called AE title (in the accept: as received, not tested) |
/// | 21-36 | calling AE title (in the accept: as received, not tested) |
/// | 37-68 | reserved; in the accept: as received |
/// | 69- | items, in any order: application context (10H), presentation contexts, user information (50H) |
///
/// The parameter has no requirement that is looked up while the program runs: each would be a search through all
/// conformances, in every run.
package struct AssociatePDU<Context: Sendable>: Sendable {
    package var protocolVersion: UInt16
    package var calledAETitle: AETitle
    package var callingAETitle: AETitle
    /// Empty if the peer sent none: a receiver of the request rejects the association then, as for an unknown context.
    package var applicationContext: UID
    package var presentationContexts: [Context]
    package var userInformation: UserInformation
    /// Presentation contexts beyond the 128 that there are ids for, which repeat the id of an earlier one: they were left
    /// out.
    package private(set) var surplusContextCount = 0
    /// Both titles and the reserved bytes after them, if a request had them in another form than `titleFields`: the
    /// accept repeats them, byte by byte.
    private var titleFieldsAsReceived: [UInt8]?

    package init(
        protocolVersion: UInt16 = 0x0001, calledAETitle: AETitle, callingAETitle: AETitle,
        applicationContext: UID = Self.dicomApplicationContext, presentationContexts: [Context],
        userInformation: UserInformation
    ) {
        self.protocolVersion = protocolVersion
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.applicationContext = applicationContext
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }

    /// The only application context of DICOM, PS3.7 A.2.1.
    package static var dicomApplicationContext: UID { "1.2.840.10008.3.1.1.1" }

    /// True if version 1 is among the versions: bit 0. The other bits are versions that do not exist.
    package var supportsProtocolVersion: Bool { protocolVersion & 0x0001 != 0 }
}

extension AssociatePDU: Equatable where Context: Equatable {}

extension AssociateAccept {
    /// The accept of a request, with the fields that are sent back as they were received.
    package init(
        answering request: AssociateRequest, presentationContexts: [PresentationContextResult],
        userInformation: UserInformation
    ) {
        self.init(
            calledAETitle: request.calledAETitle, callingAETitle: request.callingAETitle,
            presentationContexts: presentationContexts, userInformation: userInformation)
        titleFieldsAsReceived = request.titleFieldsAsReceived
    }
}

// MARK: Coding

extension AssociatePDU where Context: PresentationContextItem {
    private static var applicationContextItem: UInt8 { 0x10 }
    private static var userInformationItem: UInt8 { 0x50 }

    /// PS3.8 7.1.1.13: odd numbers in one byte.
    private static var standardPresentationContexts: Int { 128 }

    /// Even ids are accepted, too.
    private static var maximumPresentationContexts: Int { 255 }

    /// The limit of items in a PDU: room for as many of unknown types, which are ignored.
    private static var maximumItems: Int { 1024 }

    /// The length of the reserved bytes after the titles.
    private static var reservedLength: Int { 32 }

    private var titleFields: [UInt8] {
        calledAETitle.wireBytes + callingAETitle.wireBytes + [UInt8](repeating: 0, count: Self.reservedLength)
    }

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: Context.pduSection)
        let version = try reader.uint16("protocol version")
        _ = try reader.uint16("reserved bytes")
        let called = try reader.take(AETitle.wireLength, "called AE title")
        let calling = try reader.take(AETitle.wireLength, "calling AE title")
        let received = called + calling + (try reader.take(Self.reservedLength, "reserved bytes"))
        self.init(
            protocolVersion: version, calledAETitle: AETitle(wire: called), callingAETitle: AETitle(wire: calling),
            applicationContext: "", presentationContexts: [], userInformation: UserInformation())
        if Context.isProposed, !received.elementsEqual(titleFields) { titleFieldsAsReceived = Array(received) }
        try decodeItems(&reader)
    }

    private mutating func decodeItems(_ reader: inout ItemReader) throws(ProtocolError) {
        var types = OctetSet()
        var ids = OctetSet()
        var count = 0
        while !reader.isAtEnd {
            let item = try reader.item()
            count += 1
            try require(count <= Self.maximumItems, .tooManyItems, "more than \(Self.maximumItems) items")
            let isFirst = types.insert(item.type)
            switch item.type {
            case Self.applicationContextItem:
                try require(isFirst, .repeatedItem, "two application context items")
                applicationContext = UID(bytes: item.body)
            case Context.itemType:
                try require(
                    presentationContexts.count < Self.maximumPresentationContexts, .tooManyItems,
                    "more than \(Self.maximumPresentationContexts) presentation contexts")
                let context = try Context(decoding: item.body)
                if ids.count >= Self.standardPresentationContexts, ids.contains(context.id) {
                    surplusContextCount += 1
                    continue
                }
                // With two of one id it would be open which one is meant.
                try require(
                    ids.insert(context.id), .repeatedItem, "presentation context \(context.id) stands twice")
                presentationContexts.append(context)
            case Self.userInformationItem:
                try require(isFirst, .repeatedItem, "two user information items")
                userInformation = try UserInformation(decoding: item.body)
            default:
                break
            }
        }
    }

    private func require(
        _ condition: Bool, _ code: ProtocolError.Code, _ message: @autoclosure () -> String
    ) throws(ProtocolError) {
        guard !condition else { return }
        throw ProtocolError(code, section: Context.pduSection, message())
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: protocolVersion)
        bytes.append(bigEndian: UInt16(0))
        bytes.append(contentsOf: titleFieldsAsReceived ?? titleFields)
        bytes.appendItem(Self.applicationContextItem, applicationContext)
        for context in presentationContexts { bytes.appendItem(Context.itemType) { context.encode(into: &$0) } }
        bytes.appendItem(Self.userInformationItem) { userInformation.encode(into: &$0) }
    }
}
