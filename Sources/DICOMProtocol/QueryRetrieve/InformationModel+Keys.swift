package import DICOM

/// The keys of PS3.4 C.6.1.1.2-5, C.6.2.1.2 and C.6.3.1.
///
/// The standard's tables end in "all other attributes at the level"; of those, the ones that archives commonly hold in
/// their indices are listed here as the optional keys they are. Any other attribute is a valid optional key too.
extension InformationModel {
    /// The keys of a level: unique, required, optional, nested ones right after their sequence. None at a level that the
    /// model lacks; the worklist has one list, whatever the level.
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

    /// Table C.6-4, and of the other attributes at instance level those of PS3.3 C.7.6.1, C.7.6.3 and C.12.1 that are in
    /// use.
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
