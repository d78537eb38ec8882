package import DICOM

/// The keys of PS3.4 C.6.1.1.2-5, C.6.2.1.2 and C.6.3.1.
///
/// The standard's tables end in "all other attributes at the level"; of those, the ones that archives commonly hold in
/// their indices are listed here as the optional keys they are. Any other attribute is a valid optional key too.
extension InformationModel {
    /// The keys of a level: unique, required, optional, nested ones right after their sequence. None at a level that
    /// the model lacks; the worklist has one list, whatever the level.
    package func keys(at level: QueryLevel) -> [KeyAttribute] {
        switch (self, level) {
        case (.modalityWorklist, _): Self.worklistKeys
        case _ where !levels.contains(level): []
        case (.studyRoot, .study): Self.studyRootStudyKeys
        case (_, .patient): Self.patientKeys
        case (_, .study): Self.studyKeys
        case (_, .series): Self.seriesKeys
        case (_, .image): Self.imageKeys
        }
    }

    /// The attribute that identifies one entity of a level.
    package static func uniqueKey(of level: QueryLevel) -> Tag {
        switch level {
        case .patient: .patientID
        case .study: .studyInstanceUID
        case .series: .seriesInstanceUID
        case .image: .sopInstanceUID
        }
    }

    /// The unique keys of the levels above, which a hierarchical query gives single values, PS3.4 C.4.1.2.1.
    package func uniqueKeys(above level: QueryLevel) -> [Tag] {
        levels.prefix { $0 < level }.map(Self.uniqueKey(of:))
    }

    /// Table C.6-1.
    private static let patientKeys: [KeyAttribute] =
        [
            .row(.unique, 0x0010_0020),  // Patient ID
            .row(.required, 0x0010_0010),  // Patient's Name
        ] + optionalPatientKeys

    private static let optionalPatientKeys: [KeyAttribute] = [
        .row(.optional, 0x0010_0021),  // Issuer of Patient ID
        .row(.optional, 0x0008_1120),  // Referenced Patient Sequence
        .row(.optional, 0x0008_1150, in: 0x0008_1120),  // Referenced SOP Class UID
        .row(.optional, 0x0008_1155, in: 0x0008_1120),  // Referenced SOP Instance UID
        .row(.optional, 0x0010_0030),  // Patient's Birth Date
        .row(.optional, 0x0010_0032),  // Patient's Birth Time
        .row(.optional, 0x0010_0040),  // Patient's Sex
        .row(.optional, 0x0010_1000),  // Other Patient IDs, in the tables until 2017
        .row(.optional, 0x0010_1001),  // Other Patient Names
        .row(.optional, 0x0010_2160),  // Ethnic Group
        .row(.optional, 0x0010_4000),  // Patient Comments
        .row(.optional, 0x0020_1200),  // Number of Patient Related Studies
        .row(.optional, 0x0020_1202),  // Number of Patient Related Series
        .row(.optional, 0x0020_1204),  // Number of Patient Related Instances
    ]

    /// Table C.6-2.
    private static let studyKeys: [KeyAttribute] =
        [
            .row(.unique, 0x0020_000D),  // Study Instance UID
            .row(.required, 0x0008_0020),  // Study Date
            .row(.required, 0x0008_0030),  // Study Time
            .row(.required, 0x0008_0050),  // Accession Number
            .row(.required, 0x0020_0010),  // Study ID
        ] + optionalStudyKeys

    /// Table C.6-5: the patient's attributes belong to the study, where nothing is above it.
    private static let studyRootStudyKeys: [KeyAttribute] =
        [
            .row(.unique, 0x0020_000D),  // Study Instance UID
            .row(.required, 0x0008_0020),  // Study Date
            .row(.required, 0x0008_0030),  // Study Time
            .row(.required, 0x0008_0050),  // Accession Number
            .row(.required, 0x0010_0010),  // Patient's Name
            .row(.required, 0x0010_0020),  // Patient ID
            .row(.required, 0x0020_0010),  // Study ID
        ] + optionalStudyKeys + optionalPatientKeys

