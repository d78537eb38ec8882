/// The A-ASSOCIATE-RJ PDU, PS3.8 9.3.4 and table 9-21.
///
/// | Bytes of the body | Field |
/// |---|---|
/// | 1 | reserved, 00H |
/// | 2 | result |
/// | 3 | source |
/// | 4 | reason/diagnostic, whose meaning depends on the source |
package struct AssociateReject: Sendable, Hashable, CustomStringConvertible {
    package var result: Result
    package var reason: Reason

    package struct Result: WireCode {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let permanent: Self = 1
        package static let transient: Self = 2

        package static let meanings: KeyValuePairs<Self, String> = [.permanent: "permanently", .transient: "for now"]
        package static let undefined = "with the unknown result"
    }

    package struct Source: WireCode {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let serviceUser: Self = 1
        /// The service provider, its association control (ACSE) part.
        package static let association: Self = 2
        /// The service provider, its presentation part.
        package static let presentation: Self = 3

        package static let meanings: KeyValuePairs<Self, String> = [
            .serviceUser: "service user", .association: "service provider, association control",
            .presentation: "service provider, presentation layer",
        ]
        package static let undefined = "unknown source"
    }

    /// The reason together with the source that gives it its meaning.
    package struct Reason: Sendable, Hashable, CustomStringConvertible {
        package let source: Source
        package let rawValue: UInt8

        package init(_ source: Source, _ rawValue: UInt8) {
            self.source = source
            self.rawValue = rawValue
        }

        fileprivate static let noReasonGiven = Reason(.serviceUser, 1)
        fileprivate static let applicationContextNotSupported = Reason(.serviceUser, 2)
        fileprivate static let callingAETitleNotRecognized = Reason(.serviceUser, 3)
        fileprivate static let calledAETitleNotRecognized = Reason(.serviceUser, 7)
        fileprivate static let noReasonGivenByAssociationControl = Reason(.association, 1)
        fileprivate static let protocolVersionNotSupported = Reason(.association, 2)
        fileprivate static let temporaryCongestion = Reason(.presentation, 1)
        fileprivate static let localLimitExceeded = Reason(.presentation, 2)

        private static let meanings: KeyValuePairs<Reason, String> = [
            .noReasonGiven: "no reason given",
            .applicationContextNotSupported: "application context name not supported",
            .callingAETitleNotRecognized: "calling AE title not recognized",
            .calledAETitleNotRecognized: "called AE title not recognized",
            .noReasonGivenByAssociationControl: "no reason given",
            .protocolVersionNotSupported: "protocol version not supported",
            .temporaryCongestion: "temporary congestion",
            .localLimitExceeded: "local limit exceeded",
        ]

        package var description: String {
            Self.meanings.first { $0.key == self }?.value ?? "unknown reason \(rawValue)"
        }
    }

    package init(_ result: Result, _ reason: Reason) {
        self.result = result
        self.reason = reason
    }

    package static let noReasonGiven = Self(.permanent, .noReasonGiven)
    package static let applicationContextNotSupported = Self(.permanent, .applicationContextNotSupported)
    package static let callingAETitleNotRecognized = Self(.permanent, .callingAETitleNotRecognized)
    package static let calledAETitleNotRecognized = Self(.permanent, .calledAETitleNotRecognized)
    package static let protocolVersionNotSupported = Self(.permanent, .protocolVersionNotSupported)
    package static let localLimitExceeded = Self(.transient, .localLimitExceeded)

    package var source: Source { reason.source }

    /// True if the peer says that the same request may succeed later.
    package var isTransient: Bool { result == .transient }

    package var description: String { "rejected \(result): \(reason) (\(source))" }

    /// The fields as the standard numbers them.
    package var numbers: String {
        "PS3.8 9.3.4, result \(result.rawValue), source \(source.rawValue), reason \(reason.rawValue)"
    }

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.8 9.3.4")
        _ = try reader.uint8("reserved byte")
        result = Result(rawValue: try reader.uint8("result"))
        let source = Source(rawValue: try reader.uint8("source"))
        reason = Reason(source, try reader.uint8("reason"))
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: [0, result.rawValue, source.rawValue, reason.rawValue])
    }
}

/// The A-ABORT PDU, PS3.8 9.3.8 and table 9-26.
///
/// | Bytes of the body | Field |
/// |---|---|
/// | 1-2 | reserved, 00H |
/// | 3 | source |
/// | 4 | reason/diagnostic, significant only if the source is the service provider |
package struct Abort: Sendable, Hashable, CustomStringConvertible {
    package var source: Source
    package var reason: Reason

    package struct Source: WireCode {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let serviceUser: Self = 0
        package static let serviceProvider: Self = 2

        package static let meanings: KeyValuePairs<Self, String> = [
            .serviceUser: "service user", .serviceProvider: "service provider",
        ]
        package static let undefined = "unknown source"
    }

    package struct Reason: WireCode {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let notSpecified: Self = 0
        package static let unrecognizedPDU: Self = 1
        package static let unexpectedPDU: Self = 2
        package static let unrecognizedPDUParameter: Self = 4
        package static let unexpectedPDUParameter: Self = 5
        package static let invalidPDUParameterValue: Self = 6

        package static let meanings: KeyValuePairs<Self, String> = [
            .notSpecified: "reason not specified", .unrecognizedPDU: "unrecognized PDU",
            .unexpectedPDU: "unexpected PDU", .unrecognizedPDUParameter: "unrecognized PDU parameter",
            .unexpectedPDUParameter: "unexpected PDU parameter",
            .invalidPDUParameterValue: "invalid PDU parameter value",
        ]
        package static let undefined = "unknown reason"
    }

    package init(source: Source, reason: Reason) {
        self.source = source
        self.reason = reason
    }

    package var description: String {
        "aborted by the \(source)" + (source == .serviceUser ? "" : ": \(reason)")
    }

    /// The fields as the standard numbers them.
    package var numbers: String { "PS3.8 9.3.8, source \(source.rawValue), reason \(reason.rawValue)" }

    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.8 9.3.8")
        _ = try reader.uint16("reserved bytes")
        source = Source(rawValue: try reader.uint8("source"))
        reason = Reason(rawValue: try reader.uint8("reason"))
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(contentsOf: [0, 0, source.rawValue, reason.rawValue])
    }
}
