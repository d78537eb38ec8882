import DICOM
import DICOMProtocol

/// PDUs as bytes and as values, written independently of each other.
enum GoldenPDUs {
    static let everyItemRequestBytes = annotatedHex(
        """
        01 00                       ; A-ASSOCIATE-RQ, reserved
        00 00 01 9B                 ; length 411
        00 01 00 00                 ; protocol version 1, reserved
        'ARCHIVE         '          ; called AE title
        'DCMSCU          '          ; calling AE title
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        10 00 00 15 '1.2.840.10008.3.1.1.1'   ; application context
        20 00 00 45                 ; presentation context, length 69
          01 00 00 00               ; ID 1
          30 00 00 11 '1.2.840.10008.1.1'     ; Verification
          40 00 00 11 '1.2.840.10008.1.2'     ; Implicit VR Little Endian
          40 00 00 13 '1.2.840.10008.1.2.1'   ; Explicit VR Little Endian
        20 00 00 3B                 ; presentation context, length 59
          03 00 00 00               ; ID 3
          30 00 00 19 '1.2.840.10008.5.1.4.1.1.2'   ; CT Image Storage
          40 00 00 16 '1.2.840.10008.1.2.4.50'      ; JPEG Baseline
        50 00 00 B2                 ; user information, length 178
          51 00 00 04 00 04 00 00   ; maximum length 262,144
          52 00 00 08 '1.2.3.45'    ; implementation class UID
          53 00 00 04 00 02 00 01   ; asynchronous operations: 2 invoked, 1 performed
          54 00 00 0A 00 06 '1.2.10' 01 00    ; roles: SCU
          54 00 00 0A 00 06 '1.2.11' 00 01    ; roles: SCP
          55 00 00 0C 'DCMSCU_0_1_0'          ; implementation version name
          56 00 00 0B 00 06 '1.2.10' 01 01 00 ; extended negotiation, three bytes of the service
          57 00 00 26               ; common extended negotiation, version 0, length 38
            00 06 '1.2.10'          ; SOP class
            00 06 '1.2.42'          ; service class
            00 14                   ; related general SOP classes, 20 bytes
              00 08 '1.2.50.1'
              00 08 '1.2.50.2'
          57 01 00 12               ; common extended negotiation, version 1, no related classes
            00 06 '1.2.11'
            00 06 '1.2.42'
            00 00
          58 00 00 10               ; user identity
            02 01                   ; user name and passcode, response requested
            00 04 'anna'
            00 06 'secret'
          7A 00 00 03 AB CD EF      ; a type unknown today
        """)

