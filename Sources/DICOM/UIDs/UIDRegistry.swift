/// The UIDs that the standard registers (PS3.6 annex A).
package enum UIDRegistry {
    package static func name(of uid: UID) -> String? { nil }
    package static func keyword(of uid: UID) -> String? { nil }
    package static func uid(forKeyword keyword: String) -> UID? { nil }
    package static let storageSOPClasses: [UID] = []
    package static let transferSyntaxes: [UID] = []
}
