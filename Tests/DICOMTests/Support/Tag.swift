import DICOM

/// Swift Testing has a `Tag` too; in these tests it is always the standard's.
typealias Tag = DICOM.Tag
