/// What PS3.6 says of the data elements, and PS3.7 annex E of those of a command.
package enum DataDictionary {
    package struct Entry: Sendable, Equatable {
        package let tag: Tag
        /// The first one where PS3.6 names several, such as "US or SS".
        package let vr: ValueRepresentation
        /// The value multiplicity as PS3.6 writes it, such as "1-n".
        package let vm: String
        package let keyword: String
        package let name: String
        package let isRetired: Bool
    }

    package static func entry(for tag: Tag) -> Entry? { nil }
    package static func tag(forKeyword keyword: String) -> Tag? { nil }
    package static func vr(of tag: Tag) -> ValueRepresentation { .UN }
    package static var keywords: [String] { [] }
}