    static func everyItemRequest() throws -> AssociateRequest {
        AssociateRequest(
            calledAETitle: AETitle(wire: "ARCHIVE".utf8), callingAETitle: AETitle(wire: "DCMSCU".utf8),
            presentationContexts: [
                PresentationContextProposal(
                    id: 1, abstractSyntax: "1.2.840.10008.1.1",
                    transferSyntaxes: ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]),
                PresentationContextProposal(
                    id: 3, abstractSyntax: "1.2.840.10008.5.1.4.1.1.2", transferSyntaxes: ["1.2.840.10008.1.2.4.50"]),
            ],
            userInformation: UserInformation(
                maximumLength: 262_144, implementationClassUID: "1.2.3.45",
                asynchronousOperationsWindow: AsynchronousOperationsWindow(invoked: 2, performed: 1),
                roleSelections: [
                    RoleSelection(sopClass: "1.2.10", scu: true, scp: false),
                    RoleSelection(sopClass: "1.2.11", scu: false, scp: true),
                ],
                implementationVersionName: "DCMSCU_0_1_0",
                extendedNegotiations: [SOPClassExtendedNegotiation(sopClass: "1.2.10", information: [1, 1, 0])],
                commonExtendedNegotiations: [
                    SOPClassCommonExtendedNegotiation(
                        sopClass: "1.2.10", serviceClass: "1.2.42", relatedGeneralSOPClasses: ["1.2.50.1", "1.2.50.2"]),
                    SOPClassCommonExtendedNegotiation(version: 1, sopClass: "1.2.11", serviceClass: "1.2.42"),
                ],
                userIdentityRequest: UserIdentityRequest(
                    type: .usernameAndPasscode, positiveResponseRequested: true, primaryField: Array("anna".utf8),
                    secondaryField: Array("secret".utf8)),
                unknownItems: [UserInformation.UnknownItem(type: 0x7A, bytes: [0xAB, 0xCD, 0xEF])]))
    }

    static let everyItemAcceptBytes = annotatedHex(
        """
        02 00                       ; A-ASSOCIATE-AC, reserved
        00 00 00 EC                 ; length 236
        00 01 00 00                 ; protocol version 1, reserved
        'ARCHIVE         '          ; as in the request
        'DCMSCU          '
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        10 00 00 15 '1.2.840.10008.3.1.1.1'   ; application context
        21 00 00 19                 ; presentation context, length 25
          01 00 00 00               ; ID 1, accepted
          40 00 00 11 '1.2.840.10008.1.2'
        21 00 00 19                 ; presentation context, length 25
          03 00 04 00               ; ID 3, transfer syntaxes not supported
          40 00 00 11 '1.2.840.10008.1.2'
        50 00 00 51                 ; user information, length 81
          51 00 00 04 00 00 40 00   ; maximum length 16,384
          52 00 00 08 '1.2.3.46'    ; implementation class UID
          53 00 00 04 00 01 00 01   ; asynchronous operations: 1 and 1
          54 00 00 0A 00 06 '1.2.11' 00 01    ; roles: SCP
          55 00 00 09 'ARCHIVE_1'             ; implementation version name
          56 00 00 0B 00 06 '1.2.10' 01 00 00 ; extended negotiation
          59 00 00 07               ; user identity, server response
            00 05 'token'
        """)

    static func everyItemAccept() throws -> AssociateAccept {
        AssociateAccept(
            answering: try everyItemRequest(),
            presentationContexts: [
                PresentationContextResult(id: 1, result: .acceptance, transferSyntax: "1.2.840.10008.1.2"),
                .rejected(id: 3, .transferSyntaxesNotSupported),
            ],
            userInformation: UserInformation(
                maximumLength: 16_384, implementationClassUID: "1.2.3.46",
                asynchronousOperationsWindow: AsynchronousOperationsWindow(invoked: 1, performed: 1),
                roleSelections: [RoleSelection(sopClass: "1.2.11", scu: false, scp: true)],
                implementationVersionName: "ARCHIVE_1",
                extendedNegotiations: [SOPClassExtendedNegotiation(sopClass: "1.2.10", information: [1, 0, 0])],
                userIdentityResponse: Array("token".utf8)))
    }

    static let rejectBytes = annotatedHex(
        """
        03 00 00 00 00 04           ; A-ASSOCIATE-RJ, reserved, length 4
        00                          ; reserved
        01                          ; result: permanent
        01                          ; source: service user
        07                          ; reason: called AE title not recognized
        """)
    static let releaseRequestBytes = annotatedHex("05 00 00 00 00 04 00 00 00 00")
    static let releaseResponseBytes = annotatedHex("06 00 00 00 00 04 00 00 00 00")
    static let abortBytes = annotatedHex(
        """
        07 00 00 00 00 04           ; A-ABORT, reserved, length 4
        00 00                       ; reserved
        02                          ; source: service provider
        06                          ; reason: invalid PDU parameter value
        """)

    /// Every control PDU, as bytes and as value.
    static func all() throws -> [(bytes: [UInt8], pdu: PDU)] {
        [
            (everyItemRequestBytes, .associateRequest(try everyItemRequest())),
            (everyItemAcceptBytes, .associateAccept(try everyItemAccept())),
            (rejectBytes, .associateReject(.calledAETitleNotRecognized)),
            (releaseRequestBytes, .releaseRequest),
            (releaseResponseBytes, .releaseResponse),
            (abortBytes, .abort(Abort(source: 2, reason: 6))),
        ]
    }
}
