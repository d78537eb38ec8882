import DICOM
import DICOMProtocol

/// The attributes that a query asks for, and shows in this order, if it names none itself.
enum UsualAttributes {
    /// The paths of the attributes; without those that the model has at another level only.
    static func of(_ model: InformationModel, _ level: QueryLevel) -> [[Tag]] {
        guard model != .modalityWorklist else { return worklist }
        return attributes(of: level).filter { tag in
            switch model.placement(of: tag, at: level) {
            case .ofLevel, .uniqueKeyAbove, .unlisted: true
            case .above, .below, .inside, .general: false
            }
        }.map { [$0] }
    }

    private static func attributes(of level: QueryLevel) -> [Tag] {
        switch level {
        case .patient: patient
        case .study: study
        case .series: series
        case .image: image
        }
    }

    private static let patient: [Tag] = [
        .patientName, .patientID, .patientBirthDate, .patientSex, .numberOfPatientRelatedStudies,
        .numberOfPatientRelatedInstances,
    ]

    private static let study: [Tag] = [
        .studyDate, .studyTime, .patientName, .patientID, .modalitiesInStudy, .studyDescription, .accessionNumber,
        .numberOfStudyRelatedSeries, .numberOfStudyRelatedInstances, .studyInstanceUID,
    ]

    private static let series: [Tag] = [
        .seriesNumber, .modality, .seriesDate, .seriesTime, .seriesDescription, .bodyPartExamined,
        .numberOfSeriesRelatedInstances, .seriesInstanceUID, .studyInstanceUID,
    ]

    private static let image: [Tag] = [
        .instanceNumber, .sopClassUID, .contentDate, .contentTime, .numberOfFrames, .rows, .columns, .sopInstanceUID,
        .seriesInstanceUID, .studyInstanceUID,
    ]

    private static let worklist: [[Tag]] =
        [
            [.scheduledProcedureStepStartDate], [.scheduledProcedureStepStartTime], [.modality],
            [.scheduledStationAETitle],
        ].map { [.scheduledProcedureStepSequence] + $0 }
        + [[.patientName], [.patientID], [.patientBirthDate], [.patientSex], [.accessionNumber]]
        + [[.requestedProcedureDescription]]
        + [[.scheduledProcedureStepDescription], [.scheduledProcedureStepID]].map {
            [.scheduledProcedureStepSequence] + $0
        } + [[.requestedProcedureID], [.studyInstanceUID]]
}
