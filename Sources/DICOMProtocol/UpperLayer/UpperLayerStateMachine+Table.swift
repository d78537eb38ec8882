extension UpperLayerStateMachine {
    /// PS3.8 table 9-10, row by row; nil is an empty cell.
    package static func transition(on event: Event, in state: State) -> ActionName? {
        let established = 6...12
        switch (event, state.rawValue) {
        // Evt1, A-ASSOCIATE request
        case (.associateRequest, 1): return .AE1
        // Evt2, transport connect confirmation
        case (.transportConnected, 4): return .AE2
        // Evt3, A-ASSOCIATE-AC PDU
        case (.associateAcceptPDU, 2): return .AA1
        case (.associateAcceptPDU, 3): return .AA8
        case (.associateAcceptPDU, 5): return .AE3
        case (.associateAcceptPDU, established): return .AA8
        case (.associateAcceptPDU, 13): return .AA6
        // Evt4, A-ASSOCIATE-RJ PDU
        case (.associateRejectPDU, 2): return .AA1
        case (.associateRejectPDU, 3): return .AA8
        case (.associateRejectPDU, 5): return .AE4
        case (.associateRejectPDU, established): return .AA8
        case (.associateRejectPDU, 13): return .AA6
        // Evt5, transport connection indication
        case (.transportAccepted, 1): return .AE5
        // Evt6, A-ASSOCIATE-RQ PDU
        case (.associateRequestPDU, 2): return .AE6
        case (.associateRequestPDU, 3), (.associateRequestPDU, 5): return .AA8
        case (.associateRequestPDU, established): return .AA8
        case (.associateRequestPDU, 13): return .AA7
        // Evt7, A-ASSOCIATE response, accept
        case (.associateResponseAccept, 3): return .AE7
        // Evt8, A-ASSOCIATE response, reject
        case (.associateResponseReject, 3): return .AE8
        // Evt9, P-DATA request
        case (.presentationDataRequest, 6): return .DT1
        case (.presentationDataRequest, 8): return .AR7
        // Evt10, P-DATA-TF PDU
        case (.presentationDataPDU, 2): return .AA1
        case (.presentationDataPDU, 3), (.presentationDataPDU, 5): return .AA8
        case (.presentationDataPDU, 6): return .DT2
        case (.presentationDataPDU, 7): return .AR6
        case (.presentationDataPDU, 8...12): return .AA8
        case (.presentationDataPDU, 13): return .AA6
        // Evt11, A-RELEASE request
        case (.releaseRequest, 6): return .AR1
        // Evt12, A-RELEASE-RQ PDU
        case (.releaseRequestPDU, 2): return .AA1
        case (.releaseRequestPDU, 3), (.releaseRequestPDU, 5): return .AA8
        case (.releaseRequestPDU, 6): return .AR2
        case (.releaseRequestPDU, 7): return .AR8
        case (.releaseRequestPDU, 8...12): return .AA8
        case (.releaseRequestPDU, 13): return .AA6
        // Evt13, A-RELEASE-RP PDU
        case (.releaseResponsePDU, 2): return .AA1
        case (.releaseResponsePDU, 3), (.releaseResponsePDU, 5), (.releaseResponsePDU, 6): return .AA8
        case (.releaseResponsePDU, 7): return .AR3
        case (.releaseResponsePDU, 8), (.releaseResponsePDU, 9): return .AA8
        case (.releaseResponsePDU, 10): return .AR10
        case (.releaseResponsePDU, 11): return .AR3
        case (.releaseResponsePDU, 12): return .AA8
        case (.releaseResponsePDU, 13): return .AA6
        // Evt14, A-RELEASE response
        case (.releaseResponse, 8): return .AR4
        case (.releaseResponse, 9): return .AR9
        case (.releaseResponse, 12): return .AR4
        // Evt15, A-ABORT request
        case (.abortRequest, 3): return .AA1
        case (.abortRequest, 4): return .AA2
        case (.abortRequest, 5): return .AA1
        case (.abortRequest, established): return .AA1
        // Evt16, A-ABORT PDU
        case (.abortPDU, 2): return .AA2
        case (.abortPDU, 3), (.abortPDU, 5): return .AA3
        case (.abortPDU, established): return .AA3
        case (.abortPDU, 13): return .AA2
        // Evt17, transport connection closed
        case (.transportClosed, 2): return .AA5
        case (.transportClosed, 3...5): return .AA4
        case (.transportClosed, established): return .AA4
        case (.transportClosed, 13): return .AR5
        // Evt18, ARTIM timer expired
        case (.artimExpired, 2), (.artimExpired, 13): return .AA2
        // Evt19, unrecognized or invalid PDU
        case (.invalidPDU, 2): return .AA1
        case (.invalidPDU, 3), (.invalidPDU, 5): return .AA8
        case (.invalidPDU, established): return .AA8
        case (.invalidPDU, 13): return .AA7
        default: return nil
        }
    }
}
