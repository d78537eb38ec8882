/// A value of a query that person names are held against, PS3.4 C.2.2.2.1 and PS3.5 6.2.1.
///
/// Without regard to case, as the standard allows for names. A query that has one component group fits any of the three:
/// alphabetic, ideographic, phonetic; one that has several wants each of them.
struct NamePattern: Sendable {
    private let groups: [TextPattern?]

    init(_ text: String) {
        let parts = Self.groups(text)
        groups = parts.map { $0.isEmpty ? nil : TextPattern($0, wildcards: true) }
    }

    func matches(_ name: String) -> Bool {
        let candidates = Self.groups(name)
        guard groups.count == 1, let only = groups.first else {
            return groups.enumerated().allSatisfy { index, group in
                group?.matches(index < candidates.count ? candidates[index] : "") ?? true
            }
        }
        guard let only else { return true }
        return candidates.contains { only.matches($0) } || only.matches(candidates.joined(separator: "="))
    }

    /// Each group without the empty components at its end, which writers put there or leave out.
    private static func groups(_ text: String) -> [String] {
        text.lowercased().split(separator: "=", omittingEmptySubsequences: false).map { group in
            var kept = group
            while let last = kept.last, last == "^" || last == " " { kept.removeLast() }
            return String(kept)
        }
    }
}
