package import DICOM

/// Makes the path of every instance that is written, under the output folder and nowhere else.
package struct InstanceNaming: Sendable, Equatable {
    package static let standardPattern = "{SOPInstanceUID}.dcm"

    /// A path made for one instance.
    package struct Name: Sendable, Equatable {
        /// Below the output folder; never empty, `.` or `..`, without separators.
        package let components: [[UInt8]]
        /// Why the name is not what the pattern says, for a warning; nil in the normal case.
        package let remark: String?
    }

    package struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// What the pattern needs beyond the SOP class and instance UIDs, which each message carries.
    package let fields: [Tag]

    package init(pattern: String = InstanceNaming.standardPattern) throws(PatternError) { fields = [] }

    package func name(sopClassUID: UID, sopInstanceUID: UID, attributes: DataSet) -> Name {
        Name(components: [], remark: nil)
    }
}
