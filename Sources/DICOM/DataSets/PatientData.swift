/// What logs and messages hide: what says who a patient is, and, where whole data sets are shown, what may.
extension Tag {
    /// True if the value of an element says who the patient is or belongs to one patient: all of groups 0010 and 0038 (the
    /// visit), the name of any person, and the numbers of orders, procedures and trial subjects.
    package func isPatientData(_ vr: ValueRepresentation) -> Bool {
        group == 0x0010 || group == 0x0038 || vr == .PN || Self.numbers.contains(self)
    }

    /// The same by the representation that PS3.6 has for the tag.
    package var isPatientData: Bool { isPatientData(DataDictionary.vr(of: self)) }

    /// True if the value may say who the patient is, because people type it or nobody knows what it means.
    func mayHoldPatientData(_ vr: ValueRepresentation) -> Bool {
        if isPatientData(vr) { return true }
        if isPrivate { return !isPrivateCreator }
        switch vr {
        case .LT, .ST, .UT, .UC, .UR, .UN, .OB, .OW, .OD, .OF, .OL, .OV: return true
        case .LO, .SH: return !Self.technical.contains(self)
        default: return false
        }
    }

    /// The numbers of one patient's orders, requests, procedures and studies.
    private static let numbers: Set<Tag> = [
        .accessionNumber, Tag(0x0012_0040), Tag(0x0012_0042), Tag(0x0020_0010), Tag(0x0040_0009),
        Tag(0x0040_0253), Tag(0x0040_1001), Tag(0x0040_2006), Tag(0x0040_2007), Tag(0x0040_2016),
        Tag(0x0040_2017),
    ]

    /// Short texts that are names and versions of equipment and of codes.
    private static let technical: Set<Tag> = [
        Tag(0x0008_0070), Tag(0x0008_0100), Tag(0x0008_0102), Tag(0x0008_0103), Tag(0x0008_0201),
        Tag(0x0008_1010), Tag(0x0008_1090), Tag(0x0018_1020), Tag(0x0018_1030),
    ]
}

extension DataSet {
    /// Stands for a value that is hidden.
    package static let hiddenValue = "***"

    /// A copy in which every value that says who the patient is, or may, is hidden, at all levels; elements without a
    /// value stay as they are.
    package var hidingPatientData: DataSet {
        DataSet(ascending: elements.map { $0.hidingPatientData })
    }

    /// The values that say who the patient is, at all levels.
    package var patientValues: [String] {
        values { $0.tag.isPatientData || $0.tag.isPatientData($0.vr) }
    }

    /// The other text that ``hidingPatientData`` hides because it may say so, at all levels.
    package var textsThatMayHoldPatientData: [String] {
        values { element in
            guard !element.tag.isPatientData, !element.tag.isPatientData(element.vr), element.vr.isText else {
                return false
            }
            return element.isHidden
        }
    }

    private func values(where isWanted: (DataElement) -> Bool) -> [String] {
        elements.flatMap { element -> [String] in
            switch element.value {
            case .items(let items): items.flatMap { $0.values(where: isWanted) }
            case .bytes where isWanted(element): strings(element.tag)
            default: []
            }
        }
    }
}

extension DataElement {
    fileprivate var isHidden: Bool {
        tag.mayHoldPatientData(vr) || tag.mayHoldPatientData(DataDictionary.vr(of: tag))
    }

    fileprivate var hidingPatientData: DataElement {
        switch value {
        case .items(let items):
            guard !isHidden else { return DataElement(tag: tag, vr: vr, value: .items([])) }
            return DataElement(tag: tag, vr: vr, value: .items(items.map { $0.hidingPatientData }))
        case .bytes(let bytes) where isHidden && !bytes.isEmpty:
            return DataElement(tag: tag, vr: vr.isText ? vr : .LO, value: .bytes(Array(DataSet.hiddenValue.utf8)[...]))
        case .fragments where isHidden:
            return DataElement(tag: tag, vr: vr, value: .fragments([]))
        default:
            return self
        }
    }
}
