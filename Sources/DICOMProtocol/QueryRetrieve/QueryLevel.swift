/// The level of a query or retrieval, (0008,0052), PS3.4 C.6.
package enum QueryLevel: String, Sendable, CaseIterable, Comparable {
    case patient = "PATIENT"
    case study = "STUDY"
    case series = "SERIES"
    case image = "IMAGE"

    /// Higher levels come first: a patient before its studies.
    package static func < (left: QueryLevel, right: QueryLevel) -> Bool {
        left.depth < right.depth
    }

    private var depth: Int {
        switch self {
        case .patient: 0
        case .study: 1
        case .series: 2
        case .image: 3
        }
    }
}
