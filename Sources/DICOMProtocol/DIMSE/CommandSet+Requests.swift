package import DICOM

/// The requests, PS3.7 9.3 and 10.3.
extension CommandSet {
    /// C-ECHO-RQ, PS3.7 9.3.5.1.
    package static func echoRequest(messageID: UInt16) -> CommandSet {
        var command = request(.cEchoRQ, messageID, affected: .verification)
        command.commandDataSetType = noDataSet
        return command
    }

    /// C-STORE-RQ, PS3.7 9.3.1.1. The originator is given by an SCP that sends what a C-MOVE asked for.
    package static func storeRequest(
        messageID: UInt16, sopClass: UID, sopInstance: UID, priority: Priority = .medium,
        moveOriginator: (title: AETitle, messageID: UInt16)? = nil
    ) -> CommandSet {
        var command = request(.cStoreRQ, messageID, affected: sopClass)
        command.affectedSOPInstanceUID = sopInstance
        command.priority = priority.rawValue
        command.moveOriginatorAETitle = moveOriginator?.title
        command.moveOriginatorMessageID = moveOriginator?.messageID
        return command
    }

    /// C-FIND-RQ, PS3.7 9.3.2.1.
    package static func findRequest(messageID: UInt16, sopClass: UID, priority: Priority = .medium) -> CommandSet {
        var command = request(.cFindRQ, messageID, affected: sopClass)
        command.priority = priority.rawValue
        return command
    }

    /// C-MOVE-RQ, PS3.7 9.3.4.1.
    package static func moveRequest(
        messageID: UInt16, sopClass: UID, destination: AETitle, priority: Priority = .medium
    ) -> CommandSet {
        var command = request(.cMoveRQ, messageID, affected: sopClass)
        command.moveDestination = destination
        command.priority = priority.rawValue
        return command
    }

    /// C-GET-RQ, PS3.7 9.3.3.1.
    package static func getRequest(messageID: UInt16, sopClass: UID, priority: Priority = .medium) -> CommandSet {
        var command = request(.cGetRQ, messageID, affected: sopClass)
        command.priority = priority.rawValue
        return command
    }

    /// C-CANCEL-RQ for a C-FIND, C-MOVE or C-GET, PS3.7 9.3.2.3: it has no Message ID of its own and no answer.
    package static func cancelRequest(of messageID: UInt16) -> CommandSet {
        var command = CommandSet()
        command.commandField = CommandField.cCancelRQ.rawValue
        command.messageIDBeingRespondedTo = messageID
        command.commandDataSetType = noDataSet
        return command
    }

    /// N-ACTION-RQ, PS3.7 10.3.4.1.
    package static func actionRequest(
        messageID: UInt16, sopClass: UID, sopInstance: UID, actionTypeID: UInt16, hasDataSet: Bool = true
    ) -> CommandSet {
        var command = request(.nActionRQ, messageID, requested: sopClass)
        command.requestedSOPInstanceUID = sopInstance
        command.actionTypeID = actionTypeID
        command.commandDataSetType = hasDataSet ? dataSetPresent : noDataSet
        return command
    }

    /// N-EVENT-REPORT-RQ, PS3.7 10.3.1.1.
    package static func eventReportRequest(
        messageID: UInt16, sopClass: UID, sopInstance: UID, eventTypeID: UInt16, hasDataSet: Bool = true
    ) -> CommandSet {
        var command = request(.nEventReportRQ, messageID, affected: sopClass)
        command.affectedSOPInstanceUID = sopInstance
        command.eventTypeID = eventTypeID
        command.commandDataSetType = hasDataSet ? dataSetPresent : noDataSet
        return command
    }

    private static func request(
        _ field: CommandField, _ messageID: UInt16, affected: UID? = nil, requested: UID? = nil
    ) -> CommandSet {
        var command = CommandSet()
        command.commandField = field.rawValue
        command.messageID = messageID
        command.affectedSOPClassUID = affected
        command.requestedSOPClassUID = requested
        command.commandDataSetType = dataSetPresent
        return command
    }
}

extension UID {
    /// Verification SOP Class, PS3.4 A.4.
    fileprivate static let verification: UID = "1.2.840.10008.1.1"
}
