extension UpperLayerStateMachine {
    /// The rows of PS3.8 table 9-10, in its order.
    package enum Event: Sendable, Hashable {
        /// Evt1: the local user wants an association.
        case associateRequest
        /// Evt2: the connection this side asked for is open.
        case transportConnected
        /// Evt3
        case associateAcceptPDU
        /// Evt4
        case associateRejectPDU
        /// Evt5: a peer has opened a connection to this side.
        case transportAccepted
        /// Evt6: not acceptable is a request that this side's service provider rejects without asking its user, such as one
        /// for another protocol version.
        case associateRequestPDU(isAcceptable: Bool)
        /// Evt7: the local user accepts.
        case associateResponseAccept
        /// Evt8: the local user rejects.
        case associateResponseReject
        /// Evt9: the local user has data to send.
        case presentationDataRequest
        /// Evt10: a P-DATA-TF PDU, or a part of one.
        case presentationDataPDU
        /// Evt11: the local user wants to release.
        case releaseRequest
        /// Evt12
        case releaseRequestPDU
        /// Evt13
        case releaseResponsePDU
        /// Evt14: the local user answers a release request.
        case releaseResponse
        /// Evt15: the local user wants to abort.
        case abortRequest
        /// Evt16
        case abortPDU(source: UInt8)
        /// Evt17: the connection is closed, or lost, or could not be opened.
        case transportClosed
        /// Evt18: the ARTIM timer ran out (PS3.8 9.1.5).
        case artimExpired
        /// Evt19: bytes that are no PDU; the reason is `ProtocolError.abortReason`.
        case invalidPDU(reason: UInt8)

        /// The event that the arrival of a PDU is. A request is acceptable if it is for this version of the protocol.
        package static func received(_ pdu: PDU) -> Event {
            switch pdu {
            case .associateRequest(let request): .associateRequestPDU(isAcceptable: request.supportsProtocolVersion)
            case .associateAccept: .associateAcceptPDU
            case .associateReject: .associateRejectPDU
            case .releaseRequest: .releaseRequestPDU
            case .releaseResponse: .releaseResponsePDU
            case .abort(let abort): .abortPDU(source: abort.source)
            }
        }

        package static func received(_ error: ProtocolError) -> Event {
            .invalidPDU(reason: error.abortReason)
        }

        /// The standard's number of the event.
        package var number: Int {
            switch self {
            case .associateRequest: 1
            case .transportConnected: 2
            case .associateAcceptPDU: 3
            case .associateRejectPDU: 4
            case .transportAccepted: 5
            case .associateRequestPDU: 6
            case .associateResponseAccept: 7
            case .associateResponseReject: 8
            case .presentationDataRequest: 9
            case .presentationDataPDU: 10
            case .releaseRequest: 11
            case .releaseRequestPDU: 12
            case .releaseResponsePDU: 13
            case .releaseResponse: 14
            case .abortRequest: 15
            case .abortPDU: 16
            case .transportClosed: 17
            case .artimExpired: 18
            case .invalidPDU: 19
            }
        }
    }

    /// What the shell has to do.
    package enum Action: Sendable, Hashable {
        /// Open the connection; then `transportConnected` or `transportClosed`.
        case connect
        /// Send the PDU of this type. For an accept, a reject and data, the shell has its content.
        case sendPDU(PDUType)
        case sendAbort(source: UInt8, reason: UInt8)
        /// Tell the local user.
        case issue(Primitive)
        case startARTIM
        case stopARTIM
        /// Start the ARTIM timer anew, also if it does not run.
        case restartARTIM
        case closeTransport
    }

    /// The indication and confirmation primitives of PS3.8 section 7.
    package enum Primitive: Sendable, Hashable {
        /// A-ASSOCIATE indication.
        case associateRequested
        /// A-ASSOCIATE confirmation, accepted.
        case associateAccepted
        /// A-ASSOCIATE confirmation, rejected.
        case associateRejected
        /// P-DATA indication.
        case presentationData
        /// A-RELEASE indication.
        case releaseRequested
        /// A-RELEASE indication while this side has asked for release too.
        case releaseCollision
        /// A-RELEASE confirmation.
        case releaseConfirmed
        /// A-ABORT indication: the peer's user has aborted.
        case userAborted
        /// A-P-ABORT indication: a protocol error on either side, or the connection is lost.
        case providerAborted
    }

    /// The entries of PS3.8 table 9-10, by the standard's names.
    package enum ActionName: String, Sendable, Hashable, CaseIterable {
        case AE1 = "AE-1", AE2 = "AE-2", AE3 = "AE-3", AE4 = "AE-4", AE5 = "AE-5", AE6 = "AE-6", AE7 = "AE-7"
        case AE8 = "AE-8"
        case DT1 = "DT-1", DT2 = "DT-2"
        case AR1 = "AR-1", AR2 = "AR-2", AR3 = "AR-3", AR4 = "AR-4", AR5 = "AR-5", AR6 = "AR-6", AR7 = "AR-7"
        case AR8 = "AR-8", AR9 = "AR-9", AR10 = "AR-10"
        case AA1 = "AA-1", AA2 = "AA-2", AA3 = "AA-3", AA4 = "AA-4", AA5 = "AA-5", AA6 = "AA-6", AA7 = "AA-7"
        case AA8 = "AA-8"
    }
}
