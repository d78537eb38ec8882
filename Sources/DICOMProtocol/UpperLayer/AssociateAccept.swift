package import DICOM

/// The A-ASSOCIATE-AC PDU, PS3.8 9.3.3: see `AssociateHeader` for its fields, `PresentationContextResult` and
/// `UserInformation` for its items.
package struct AssociateAccept: Sendable, Equatable {
    package var protocolVersion: UInt16
    /// As in the request; not tested by its receiver.
    package var calledAETitle: AETitle
    /// As in the request; not tested by its receiver.
    package var callingAETitle: AETitle
    /// Empty if the peer sent none.
    package var applicationContext: UID
    package var presentationContexts: [PresentationContextResult]
    package var userInformation: UserInformation
    /// Titles and reserved bytes of the request, where they are not what the titles alone make. Never read out of an accept.
    private var fieldsAsReceived: [UInt8]?

    package init(
        protocolVersion: UInt16 = AssociateRequest.protocolVersion1, calledAETitle: AETitle,
        callingAETitle: AETitle, applicationContext: UID = AssociateRequest.dicomApplicationContext,
        presentationContexts: [PresentationContextResult], userInformation: UserInformation
    ) {
        self.protocolVersion = protocolVersion
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.applicationContext = applicationContext
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }

    /// The answer to a request, with the fields that are sent back as they came.
    package init(
        answering request: AssociateRequest, presentationContexts: [PresentationContextResult],
        userInformation: UserInformation
    ) {
        self.init(
            calledAETitle: request.calledAETitle, callingAETitle: request.callingAETitle,
            presentationContexts: presentationContexts, userInformation: userInformation)
        fieldsAsReceived = request.fieldsAsReceived
    }
}

extension AssociateAccept {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        let section = "PS3.8 9.3.3"
        var contexts: [PresentationContextResult] = []
        var ids = SeenContextIDs()
        let header = try AssociateHeader(
            decoding: body, section: section, contextItemType: PresentationContextResult.itemType
        ) { (item: ArraySlice<UInt8>) throws(ProtocolError) in
            let context = try PresentationContextResult(decoding: item)
            try ids.insert(context.id, section: section)
            contexts.append(context)
        }
        protocolVersion = header.protocolVersion
        calledAETitle = header.calledAETitle
        callingAETitle = header.callingAETitle
        applicationContext = header.applicationContext
        presentationContexts = contexts
        userInformation = header.userInformation
    }

    func encode(into bytes: inout [UInt8]) {
        AssociateHeader.encode(
            into: &bytes, protocolVersion: protocolVersion, calledAETitle: calledAETitle,
            callingAETitle: callingAETitle, fields: fieldsAsReceived, applicationContext: applicationContext)
        for context in presentationContexts { context.encode(into: &bytes) }
        bytes.appendItem(AssociateHeader.userInformationItemType) { userInformation.encode(into: &$0) }
    }
}
