package import DICOMProtocol

/// The operation of one run of the program: exactly one of its DICOM services.
///
/// The raw value is the long option that asks for the operation; in this order help, man page and completions list
/// them.
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
    case doctor
    /// Some checks of the doctor, for scripts.
    case probe
    case watch
    case compare
    /// From one archive to another.
    case copy

    /// The option that asks for the operation.
    package var option: OptionName {
        switch self {
        case .echo: .echo
        case .store: .store
        case .find: .find
        case .move: .move
        case .get: .get
        case .worklist: .worklist
        case .storageCommitment: .stgcmt
        case .serve: .serve
        case .selfTest: .selfTest
        case .doctor: .doctor
        case .probe: .probe
        case .watch: .watch
        case .compare: .compare
        case .copy: .copy
        }
    }

    /// The service that the operation asks a server for.
    package var service: ServiceKind {
        switch self {
        case .store: .storage
        case .find, .compare: .find
        case .move: .move
        case .get, .copy: .get
        case .worklist: .worklist
        case .storageCommitment: .storageCommitment
        case .echo, .serve, .selfTest, .doctor, .probe, .watch: .verification
        }
    }

    /// The operation in the standard's words.
    package var serviceName: String {
        switch self {
        case .serve: "practice archive"
        case .selfTest: "self-test"
        case .doctor: "doctor"
        case .probe: "probe"
        case .watch: "watch"
        case .compare: "comparison"
        case .copy: "copy"
        default: service.name
        }
    }

    /// True if files or directories of the command line are the subject of the operation.
    package var takesFiles: Bool { self == .store || self == .storageCommitment }

    /// True if the operation sends an identifier made from keys.
    package var takesKeys: Bool {
        self == .find || self == .worklist || self == .compare || self == .copy || isRetrieval
    }

    /// True if the operation's outcome is a list of matches.
    package var isQuery: Bool { self == .find || self == .worklist }

    /// True if the operation's outcome is instances arriving here (or, for a move, elsewhere).
    package var isRetrieval: Bool { self == .move || self == .get }

    /// True if its outcome are instances, which metrics count.
    package var countsInstances: Bool {
        takesFiles || isRetrieval || self == .copy || self == .serve || self == .watch
    }

    /// True if it is about two peers: its command line names both.
    package var takesTwoPeers: Bool { self == .compare || self == .copy }

    /// True if a folder may take the place of a peer.
    package var takesFolderAsPeer: Bool { self == .compare }

    /// True if there is a peer that we call.
    package var callsPeer: Bool { self != .serve && self != .selfTest && self != .watch }
}

extension ServiceKind {
    /// The service as messages name it.
    var name: String {
        switch self {
        case .verification: "C-ECHO"
        case .storage: "C-STORE"
        case .find: "C-FIND"
        case .move: "C-MOVE"
        case .get: "C-GET"
        case .worklist: "Modality Worklist C-FIND"
        case .storageCommitment: "Storage Commitment"
        }
    }
}

/// Some of the operations.
package struct OperationSet: OptionSet, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package init(arrayLiteral elements: OperationSet...) {
        rawValue = elements.reduce(0) { $0 | $1.rawValue }
    }

    package static let echo = OperationSet(rawValue: 1 << 0)
    package static let store = OperationSet(rawValue: 1 << 1)
    package static let find = OperationSet(rawValue: 1 << 2)
    package static let move = OperationSet(rawValue: 1 << 3)
    package static let get = OperationSet(rawValue: 1 << 4)
    package static let worklist = OperationSet(rawValue: 1 << 5)
    package static let storageCommitment = OperationSet(rawValue: 1 << 6)
    package static let serve = OperationSet(rawValue: 1 << 7)
    package static let selfTest = OperationSet(rawValue: 1 << 8)

    package static let doctor = OperationSet(rawValue: 1 << 9)
    package static let watch = OperationSet(rawValue: 1 << 10)

    package static let probe = OperationSet(rawValue: 1 << 11)

    package static let compare = OperationSet(rawValue: 1 << 12)

    package static let copy = OperationSet(rawValue: 1 << 13)

    package static let all = OperationSet(rawValue: 1 << 14 - 1)
    /// Those that call a peer.
    package static let calling = all.subtracting([.serve, .selfTest, .watch])
    /// Those that a monitoring plugin can make.
    package static let monitored = calling.subtracting([.doctor, .compare])
    /// Those that have connections of which the user may want to know.
    package static let connecting = all.subtracting(.selfTest)
    /// Those that open associations.
    package static let requesting = calling.union(.serve)
    /// Those that print matches.
    package static let querying: OperationSet = [.find, .worklist]
    /// Those that compare matches with keys.
    package static let matching = identifying.union(.compare)
    /// Those that write instances to files here.
    package static let retrieving: OperationSet = [.move, .get]
    /// Those that send an identifier.
    package static let identifying: OperationSet = [.find, .worklist, .move, .get, .copy]
    /// Those whose keys name what is to be retrieved.
    package static let planning: OperationSet = [.move, .get, .copy]
    /// Those that try again after a transient failure.
    package static let retrying: OperationSet = [
        .store, .find, .worklist, .move, .get, .storageCommitment, .compare, .copy,
    ]
    /// Those that read files.
    package static let sending: OperationSet = [.store, .storageCommitment]
    /// Those that can ask for storage commitment.
    package static let committing: OperationSet = [.store, .storageCommitment]
    /// Those to which a peer may open an association, some of them only with further options.
    package static let listening: OperationSet = [
        .store, .move, .get, .storageCommitment, .serve, .doctor, .watch, .copy,
    ]
    /// Those whose receiver is called back by the server that they have called.
    package static let calledBack: OperationSet = [.store, .move, .get, .storageCommitment, .copy]

    package func contains(_ operation: Operation) -> Bool { contains(OperationSet(operation)) }

    package init(_ operation: Operation) {
        self =
            switch operation {
            case .echo: .echo
            case .store: .store
            case .find: .find
            case .move: .move
            case .get: .get
            case .worklist: .worklist
            case .storageCommitment: .storageCommitment
            case .serve: .serve
            case .selfTest: .selfTest
            case .doctor: .doctor
            case .probe: .probe
            case .watch: .watch
            case .compare: .compare
            case .copy: .copy
            }
    }

    /// In the order in which help, man page and completions list them.
    package var operations: [Operation] { Operation.allCases.filter { contains($0) } }
}

extension QueryLevel {
    /// The option that asks for the level.
    var option: OptionName {
        switch self {
        case .patient: .patient
        case .study: .study
        case .series: .series
        case .image: .image
        }
    }
}

extension InformationModel {
    /// The option that asks for the model; a worklist is an operation.
    var option: OptionName {
        switch self {
        case .patientRoot: .patientroot
        case .studyRoot: .studyroot
        case .patientStudyOnly: .psonly
        case .modalityWorklist: .worklist
        }
    }
}
