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
