package import DICOM
package import DICOMProtocol

/// Makes the identifier of a query or retrieval from keys as they were typed, PS3.4 C.4 and K.4.
///
/// It never reads a clock or the environment: date and character set are arguments.
package struct QueryBuilder: Sendable {
    /// What the identifier is for, which decides how values may match.
    package enum Purpose: Sendable {
        /// C-FIND: wildcards, ranges and lists where PS3.4 C.2.2.2 allows them.
        case query
        /// C-MOVE and C-GET: single values and lists of UIDs only (PS3.4 C.4.2.2.1, C.4.3.2.1).
        case retrieval
    }

    package let model: InformationModel
    package let level: QueryLevel
    package let purpose: Purpose
    /// The defined term for (0008,0005), see ``QueryCharacterSet``.
    package let characterSet: String
    /// What relative dates count from.
    package let today: CalendarDate

    package init(
        model: InformationModel, level: QueryLevel, purpose: Purpose = .query, characterSet: String,
        today: CalendarDate
    ) {
        self.model = model
        self.level = level
        self.purpose = purpose
        self.characterSet = characterSet
        self.today = today
    }

    /// The identifier: automatic elements, `returning` as empty keys, and the keys, each checked and encoded.
    package func dataSet(keys: [QueryKey], returning: [ReturnKey] = []) throws(UsageError) -> DataSet {
        DataSet()
    }
}
