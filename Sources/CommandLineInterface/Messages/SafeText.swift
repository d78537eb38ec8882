package import DICOM

/// The former name, until nothing uses it.
package typealias SafeText = DisplayText
