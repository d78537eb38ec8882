/// The A-ASSOCIATE-RJ PDU, PS3.8 9.3.4 and table 9-21.
///
/// | Bytes of the body | Field |
/// |---|---|
/// | 1 | reserved, 00H |
/// | 2 | result |
/// | 3 | source |
/// | 4 | reason/diagnostic, whose meaning depends on the source |
package struct AssociateReject: Sendable, Hashable, CustomStringConvertible {
    package var result: UInt8
    package var source: UInt8
    package var reason: UInt8

    /// Values of the result field.
    package enum Result {
        package static let permanent: UInt8 = 1
        package static let transient: UInt8 = 2
    }

    /// Values of the source field.
    package enum Source {
        package static let serviceUser: UInt8 = 1
        /// The service provider, its association control (ACSE) part.
        package static let association: UInt8 = 2
        /// The service provider, its presentation part.
        package static let presentation: UInt8 = 3
    }

    package init(result: UInt8, source: UInt8, reason: UInt8) {
        self.result = result
        self.source = source
        self.reason = reason
    }

    package static let noReasonGiven = Self(result: Result.permanent, source: Source.serviceUser, reason: 1)
    package static let applicationContextNotSupported = Self(
        result: Result.permanent, source: Source.serviceUser, reason: 2)
    package static let callingAETitleNotRecognized = Self(
        result: Result.permanent, source: Source.serviceUser, reason: 3)
    package static let calledAETitleNotRecognized = Self(
        result: Result.permanent, source: Source.serviceUser, reason: 7)
    package static let protocolVersionNotSupported = Self(
        result: Result.permanent, source: Source.association, reason: 2)
    package static let temporaryCongestion = Self(result: Result.transient, source: Source.presentation, reason: 1)
    package static let localLimitExceeded = Self(result: Result.transient, source: Source.presentation, reason: 2)

    /// True where the peer says that trying again later may work.
    package var isTransient: Bool { result == Result.transient }

    package var resultDescription: String {
        switch result {
        case Result.permanent: "permanently"
        case Result.transient: "for now"
        default: "with the unknown result \(result)"
        }
    }

    package var sourceDescription: String {
        switch source {
        case Source.serviceUser: "service user"
        case Source.association: "service provider, association control"
        case Source.presentation: "service provider, presentation layer"
        default: "unknown source \(source)"
        }
    }

    package var reasonDescription: String {
        switch (source, reason) {
        case (Source.serviceUser, 1), (Source.association, 1): "no reason given"
        case (Source.serviceUser, 2): "application context name not supported"
        case (Source.serviceUser, 3): "calling AE title not recognized"
        case (Source.serviceUser, 7): "called AE title not recognized"
        case (Source.association, 2): "protocol version not supported"
        case (Source.presentation, 1): "temporary congestion"
        case (Source.presentation, 2): "local limit exceeded"
        default: "unknown reason \(reason)"
        }
    }

    package var description: String {
        "rejected \(resultDescription): \(reasonDescription) (\(sourceDescription))"
    }
}

extension AssociateReject {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.8 9.3.4")
        _ = try reader.uint8("reserved byte")
        result = try reader.uint8("result")
        source = try reader.uint8("source")
        reason = try reader.uint8("reason")
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: [0, result, source, reason])
    }
}
