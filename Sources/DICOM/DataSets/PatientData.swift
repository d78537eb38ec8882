/// The elements of a data set that say who the patient is: the values of group 0010, accession numbers, and the name of any person.
extension Tag {
    /// True if the value of an element belongs to what logs and messages hide.
    package func isPatientData(_ vr: ValueRepresentation) -> Bool {
        group == 0x0010 || self == .accessionNumber || vr == .PN
    }

    /// The same by the representation that PS3.6 has for the tag.
    package var isPatientData: Bool { isPatientData(DataDictionary.vr(of: self)) }
}

extension DataSet {
    /// Stands for a value that is hidden.
    package static let hiddenValue = "***"

    /// A copy in which patient data is hidden, at all levels; elements without a value stay as they are.
    package var hidingPatientData: DataSet {
        DataSet(ascending: elements.map { $0.hidingPatientData })
    }
}

extension DataElement {
    fileprivate var hidingPatientData: DataElement {
        let isHidden = tag.isPatientData || tag.isPatientData(vr)
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