    private static let optionalStudyKeys: [KeyAttribute] = [
        .row(.optional, 0x0008_0061),  // Modalities in Study
        .row(.optional, 0x0008_0062),  // SOP Classes in Study
        .row(.optional, 0x0008_0090),  // Referring Physician's Name
        .row(.optional, 0x0008_1030),  // Study Description
        .row(.optional, 0x0008_1032),  // Procedure Code Sequence
        .row(.optional, 0x0008_0100, in: 0x0008_1032),  // Code Value
        .row(.optional, 0x0008_0102, in: 0x0008_1032),  // Coding Scheme Designator
        .row(.optional, 0x0008_0103, in: 0x0008_1032),  // Coding Scheme Version
        .row(.optional, 0x0008_0104, in: 0x0008_1032),  // Code Meaning
        .row(.optional, 0x0008_1060),  // Name of Physician(s) Reading Study
        .row(.optional, 0x0008_1080),  // Admitting Diagnoses Description
        .row(.optional, 0x0008_1110),  // Referenced Study Sequence
        .row(.optional, 0x0008_1150, in: 0x0008_1110),  // Referenced SOP Class UID
        .row(.optional, 0x0008_1155, in: 0x0008_1110),  // Referenced SOP Instance UID
        .row(.optional, 0x0010_1010),  // Patient's Age
        .row(.optional, 0x0010_1020),  // Patient's Size
        .row(.optional, 0x0010_1030),  // Patient's Weight
        .row(.optional, 0x0010_2180),  // Occupation
        .row(.optional, 0x0010_21B0),  // Additional Patient History
        .row(.optional, 0x0020_1070),  // Other Study Numbers
        .row(.optional, 0x0020_1206),  // Number of Study Related Series
        .row(.optional, 0x0020_1208),  // Number of Study Related Instances
    ]

    /// Table C.6-3, and of the other attributes at series level those of PS3.3 C.7.3.1 and C.7.5.1 that are in use.
    private static let seriesKeys: [KeyAttribute] = [
        .row(.unique, 0x0020_000E),  // Series Instance UID
        .row(.required, 0x0008_0060),  // Modality
        .row(.required, 0x0020_0011),  // Series Number
        .row(.optional, 0x0020_1209),  // Number of Series Related Instances
        .row(.optional, 0x0008_0021),  // Series Date
        .row(.optional, 0x0008_0031),  // Series Time
        .row(.optional, 0x0008_0070),  // Manufacturer
        .row(.optional, 0x0008_0080),  // Institution Name
        .row(.optional, 0x0008_1010),  // Station Name
        .row(.optional, 0x0008_103E),  // Series Description
        .row(.optional, 0x0008_1050),  // Performing Physician's Name
        .row(.optional, 0x0008_1070),  // Operators' Name
        .row(.optional, 0x0018_0015),  // Body Part Examined
        .row(.optional, 0x0018_1030),  // Protocol Name
        .row(.optional, 0x0020_0060),  // Laterality
        .row(.optional, 0x0040_0244),  // Performed Procedure Step Start Date
        .row(.optional, 0x0040_0245),  // Performed Procedure Step Start Time
        .row(.optional, 0x0040_0253),  // Performed Procedure Step ID
        .row(.optional, 0x0040_0254),  // Performed Procedure Step Description
        .row(.optional, 0x0040_0275),  // Request Attributes Sequence
        .row(.optional, 0x0040_0009, in: 0x0040_0275),  // Scheduled Procedure Step ID
        .row(.optional, 0x0040_1001, in: 0x0040_0275),  // Requested Procedure ID
    ]

