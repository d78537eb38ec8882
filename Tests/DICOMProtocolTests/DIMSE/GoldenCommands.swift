import DICOM
import DICOMProtocol

/// Command sets with their bytes, as PS3.7 9.3 and 10.3 have them.
enum GoldenCommands {
    static let echoRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 38 00 00 00           ; group length 56
            00 00 02 00 12 00 00 00 '1.2.840.10008.1.1' 00; Affected SOP Class UID, padded with NUL
            00 00 00 01 02 00 00 00 30 00                 ; Command Field 0030H
            00 00 10 01 02 00 00 00 07 00                 ; Message ID 7
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            """),
        CommandSet.echoRequest(messageID: 7)
    )

    static let storeRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 72 00 00 00           ; group length 114
            00 00 02 00 1A 00 00 00 '1.2.840.10008.5.1.4.1.1.2' 00
            00 00 00 01 02 00 00 00 01 00                 ; Command Field 0001H
            00 00 10 01 02 00 00 00 02 01                 ; Message ID 258
            00 00 00 07 02 00 00 00 02 00                 ; Priority low
            00 00 00 08 02 00 00 00 01 00                 ; a data set follows
            00 00 00 10 06 00 00 00 '1.2.33'              ; Affected SOP Instance UID, even without padding
            00 00 30 10 08 00 00 00 'MOVER_1 '            ; Move Originator AE Title, padded with a space
            00 00 31 10 02 00 00 00 FF FF                 ; Move Originator Message ID 65535
            """),
        CommandSet.storeRequest(
            messageID: 258, sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.33", priority: .low,
            moveOriginator: (AETitle(wire: Array("MOVER_1".utf8)), 65535))
    )

    static let storeResponse = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 58 00 00 00           ; group length 88
            00 00 02 00 1A 00 00 00 '1.2.840.10008.5.1.4.1.1.2' 00
            00 00 00 01 02 00 00 00 01 80                 ; Command Field 8001H
            00 00 20 01 02 00 00 00 02 01                 ; Message ID Being Responded To 258
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            00 00 00 09 02 00 00 00 00 A7                 ; Status A700H
            00 00 00 10 06 00 00 00 '1.2.33'              ; Affected SOP Instance UID
            """),
        CommandSet.storeResponse(to: storeRequest.1, status: .outOfResources)
    )

    static let findRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 4C 00 00 00           ; group length 76
            00 00 02 00 1C 00 00 00 '1.2.840.10008.5.1.4.1.2.2.1' 00
            00 00 00 01 02 00 00 00 20 00                 ; Command Field 0020H
            00 00 10 01 02 00 00 00 01 00                 ; Message ID 1
            00 00 00 07 02 00 00 00 00 00                 ; Priority medium
            00 00 00 08 02 00 00 00 01 00                 ; a data set follows
            """),
        CommandSet.findRequest(messageID: 1, sopClass: InformationModel.studyRoot.findSOPClass)
    )

    static let moveRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 5A 00 00 00           ; group length 90
            00 00 02 00 1C 00 00 00 '1.2.840.10008.5.1.4.1.2.2.2' 00
            00 00 00 01 02 00 00 00 21 00                 ; Command Field 0021H
            00 00 10 01 02 00 00 00 05 00                 ; Message ID 5
            00 00 00 06 06 00 00 00 'DCMSCU'              ; Move Destination
            00 00 00 07 02 00 00 00 01 00                 ; Priority high
            00 00 00 08 02 00 00 00 01 00                 ; a data set follows
            """),
        CommandSet.moveRequest(
            messageID: 5, sopClass: "1.2.840.10008.5.1.4.1.2.2.2", destination: AETitle(wire: Array("DCMSCU".utf8)),
            priority: .high)
    )

    static let moveResponse = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 74 00 00 00           ; group length 116
            00 00 02 00 1C 00 00 00 '1.2.840.10008.5.1.4.1.2.2.2' 00
            00 00 00 01 02 00 00 00 21 80                 ; Command Field 8021H
            00 00 20 01 02 00 00 00 05 00                 ; Message ID Being Responded To 5
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            00 00 00 09 02 00 00 00 00 FF                 ; Status FF00H, pending
            00 00 20 10 02 00 00 00 03 00                 ; 3 remaining
            00 00 21 10 02 00 00 00 2C 01                 ; 300 completed
            00 00 22 10 02 00 00 00 00 00                 ; none failed
            00 00 23 10 02 00 00 00 01 00                 ; 1 with a warning
            """),
        CommandSet.moveResponse(
            to: moveRequest.1, status: .pending,
            counts: SuboperationCounts(remaining: 3, completed: 300, failed: 0, warning: 1))
    )

    static let getRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 4C 00 00 00           ; group length 76
            00 00 02 00 1C 00 00 00 '1.2.840.10008.5.1.4.1.2.2.3' 00
            00 00 00 01 02 00 00 00 10 00                 ; Command Field 0010H
            00 00 10 01 02 00 00 00 09 00                 ; Message ID 9
            00 00 00 07 02 00 00 00 00 00                 ; Priority medium
            00 00 00 08 02 00 00 00 01 00                 ; a data set follows
            """),
        CommandSet.getRequest(messageID: 9, sopClass: "1.2.840.10008.5.1.4.1.2.2.3")
    )

    static let cancelRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 1E 00 00 00           ; group length 30
            00 00 00 01 02 00 00 00 FF 0F                 ; Command Field 0FFFH
            00 00 20 01 02 00 00 00 09 00                 ; Message ID Being Responded To 9
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            """),
        CommandSet.cancelRequest(of: 9)
    )

    static let actionRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 62 00 00 00           ; group length 98
            00 00 03 00 14 00 00 00 '1.2.840.10008.1.20.1'; Requested SOP Class UID
            00 00 00 01 02 00 00 00 30 01                 ; Command Field 0130H
            00 00 10 01 02 00 00 00 01 00                 ; Message ID 1
            00 00 00 08 02 00 00 00 01 00                 ; a data set follows
            00 00 01 10 16 00 00 00 '1.2.840.10008.1.20.1.1'; Requested SOP Instance UID
            00 00 08 10 02 00 00 00 01 00                 ; Action Type ID 1
            """),
        StorageCommitmentRequest.command(messageID: 1)
    )

    static let actionResponse = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 6C 00 00 00           ; group length 108
            00 00 02 00 14 00 00 00 '1.2.840.10008.1.20.1'; Affected SOP Class UID
            00 00 00 01 02 00 00 00 30 81                 ; Command Field 8130H
            00 00 20 01 02 00 00 00 01 00                 ; Message ID Being Responded To 1
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            00 00 00 09 02 00 00 00 00 00                 ; Status 0000H
            00 00 00 10 16 00 00 00 '1.2.840.10008.1.20.1.1'; Affected SOP Instance UID
            00 00 08 10 02 00 00 00 01 00                 ; Action Type ID 1
            """),
        CommandSet.actionResponse(to: actionRequest.1, status: .success)
    )

    static let eventReportRequest = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 62 00 00 00           ; group length 98
            00 00 02 00 14 00 00 00 '1.2.840.10008.1.20.1'; Affected SOP Class UID
            00 00 00 01 02 00 00 00 00 01                 ; Command Field 0100H
            00 00 10 01 02 00 00 00 01 00                 ; Message ID 1
            00 00 00 08 02 00 00 00 01 00                 ; a data set follows
            00 00 00 10 16 00 00 00 '1.2.840.10008.1.20.1.1'; Affected SOP Instance UID
            00 00 02 10 02 00 00 00 02 00                 ; Event Type ID 2
            """),
        CommandSet.eventReportRequest(
            messageID: 1, sopClass: StorageCommitmentRequest.sopClass,
            sopInstance: StorageCommitmentRequest.sopInstance, eventTypeID: 2)
    )

    static let eventReportResponse = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 6C 00 00 00           ; group length 108
            00 00 02 00 14 00 00 00 '1.2.840.10008.1.20.1'; Affected SOP Class UID
            00 00 00 01 02 00 00 00 00 81                 ; Command Field 8100H
            00 00 20 01 02 00 00 00 01 00                 ; Message ID Being Responded To 1
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            00 00 00 09 02 00 00 00 00 00                 ; Status 0000H
            00 00 00 10 16 00 00 00 '1.2.840.10008.1.20.1.1'; Affected SOP Instance UID
            00 00 02 10 02 00 00 00 02 00                 ; Event Type ID 2
            """),
        CommandSet.eventReportResponse(to: eventReportRequest.1, status: .success)
    )

    static let failureResponse = (
        annotatedHex(
            """
            00 00 00 00 04 00 00 00 72 00 00 00           ; group length 114
            00 00 02 00 1C 00 00 00 '1.2.840.10008.5.1.4.1.2.2.1' 00
            00 00 00 01 02 00 00 00 20 80                 ; Command Field 8020H
            00 00 20 01 02 00 00 00 01 00                 ; Message ID Being Responded To 1
            00 00 00 08 02 00 00 00 01 01                 ; no data set
            00 00 00 09 02 00 00 00 22 01                 ; Status 0122H
            00 00 01 09 08 00 00 00 10 00 10 00 08 00 52 00 ; Offending Element (0010,0010), (0008,0052)
            00 00 02 09 04 00 00 00 'why '                ; Error Comment, padded with a space
            00 00 03 09 02 00 00 00 34 12                 ; Error ID
            """),
        failure
    )

    private static var failure: CommandSet {
        var command = CommandSet.findResponse(
            to: findRequest.1, status: .sopClassNotSupported, hasIdentifier: false)
        command.offendingElements = [.patientName, .queryRetrieveLevel]
        command.errorComment = "why"
        command.errorID = 0x1234
        return command
    }

    static let all: [(bytes: [UInt8], command: CommandSet)] = [
        echoRequest, storeRequest, storeResponse, findRequest, moveRequest, moveResponse, getRequest, cancelRequest,
        actionRequest, actionResponse, eventReportRequest, eventReportResponse, failureResponse,
    ]
}
