package import DICOM

/// The command sets of requests, PS3.7 9.3 and 10.3.
extension CommandSet {
    /// C-ECHO-RQ, PS3.7 9.3.5.1.
    package static func echoRequest(messageID: UInt16) -> CommandSet {
        request(.cEchoRQ, messageID, affected: "1.2.840.10008.1.1", hasDataSet: false)
    }

    /// C-STORE-RQ, PS3.7 9.3.1.1.
    ///
    /// - Parameter moveOriginator: the requestor and the request of the C-MOVE that this is a sub-operation of.
    package static func storeRequest(
        messageID: UInt16, sopClass: UID, sopInstance: UID, priority: Priority = .medium,
        moveOriginator: (title: AETitle, messageID: UInt16)? = nil
    ) -> CommandSet {
        var command = request(.cStoreRQ, messageID, affected: sopClass, priority: priority)
        command.affectedSOPInstanceUID = sopInstance
        command.moveOriginatorAETitle = moveOriginator?.title
        command.moveOriginatorMessageID = moveOriginator?.messageID
        return command
    }

    /// C-FIND-RQ, PS3.7 9.3.2.1.
    package static func findRequest(messageID: UInt16, sopClass: UID, priority: Priority = .medium) -> CommandSet {
        request(.cFindRQ, messageID, affected: sopClass, priority: priority)
    }

    /// C-MOVE-RQ, PS3.7 9.3.4.1.
    package static func moveRequest(
        messageID: UInt16, sopClass: UID, destination: AETitle, priority: Priority = .medium
    ) -> CommandSet {
        var command = request(.cMoveRQ, messageID, affected: sopClass, priority: priority)
        command.moveDestination = destination
        return command
    }

    /// C-GET-RQ, PS3.7 9.3.3.1.
    package static func getRequest(messageID: UInt16, sopClass: UID, priority: Priority = .medium) -> CommandSet {
        request(.cGetRQ, messageID, affected: sopClass, priority: priority)
    }

    /// C-CANCEL-RQ for a C-FIND, C-MOVE or C-GET, PS3.7 9.3.2.3: it has no Message ID of its own and no response.
    package static func cancelRequest(of messageID: UInt16) -> CommandSet {
        var command = CommandSet()
        command.commandField = .cCancelRQ
        command.messageIDBeingRespondedTo = messageID
        command.commandDataSetType = noDataSet
        return command
    }

    /// N-ACTION-RQ, PS3.7 10.3.4.1.
    package static func actionRequest(
        messageID: UInt16, sopClass: UID, sopInstance: UID, actionTypeID: UInt16, hasDataSet: Bool = true
    ) -> CommandSet {
        var command = request(.nActionRQ, messageID, affected: nil, hasDataSet: hasDataSet)
        command.requestedSOPClassUID = sopClass
        command.requestedSOPInstanceUID = sopInstance
        command.actionTypeID = actionTypeID
        return command
    }

    /// N-EVENT-REPORT-RQ, PS3.7 10.3.1.1.
    package static func eventReportRequest(
        messageID: UInt16, sopClass: UID, sopInstance: UID, eventTypeID: UInt16, hasDataSet: Bool = true
    ) -> CommandSet {
        var command = request(.nEventReportRQ, messageID, affected: sopClass, hasDataSet: hasDataSet)
        command.affectedSOPInstanceUID = sopInstance
        command.eventTypeID = eventTypeID
        return command
    }

    private static func request(
        _ field: CommandField, _ messageID: UInt16, affected: UID?, priority: Priority? = nil, hasDataSet: Bool = true
    ) -> CommandSet {
        var command = CommandSet()
        command.commandField = field
        command.messageID = messageID
        command.affectedSOPClassUID = affected
        command.priority = priority?.rawValue
        command.commandDataSetType = hasDataSet ? dataSetPresent : noDataSet
        return command
    }
}

/// The command sets of responses, PS3.7 9.3 and 10.3. Each repeats the SOP class and instance of its request: some
/// peers require it.
extension CommandSet {
    /// C-ECHO-RSP, PS3.7 9.3.5.2.
    package static func echoResponse(to request: CommandSet, status: DIMSEStatus = .success) -> CommandSet {
        response(.cEchoRSP, to: request, status)
    }

