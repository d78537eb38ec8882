package import DICOM
import DICOMNode
import DICOMProtocol

/// A check of `--doctor`; they are made in this order. The raw value names it on the command line and in JSON lines.
package enum DoctorCheck: String, Sendable, CaseIterable {
    // Of this machine, where no peer is given.
    case configuration = "config"
    case certificates, clock, locale, limits
    case proxy, name, route, port, tls, association, titles
    // Of a peer over HTTP alone.
    case http, credentials
    case baseURL = "base-url"
    case echo, services, storage, query, parameters, retrieve, receiver
    case callBack = "call-back"

    /// Those of this machine. Our port is one of both.
    package static let ofThisMachine: [DoctorCheck] = [
        .configuration, .certificates, .clock, .locale, .limits, .receiver,
    ]
    package static let ofPeer: [DoctorCheck] = [
        .proxy, .name, .route, .port, .tls, .association, .titles, .echo, .services, .storage, .query, .receiver,
        .callBack,
    ]
    /// Those of a peer that is called over HTTP. What it offers is known at the end.
    package static let ofWebPeer: [DoctorCheck] = [
        .proxy, .name, .route, .port, .tls, .http, .credentials, .baseURL, .echo, .query, .parameters, .retrieve,
        .services,
    ]

    /// In words, for `--list-checks` and the manual page.
    package var meaning: String {
        switch self {
        case .configuration: "this machine: the configuration file and its nodes"
        case .certificates: "this machine: the days that named certificates are still valid"
        case .clock: "this machine: the time and its zone, by which certificates are judged"
        case .locale: "this machine: the characters that can be shown"
        case .limits: "this machine: descriptors, and the space in this folder"
        case .proxy: "the proxy through which the host is connected to, where there is one"
        case .name: "the addresses of the host"
        case .route: "our own address towards each address of the host"
        case .port: "each address can be connected to"
        case .tls: "TLS, asked for or not: version, cipher, the chain of certificates, names, days"
        case .association: "the server accepts an association, and what it says of itself"
        case .titles: "whether the server checks AE titles: a made-up calling and a made-up called one"
        case .http: "over HTTP: the server answers, by which version, and what it says of itself"
        case .credentials: "over HTTP: whether credentials are wanted, and whether ours are taken"
        case .baseURL: "over HTTP: there is DICOMweb at the URL"
        case .echo: "ten C-ECHOs on one association, or ten small queries over HTTP"
        case .services:
            "the services that are accepted, by their presentation contexts or by requests that change nothing"
        case .storage: "the transfer syntaxes that are accepted, by storage SOP class"
        case .query: "a query for studies: does it answer, which of the usual keys are ignored"
        case .parameters: "over HTTP: limit, offset, includefield, fuzzymatching, and whether values are decoded"
        case .retrieve: "over HTTP: an instance as it is stored and in other forms; nothing of it is kept"
        case .receiver: "our own port can be listened at, where one is given"
        case .callBack: "the server connects to our port"
        }
    }
}

/// A service that `--doctor` looks for; `--only` can demand one.
package enum DoctorService: String, Sendable, CaseIterable {
    case echo = "verification"
    case find, worklist, move, get, store
    case commitment

    /// Those that presentation contexts tell: storage is told class by class.
    package static let ofAssociations: [DoctorService] = allCases.filter { $0 != .store }
    /// Those that there may be over HTTP.
    package static let overHTTP: [DoctorService] = [.find, .get, .store, .worklist, .commitment]

    /// The SOP classes, each with a word for it.
    package var sopClasses: [(name: String, uid: UID)] {
        let models: [(String, InformationModel)] = [
            ("patient root", .patientRoot), ("study root", .studyRoot), ("patient/study only", .patientStudyOnly),
        ]
        return switch self {
        case .echo: [("", VerificationSCU.sopClass)]
        case .find: models.map { name, model in (name, model.findSOPClass) }
        case .worklist: [("", InformationModel.modalityWorklist.findSOPClass)]
        case .move: models.compactMap { name, model in model.moveSOPClass.map { (name, $0) } }
        case .get: models.compactMap { name, model in model.getSOPClass.map { (name, $0) } }
        case .commitment: [("", StorageCommitmentRequest.sopClass)]
        case .store: StorageClassName.usual
        }
    }

    package var title: String {
        switch self {
        case .echo: "C-ECHO"
        case .find: "C-FIND"
        case .worklist: "worklist"
        case .move: "C-MOVE"
        case .get: "C-GET"
        case .store: "storage"
        case .commitment: "storage commitment"
        }
    }

    /// As it is called over HTTP.
    package var titleOverHTTP: String {
        switch self {
        case .find: "QIDO-RS"
        case .get: "WADO-RS"
        case .store: "STOW-RS"
        default: title
        }
    }
}

/// Storage SOP classes by short names, PS3.4 B.5: the ones that nearly every archive meets.
package enum StorageClassName {
    package static let usual: [(name: String, uid: UID)] = [
        ("CR", "1.2.840.10008.5.1.4.1.1.1"), ("DX", "1.2.840.10008.5.1.4.1.1.1.1"),
        ("MG", "1.2.840.10008.5.1.4.1.1.1.2"), ("CT", "1.2.840.10008.5.1.4.1.1.2"),
        ("CT-enhanced", "1.2.840.10008.5.1.4.1.1.2.1"), ("MR", "1.2.840.10008.5.1.4.1.1.4"),
        ("MR-enhanced", "1.2.840.10008.5.1.4.1.1.4.1"), ("US", "1.2.840.10008.5.1.4.1.1.6.1"),
        ("US-multi", "1.2.840.10008.5.1.4.1.1.3.1"), ("XA", "1.2.840.10008.5.1.4.1.1.12.1"),
        ("RF", "1.2.840.10008.5.1.4.1.1.12.2"), ("NM", "1.2.840.10008.5.1.4.1.1.20"),
        ("PT", "1.2.840.10008.5.1.4.1.1.128"), ("SC", "1.2.840.10008.5.1.4.1.1.7"),
        ("SC-multi-color", "1.2.840.10008.5.1.4.1.1.7.4"), ("ES-video", "1.2.840.10008.5.1.4.1.1.77.1.1.1"),
        ("XC", "1.2.840.10008.5.1.4.1.1.77.1.4"), ("SM", "1.2.840.10008.5.1.4.1.1.77.1.6"),
        ("RTIMAGE", "1.2.840.10008.5.1.4.1.1.481.1"), ("RTDOSE", "1.2.840.10008.5.1.4.1.1.481.2"),
        ("RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3"), ("RTPLAN", "1.2.840.10008.5.1.4.1.1.481.5"),
        ("SR", "1.2.840.10008.5.1.4.1.1.88.22"), ("PR", "1.2.840.10008.5.1.4.1.1.11.1"),
        ("PDF", "1.2.840.10008.5.1.4.1.1.104.1"),
    ]

    /// The class of a short name or a UID; nil for neither.
    package static func uid(_ text: String) -> UID? {
        if let known = usual.first(where: { $0.name.lowercased() == text.lowercased() }) { return known.uid }
        let uid = UID(text)
        return uid.isValid ? uid : nil
    }
}
