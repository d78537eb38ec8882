/// The first byte of every PDU, PS3.8 9.3.
package enum PDUType: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    case associateRequest = 0x01
    case associateAccept = 0x02
    case associateReject = 0x03
    case presentationData = 0x04
    case releaseRequest = 0x05
    case releaseResponse = 0x06
    case abort = 0x07

    /// The standard's name.
    package var description: String {
        switch self {
        case .associateRequest: "A-ASSOCIATE-RQ"
        case .associateAccept: "A-ASSOCIATE-AC"
        case .associateReject: "A-ASSOCIATE-RJ"
        case .presentationData: "P-DATA-TF"
        case .releaseRequest: "A-RELEASE-RQ"
        case .releaseResponse: "A-RELEASE-RP"
        case .abort: "A-ABORT"
        }
    }
}
