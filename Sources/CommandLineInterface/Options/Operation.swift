/// What one run of the program does with its peer: exactly one of the DICOM services that it speaks.
///
/// The raw value is the long option that asks for the operation; in this order help, man page and completions list them.
package enum Operation: String, Sendable, CaseIterable {
    case echo
    case store
    case find
    case move
    case get
    case worklist
    case storageCommitment = "stgcmt"
    /// The practice archive.
    case serve
    case selfTest = "self-test"

    /// The option as a person types it, for messages.
    package var option: String { "--\(rawValue)" }

    /// The operation in the standard's words.
    package var serviceName: String {
        switch self {
        case .echo: "C-ECHO"
        case .store: "C-STORE"
        case .find: "C-FIND"
        case .move: "C-MOVE"
        case .get: "C-GET"
        case .worklist: "Modality Worklist C-FIND"
        case .storageCommitment: "Storage Commitment"
        case .serve: "practice archive"
        case .selfTest: "self-test"
        }
    }

    /// Whether files or directories of the command line are the subject of the operation.
    package var takesFiles: Bool { self == .store || self == .storageCommitment }

    /// Whether the operation sends an identifier made from keys.
    package var takesKeys: Bool { self == .find || self == .worklist || isRetrieval }

    /// Whether the operation's outcome is a list of matches.
    package var isQuery: Bool { self == .find || self == .worklist }

    /// Whether the operation's outcome is instances arriving here (or, for a move, elsewhere).
    package var isRetrieval: Bool { self == .move || self == .get }

    /// Whether there is a peer that we call.
    package var callsPeer: Bool { self != .serve && self != .selfTest }
}
