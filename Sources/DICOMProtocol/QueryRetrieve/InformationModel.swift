package import DICOM

/// The information models that can be queried, PS3.4 C.6 and K.6.
package enum InformationModel: Sendable, CaseIterable {
    case patientRoot
    case studyRoot
    /// Retired since 2004, still answered by old archives.
    case patientStudyOnly
    case modalityWorklist

    package var findSOPClass: UID {
        switch self {
        case .patientRoot: "1.2.840.10008.5.1.4.1.2.1.1"
        case .studyRoot: "1.2.840.10008.5.1.4.1.2.2.1"
        case .patientStudyOnly: "1.2.840.10008.5.1.4.1.2.3.1"
        case .modalityWorklist: "1.2.840.10008.5.1.4.31"
        }
    }

    package var moveSOPClass: UID? {
        switch self {
        case .patientRoot: "1.2.840.10008.5.1.4.1.2.1.2"
        case .studyRoot: "1.2.840.10008.5.1.4.1.2.2.2"
        case .patientStudyOnly: "1.2.840.10008.5.1.4.1.2.3.2"
        case .modalityWorklist: nil
        }
    }

    package var getSOPClass: UID? {
        switch self {
        case .patientRoot: "1.2.840.10008.5.1.4.1.2.1.3"
        case .studyRoot: "1.2.840.10008.5.1.4.1.2.2.3"
        case .patientStudyOnly: "1.2.840.10008.5.1.4.1.2.3.3"
        case .modalityWorklist: nil
        }
    }

    /// The levels, from the top. A worklist has none: its identifier has no Query/Retrieve Level.
    package var levels: [QueryLevel] {
        switch self {
        case .patientRoot: [.patient, .study, .series, .image]
        case .studyRoot: [.study, .series, .image]
        case .patientStudyOnly: [.patient, .study]
        case .modalityWorklist: []
        }
    }
}
