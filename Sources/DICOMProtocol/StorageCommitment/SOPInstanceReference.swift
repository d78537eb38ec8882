package import DICOM

/// A reference to an instance, PS3.3 10.8: the item of Referenced SOP Sequence and Failed SOP Sequence.
package struct SOPInstanceReference: Hashable, Sendable {
    package var sopClassUID: UID
    package var sopInstanceUID: UID

    package init(sopClassUID: UID, sopInstanceUID: UID) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
    }

    /// Nil for an item without an instance. A missing class is read as an empty one: the instance tells what is meant.
    init?(item: DataSet) {
        guard let instance = item.uid(.referencedSOPInstanceUID) else { return nil }
        self.init(sopClassUID: item.uid(.referencedSOPClassUID) ?? "", sopInstanceUID: instance)
    }

    var item: DataSet {
        var item = DataSet()
        item.set(.referencedSOPClassUID, sopClassUID)
        item.set(.referencedSOPInstanceUID, sopInstanceUID)
        return item
    }
}