    /// C-STORE-RSP, PS3.7 9.3.1.2.
    package static func storeResponse(to request: CommandSet, status: DIMSEStatus) -> CommandSet {
        response(.cStoreRSP, to: request, status)
    }

    /// C-FIND-RSP, PS3.7 9.3.2.2. Every pending one has an identifier, the final one has none.
    package static func findResponse(
        to request: CommandSet, status: DIMSEStatus, hasIdentifier: Bool
    ) -> CommandSet {
        response(.cFindRSP, to: request, status, hasDataSet: hasIdentifier)
    }

    /// C-MOVE-RSP, PS3.7 9.3.4.2. A final one may have an identifier that lists the failed instances.
    package static func moveResponse(
        to request: CommandSet, status: DIMSEStatus, counts: SuboperationCounts, hasIdentifier: Bool = false
    ) -> CommandSet {
        var command = response(.cMoveRSP, to: request, status, hasDataSet: hasIdentifier)
        command.suboperationCounts = counts
        return command
    }

    /// C-GET-RSP, PS3.7 9.3.3.2. A final one may have an identifier that lists the failed instances.
    package static func getResponse(
        to request: CommandSet, status: DIMSEStatus, counts: SuboperationCounts, hasIdentifier: Bool = false
    ) -> CommandSet {
        var command = response(.cGetRSP, to: request, status, hasDataSet: hasIdentifier)
        command.suboperationCounts = counts
        return command
    }

    /// N-ACTION-RSP, PS3.7 10.3.4.2.
    package static func actionResponse(
        to request: CommandSet, status: DIMSEStatus, hasDataSet: Bool = false
    ) -> CommandSet {
        response(.nActionRSP, to: request, status, hasDataSet: hasDataSet)
    }

    /// N-EVENT-REPORT-RSP, PS3.7 10.3.1.2.
    package static func eventReportResponse(
        to request: CommandSet, status: DIMSEStatus, hasDataSet: Bool = false
    ) -> CommandSet {
        response(.nEventReportRSP, to: request, status, hasDataSet: hasDataSet)
    }

    /// The response to a request that is not served, whether the standard defines its command or not, PS3.7 C.
    ///
    /// Returns nil if there is no response to it: a response, a C-CANCEL-RQ, a command set without a Command Field.
    package static func failureResponse(
        to request: CommandSet, status: DIMSEStatus, comment: String? = nil
    ) -> CommandSet? {
        guard let field = request.commandField?.response else { return nil }
        var command = response(field, to: request, status)
        command.errorComment = comment.map(shortComment)
        return command
    }

    /// The status of a request for which there is no memory: of the services of PS3.4 A700H, or A701H of retrievals, of those
    /// of PS3.7 chapter 10 0213H.
    package var outOfResources: DIMSEStatus {
        switch commandField {
        case .cStoreRQ, .cFindRQ: .outOfResources
        case .cMoveRQ, .cGetRQ: .unableToCalculateMatches
        default: .resourceLimitation
        }
    }

    /// At most 64 characters, all of the default repertoire: the limits of an LO (PS3.5 6.2) in a command set, which
    /// has no Specific Character Set.
    private static func shortComment(_ comment: String) -> String {
        WireText.printableASCII(String(comment.unicodeScalars.prefix(64).map { $0 == "\\" ? "?" : Character($0) }))
    }

    private static func response(
        _ field: CommandField, to request: CommandSet, _ status: DIMSEStatus, hasDataSet: Bool = false
    ) -> CommandSet {
        var command = CommandSet()
        command.commandField = field
        command.messageIDBeingRespondedTo = request.messageID
        command.affectedSOPClassUID = request.sopClassUID
        command.affectedSOPInstanceUID = request.sopInstanceUID
        command.eventTypeID = request.eventTypeID
        command.actionTypeID = request.actionTypeID
        command.status = status
        command.commandDataSetType = hasDataSet ? dataSetPresent : noDataSet
        return command
    }
}
