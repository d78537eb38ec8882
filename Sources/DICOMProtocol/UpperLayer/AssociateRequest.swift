package import DICOM

/// The A-ASSOCIATE-RQ PDU, PS3.8 9.3.2: see `AssociateHeader` for its fields, `PresentationContextProposal` and
/// `UserInformation` for its items.
package struct AssociateRequest: Sendable, Equatable {
    /// The only application context DICOM has, PS3.7 A.2.1.
    package static let dicomApplicationContext = UID("1.2.840.10008.3.1.1.1")

    /// Version 1 of the protocol: bit 0.
    package static let protocolVersion1: UInt16 = 0x0001

    package var protocolVersion: UInt16
    package var calledAETitle: AETitle
    package var callingAETitle: AETitle
    /// Empty if the peer sent none.
    package var applicationContext: UID
    package var presentationContexts: [PresentationContextProposal]
    package var userInformation: UserInformation
    /// Titles and reserved bytes, where a peer wrote them in a way of its own: the accept repeats them, byte by byte.
    private(set) var fieldsAsReceived: [UInt8]?

    package init(
        protocolVersion: UInt16 = Self.protocolVersion1, calledAETitle: AETitle, callingAETitle: AETitle,
        applicationContext: UID = Self.dicomApplicationContext,
        presentationContexts: [PresentationContextProposal], userInformation: UserInformation
    ) {
        self.protocolVersion = protocolVersion
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.applicationContext = applicationContext
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }

    /// Only bit 0 counts; the others are versions that do not exist.
    package var supportsProtocolVersion: Bool { protocolVersion & Self.protocolVersion1 != 0 }
}

extension AssociateRequest {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        let section = "PS3.8 9.3.2"
        var contexts: [PresentationContextProposal] = []
        var ids = SeenContextIDs()
        let header = try AssociateHeader(
            decoding: body, section: section, contextItemType: PresentationContextProposal.itemType
        ) { (item: ArraySlice<UInt8>) throws(ProtocolError) in
            let context = try PresentationContextProposal(decoding: item)
            try ids.insert(context.id, section: section)
            contexts.append(context)
        }
        protocolVersion = header.protocolVersion
        calledAETitle = header.calledAETitle
        callingAETitle = header.callingAETitle
        applicationContext = header.applicationContext
        presentationContexts = contexts
        userInformation = header.userInformation
        fieldsAsReceived = header.fieldsAsReceived
    }

    func encode(into bytes: inout [UInt8]) {
        AssociateHeader.encode(
            into: &bytes, protocolVersion: protocolVersion, calledAETitle: calledAETitle,
            callingAETitle: callingAETitle, fields: fieldsAsReceived, applicationContext: applicationContext)
        for context in presentationContexts { context.encode(into: &bytes) }
        bytes.appendItem(AssociateHeader.userInformationItemType) { userInformation.encode(into: &$0) }
    }
}
