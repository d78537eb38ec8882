package import DICOM

/// A made-up worklist to try with: two scheduled procedure steps, one for a CT, one for an MR with a Japanese name.
package enum GeneratedWorklist {
    package static let items = [
        item(1, "Muster^Karla", "CT", time: "080000"),
        item(2, "Yamada^Tarou=山田^太郎=やまだ^たろう", "MR", time: "093000"),
    ]

    private static func item(_ number: Int, _ name: String, _ modality: String, time: String) -> DataSet {
        var step = DataSet()
        step.set(.modality, .CS, modality)
        step.set(Tag(0x0040_0001), .AE, modality + "1")  // Scheduled Station AE Title
        step.set(Tag(0x0040_0002), .DA, "20260102")  // Scheduled Procedure Step Start Date
        step.set(Tag(0x0040_0003), .TM, time)  // Scheduled Procedure Step Start Time
        step.set(Tag(0x0040_0009), .SH, "S\(number)")  // Scheduled Procedure Step ID
        step.set(Tag(0x0040_0007), .LO, modality + " of nothing")  // Scheduled Procedure Step Description
        var item = DataSet()
        item.set(.specificCharacterSet, .CS, "ISO_IR 192")
        item.set(.accessionNumber, .SH, "A\(number)")
        item.set(.patientName, .PN, name)
        item.set(.patientID, .LO, "SELFTEST-\(number)")
        item.set(.studyInstanceUID, UID("2.25.\(number)"))
        item.set(Tag(0x0040_1001), .SH, "R\(number)")  // Requested Procedure ID
        item.set(.scheduledProcedureStepSequence, items: [step])
        return item
    }
}
