import DICOM

/// The worklist of DICOMweb (PS3.18 14).
package enum WebWorklist {
    /// Below the base URL: that of the standard, and the older one of dcm4chee.
    package static let paths = ["/modality-scheduled-procedure-steps", "/mwlitems"]

    private static let scheduledProcedureStepID = Tag(0x0040_0009)
    private static let requestedProcedureID = Tag(0x0040_1001)

    /// The attributes by which the steps of a list are told apart.
    static let identifying: [Tag] = [
        .accessionNumber, .studyInstanceUID, .scheduledProcedureStepSequence, requestedProcedureID,
    ]

    /// What tells the steps of a list apart; nil for one that says nothing of it.
    static func identity(_ match: DataSet) -> String? {
        let step = match.items(.scheduledProcedureStepSequence)?.first ?? DataSet()
        let parts = [
            match.string(.studyInstanceUID), match.string(.accessionNumber), match.string(requestedProcedureID),
            step.string(scheduledProcedureStepID), step.string(.scheduledProcedureStepStartDate),
            step.string(.scheduledProcedureStepStartTime),
        ].map { $0 ?? "" }
        return parts.allSatisfy(\.isEmpty) ? nil : parts.joined(separator: "\u{0}")
    }
}