    /// Table C.6-4, and of the other attributes at instance level those of PS3.3 C.7.6.1, C.7.6.3 and C.12.1 that are
    /// in use.
    private static let imageKeys: [KeyAttribute] = [
        .row(.unique, 0x0008_0018),  // SOP Instance UID
        .row(.required, 0x0020_0013),  // Instance Number
        .row(.optional, 0x0008_0016),  // SOP Class UID
        .row(.optional, 0x0008_001A),  // Related General SOP Class UID
        .row(.optional, 0x0008_3001),  // Alternate Representation Sequence
        .row(.optional, 0x0008_3002),  // Available Transfer Syntax UID
        .row(.optional, 0x0040_A043),  // Concept Name Code Sequence
        .row(.optional, 0x0008_0100, in: 0x0040_A043),  // Code Value
        .row(.optional, 0x0008_0102, in: 0x0040_A043),  // Coding Scheme Designator
        .row(.optional, 0x0008_0103, in: 0x0040_A043),  // Coding Scheme Version
        .row(.optional, 0x0008_0104, in: 0x0040_A043),  // Code Meaning
        .row(.optional, 0x0040_A504),  // Content Template Sequence
        .row(.optional, 0x0040_DB00, in: 0x0040_A504),  // Template Identifier
        .row(.optional, 0x0008_0105, in: 0x0040_A504),  // Mapping Resource
        .row(.optional, 0x0040_0512),  // Container Identifier
        .row(.optional, 0x0040_0560),  // Specimen Description Sequence
        .row(.optional, 0x0040_0551, in: 0x0040_0560),  // Specimen Identifier
        .row(.optional, 0x0040_0554, in: 0x0040_0560),  // Specimen UID
        .row(.optional, 0x0008_0008),  // Image Type
        .row(.optional, 0x0008_0012),  // Instance Creation Date
        .row(.optional, 0x0008_0013),  // Instance Creation Time
        .row(.optional, 0x0008_0022),  // Acquisition Date
        .row(.optional, 0x0008_0032),  // Acquisition Time
        .row(.optional, 0x0008_0023),  // Content Date
        .row(.optional, 0x0008_0033),  // Content Time
        .row(.optional, 0x0020_0012),  // Acquisition Number
        .row(.optional, 0x0028_0008),  // Number of Frames
        .row(.optional, 0x0028_0010),  // Rows
        .row(.optional, 0x0028_0011),  // Columns
        .row(.optional, 0x0028_0100),  // Bits Allocated
    ]
}

/// The keys of the Modality Worklist, PS3.4 table K.6-1, in its order: by entity, the sequence before what it holds.
extension InformationModel {
    static let worklistKeys: [KeyAttribute] =
        scheduledProcedureStepKeys + requestedProcedureKeys + imagingServiceRequestKeys + visitKeys
        + patientWorklistKeys

    private static let scheduledProcedureStepKeys: [KeyAttribute] = [
        .row(.required, .withValue, 0x0040_0100),  // Scheduled Procedure Step Sequence
        .row(.required, .withValue, 0x0040_0001, in: 0x0040_0100),  // Scheduled Station AE Title
        .row(.required, .withValue, 0x0040_0002, in: 0x0040_0100),  // Scheduled Procedure Step Start Date
        .row(.required, .withValue, 0x0040_0003, in: 0x0040_0100),  // Scheduled Procedure Step Start Time
        .row(.required, .withValue, 0x0008_0060, in: 0x0040_0100),  // Modality
        .row(.required, .present, 0x0040_0006, in: 0x0040_0100),  // Scheduled Performing Physician's Name
        .row(.optional, .withValueIf, 0x0040_0007, in: 0x0040_0100),  // Scheduled Procedure Step Description
        .row(.optional, .present, 0x0040_0010, in: 0x0040_0100),  // Scheduled Station Name
        .row(.optional, .present, 0x0040_0011, in: 0x0040_0100),  // Scheduled Procedure Step Location
        .row(.optional, .withValueIf, 0x0040_0008, in: 0x0040_0100),  // Scheduled Protocol Code Sequence
        .row(.optional, .withValue, 0x0008_0100, in: 0x0040_0100, 0x0040_0008),  // Code Value
        .row(.optional, .withValue, 0x0008_0102, in: 0x0040_0100, 0x0040_0008),  // Coding Scheme Designator
        .row(.optional, .optional, 0x0008_0103, in: 0x0040_0100, 0x0040_0008),  // Coding Scheme Version
        .row(.optional, .optional, 0x0008_0104, in: 0x0040_0100, 0x0040_0008),  // Code Meaning
        .row(.optional, .presentIf, 0x0040_0012, in: 0x0040_0100),  // Pre-Medication
        .row(.optional, .withValue, 0x0040_0009, in: 0x0040_0100),  // Scheduled Procedure Step ID
        .row(.optional, .presentIf, 0x0032_1070, in: 0x0040_0100),  // Requested Contrast Agent
        .row(.optional, .optional, 0x0040_0020, in: 0x0040_0100),  // Scheduled Procedure Step Status
        .row(.optional, .optional, 0x0040_0004, in: 0x0040_0100),  // Scheduled Procedure Step End Date
        .row(.optional, .optional, 0x0040_0005, in: 0x0040_0100),  // Scheduled Procedure Step End Time
        .row(.optional, .optional, 0x0040_0400, in: 0x0040_0100),  // Comments on the Scheduled Procedure Step
    ]

