/// The responses, PS3.7 9.3 and 10.3. Each repeats what its request said it was about: some peers insist on it.
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

    /// C-MOVE-RSP, PS3.7 9.3.4.2. A final one may have an identifier that lists what failed.
    package static func moveResponse(
        to request: CommandSet, status: DIMSEStatus, counts: SuboperationCounts, hasIdentifier: Bool = false
    ) -> CommandSet {
        var command = response(.cMoveRSP, to: request, status, hasDataSet: hasIdentifier)
        command.suboperationCounts = counts
        return command
    }

    /// C-GET-RSP, PS3.7 9.3.3.2. A final one may have an identifier that lists what failed.
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

    /// The answer to any request that is not served, known to `CommandField` or not, PS3.7 C.
    ///
    /// Nil for what is never answered: a response, a C-CANCEL-RQ, a command set without a Command Field.
    package static func failureResponse(
        to request: CommandSet, status: DIMSEStatus, comment: String? = nil
    ) -> CommandSet? {
        guard let field = request.commandField, !request.isResponse, field != CommandField.cCancelRQ.rawValue else {
            return nil
        }
        var command = response(field | CommandField.responseBit, to: request, status)
        command.errorComment = comment.map(shortComment)
        return command
    }

    /// At most 64 characters, all of the default repertoire: the limits of an LO (PS3.5 6.2) in a command set, which
    /// has no Specific Character Set.
    private static func shortComment(_ comment: String) -> String {
        let printable = comment.unicodeScalars.prefix(64).map { scalar in
            (0x20...0x7E).contains(scalar.value) && scalar != "\\" ? Character(scalar) : "?"
        }
        return String(printable)
    }

    private static func response(
        _ field: CommandField, to request: CommandSet, _ status: DIMSEStatus, hasDataSet: Bool = false
    ) -> CommandSet {
        response(field.rawValue, to: request, status, hasDataSet: hasDataSet)
    }

    private static func response(
        _ field: UInt16, to request: CommandSet, _ status: DIMSEStatus, hasDataSet: Bool = false
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
