import DICOMNode

/// The exit codes of all operations: the one table that help, man page and README print.
///
/// 0 is success and never anything else. Where several things went wrong, the worst cause wins: see ``worst(_:)``.
package enum ExitCode: Int32, Sendable, CaseIterable {
    case success = 0
    case incomplete = 1
    case usage = 2
    case localFiles = 3
    case unreachable = 4
    case association = 5
    case noPresentationContext = 6
    case failureStatus = 7
    case timeLimit = 8
    case commitmentFailed = 9
    case interrupted = 130

    /// One line for help and man page.
    package var meaning: String {
        switch self {
        case .success: "everything asked for was done; a query without matches, a retrieval of nothing"
        case .incomplete: "instances or sub-operations failed or are missing, or archives differ: the rest was done"
        case .usage: "usage: the command line or configuration is wrong; nothing was sent"
        case .localFiles: "local files: nothing could be read, or the output could not be written"
        case .unreachable: "cannot reach the peer: name, connect, TLS, connection lost"
        case .association:
            "association rejected or aborted by the peer, or by us because it broke the protocol"
        case .noPresentationContext: "no presentation context accepted for what was asked"
        case .failureStatus: "the peer answered with a failure status, or with matches that cannot be relied on"
        case .timeLimit: "a time limit passed"
        case .commitmentFailed: "storage commitment failed for at least one instance"
        case .interrupted: "interrupted; 143 if by SIGTERM, 129 if by SIGHUP"
        }
    }

    /// A word or two for the short help.
    package var name: String {
        switch self {
        case .success: "done"
        case .incomplete: "incomplete"
        case .usage: "usage"
        case .localFiles: "local files"
        case .unreachable: "unreachable"
        case .association: "association"
        case .noPresentationContext: "no presentation context"
        case .failureStatus: "failure status"
        case .timeLimit: "time limit"
        case .commitmentFailed: "not committed"
        case .interrupted: "interrupted"
        }
    }

    /// The severity of a cause, for choosing between several; more is worse.
    ///
    /// A cause that ended the whole run outranks one that spoilt a part of it, and the user's own interruption explains
    /// all the others, so it comes last.
    private var severity: Int {
        switch self {
        case .success: 0
        case .incomplete: 1
        case .commitmentFailed: 2
        case .failureStatus: 3
        case .noPresentationContext: 4
        case .timeLimit: 5
        case .association: 6
        case .unreachable: 7
        case .localFiles: 8
        case .usage: 9
        case .interrupted: 10
        }
    }

    /// The code for an association that could not be made, or ended before its work was done.
    init(for error: AssociationError) {
        self =
            switch error {
            case .unreachable(.timedOut), .timedOut: .timeLimit
            case .unreachable(.tls(let error)) where error.code.isOurs: .usage
            case .unreachable, .connectionLost: .unreachable
            case .identityUnconfirmed, .rejected, .abortedByPeer, .releasedByPeer, .protocolViolation: .association
            case .noPresentationContext, .unsendable: .noPresentationContext
            case .interrupted: .interrupted
            case .sourceUnreadable, .sourceCutShort: .localFiles
            case .web(let reason): reason.isTooLate ? .timeLimit : ExitCode(reason.code)
            }
    }

    private init(_ code: WebError.Code) {
        self =
            switch code {
            case .status(401), .status(403), .status(300...399), .redirect, .unexpected, .noToken, .notHTTP, .dicom:
                .association
            case .status(405), .status(406), .status(415), .status(501), .notOffered: .noPresentationContext
            case .status(410), .incomplete: .incomplete
            case .status, .unreliable, .notStored: .failureStatus
            case .notPossible, .noLibrary, .notAvailable: .usage
            }
    }

    /// The code of a run of several parts that ended with this cause.
    ///
    /// A peer that refused one part makes the whole incomplete where another part was done. What ended a connection or
    /// passed a limit keeps its own code, whatever was done before.
    func ofWhole(isPartlyDone: Bool) -> ExitCode {
        switch self {
        case .failureStatus, .noPresentationContext: isPartlyDone ? .incomplete : self
        default: self
        }
    }

    /// The code to end with when both this and the other cause were seen.
    package func worst(_ other: ExitCode) -> ExitCode { severity >= other.severity ? self : other }

    /// Returns the worst of several causes; success if there is none.
    package static func worst(of codes: some Sequence<ExitCode>) -> ExitCode {
        codes.reduce(.success) { $0.worst($1) }
    }
}