    private static let requestedProcedureKeys: [KeyAttribute] = [
        .row(.optional, .withValue, 0x0040_1001),  // Requested Procedure ID
        .row(.optional, .withValueIf, 0x0032_1060),  // Requested Procedure Description
        .row(.optional, .withValueIf, 0x0032_1064),  // Requested Procedure Code Sequence
        .row(.optional, .withValue, 0x0008_0100, in: 0x0032_1064),  // Code Value
        .row(.optional, .withValue, 0x0008_0102, in: 0x0032_1064),  // Coding Scheme Designator
        .row(.optional, .optional, 0x0008_0103, in: 0x0032_1064),  // Coding Scheme Version
        .row(.optional, .optional, 0x0008_0104, in: 0x0032_1064),  // Code Meaning
        .row(.optional, .withValue, 0x0020_000D),  // Study Instance UID
        .row(.optional, .optional, 0x0008_0020),  // Study Date
        .row(.optional, .optional, 0x0008_0030),  // Study Time
        .row(.optional, .present, 0x0008_1110),  // Referenced Study Sequence
        .row(.optional, .withValue, 0x0008_1150, in: 0x0008_1110),  // Referenced SOP Class UID
        .row(.optional, .withValue, 0x0008_1155, in: 0x0008_1110),  // Referenced SOP Instance UID
        .row(.optional, .present, 0x0040_1003),  // Requested Procedure Priority
        .row(.optional, .present, 0x0040_1004),  // Patient Transport Arrangements
        .row(.optional, .optional, 0x0040_1002),  // Reason for the Requested Procedure
        .row(.optional, .optional, 0x0040_1400),  // Requested Procedure Comments
    ]

    private static let imagingServiceRequestKeys: [KeyAttribute] = [
        .row(.optional, .present, 0x0008_0050),  // Accession Number
        .row(.optional, .present, 0x0032_1032),  // Requesting Physician
        .row(.optional, .present, 0x0008_0090),  // Referring Physician's Name
        .row(.optional, .optional, 0x0040_2016),  // Placer Order Number / Imaging Service Request
        .row(.optional, .optional, 0x0040_2017),  // Filler Order Number / Imaging Service Request
        .row(.optional, .optional, 0x0040_2400),  // Imaging Service Request Comments
    ]

    private static let visitKeys: [KeyAttribute] = [
        .row(.optional, .present, 0x0038_0010),  // Admission ID
        .row(.optional, .present, 0x0038_0300),  // Current Patient Location
        .row(.optional, .present, 0x0008_1120),  // Referenced Patient Sequence
        .row(.optional, .withValue, 0x0008_1150, in: 0x0008_1120),  // Referenced SOP Class UID
        .row(.optional, .withValue, 0x0008_1155, in: 0x0008_1120),  // Referenced SOP Instance UID
    ]

    private static let patientWorklistKeys: [KeyAttribute] = [
        .row(.required, .withValue, 0x0010_0010),  // Patient's Name
        .row(.required, .withValue, 0x0010_0020),  // Patient ID
        .row(.optional, .optional, 0x0010_0021),  // Issuer of Patient ID
        .row(.optional, .optional, 0x0010_1001),  // Other Patient Names
        .row(.optional, .present, 0x0010_0030),  // Patient's Birth Date
        .row(.optional, .present, 0x0010_0040),  // Patient's Sex
        .row(.optional, .present, 0x0010_1030),  // Patient's Weight
        .row(.optional, .optional, 0x0010_1020),  // Patient's Size
        .row(.optional, .present, 0x0040_3001),  // Confidentiality Constraint on Patient Data Description
        .row(.optional, .present, 0x0038_0500),  // Patient State
        .row(.optional, .present, 0x0010_21C0),  // Pregnancy Status
        .row(.optional, .present, 0x0010_2000),  // Medical Alerts
        .row(.optional, .present, 0x0010_2110),  // Allergies
        .row(.optional, .present, 0x0038_0050),  // Special Needs
        .row(.optional, .optional, 0x0010_21B0),  // Additional Patient History
        .row(.optional, .optional, 0x0010_4000),  // Patient Comments
    ]
}
