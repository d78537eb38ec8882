import DICOM
import DICOMProtocol

/// The headings of tables, which are names of attributes as well where an order or columns are chosen.
enum AttributeHeading {
    /// A heading for attributes that are well known, shorter than their name.
    static let short: [Tag: String] = [
        .studyDate: "Date", .studyTime: "Time", .seriesDate: "Date", .seriesTime: "Time", .contentDate: "Date",
        .contentTime: "Time", .scheduledProcedureStepStartDate: "Date", .scheduledProcedureStepStartTime: "Time",
        .patientName: "Patient", .patientID: "ID", .patientBirthDate: "Born", .patientSex: "Sex",
        .modalitiesInStudy: "Modality",
        .studyDescription: "Description", .seriesDescription: "Description", .accessionNumber: "Accession",
        .bodyPartExamined: "Body Part", .seriesNumber: "Number", .instanceNumber: "Number",
        .numberOfFrames: "Frames", .numberOfPatientRelatedStudies: "Studies", .numberOfPatientRelatedSeries: "Series",
        .numberOfStudyRelatedSeries: "Series", .numberOfPatientRelatedInstances: "Images",
        .numberOfStudyRelatedInstances: "Images", .numberOfSeriesRelatedInstances: "Images",
        .scheduledStationAETitle: "Station", .requestedProcedureDescription: "Procedure",
        .scheduledProcedureStepDescription: "Step", .scheduledProcedureStepID: "Step ID",
        .requestedProcedureID: "Procedure ID",
    ]

    /// The attributes with the heading, the usual level first.
    static func tags(_ heading: String) -> [Tag] {
        let letters = letters(of: heading)
        let found = short.filter { Self.letters(of: $0.value) == letters }.keys.sorted()
        return found.sorted { $0 == .numberOfStudyRelatedInstances && $1 != $0 }
    }

    /// The attribute with the heading in the tables of a level; nil if there is none, or several have it.
    static func tag(_ heading: String, in model: InformationModel, at level: QueryLevel) -> Tag? {
        let tags = Set(tags(heading))
        let shown = UsualAttributes.of(model, level).compactMap(\.last).filter { tags.contains($0) }
        return shown.count == 1 ? shown[0] : nil
    }

    private static func letters(of text: String) -> String { text.lowercased().filter { $0 != " " } }
}

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
