/// Why a text is not data sets in the DICOM JSON Model, and on which line.
package struct DICOMJSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// Counted from 1.
    package let line: Int
    /// The element in which it happened; nil outside of any.
    package let tag: Tag?
    package let detail: String

    package enum Code: Sendable, Equatable {
        /// Not JSON at all.
        case syntax(JSONError.Code)
        /// JSON, but not an object where a data set is expected.
        case notADataSet
        case invalidTag
        case invalidVR
        /// An attribute object with members that PS3.18 F.2.2 does not have, or several values.
        case invalidAttribute
        /// A value of another kind than its representation asks for, or out of its range.
        case invalidValue
        /// A reference to data elsewhere (PS3.18 F.2.6), which this reader does not fetch.
        case bulkData
    }

    init(_ code: Code, line: Int, tag: Tag? = nil, _ detail: String) {
        self.code = code
        self.line = line
        self.tag = tag
        self.detail = detail
    }

    package var description: String {
        "line \(line): " + (tag.map { "\($0): " } ?? "") + detail
    }
}
