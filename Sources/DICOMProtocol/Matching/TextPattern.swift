/// A value of a text key: single value and wildcard matching, PS3.4 C.2.2.2.1 and C.2.2.2.4.
struct TextPattern: Sendable {
    private let scalars: [Unicode.Scalar]
    private let hasWildcards: Bool

    init(_ text: String, wildcards: Bool) {
        scalars = Array(text.unicodeScalars)
        hasWildcards = wildcards && (text.contains("*") || text.contains("?"))
    }

    func matches(_ text: String) -> Bool {
        let candidate = Array(text.unicodeScalars)
        return hasWildcards ? matches(candidate) : candidate == scalars
    }

    /// Backtracks to the last `*` alone, so the time is at most the product of both lengths.
    private func matches(_ text: [Unicode.Scalar]) -> Bool {
        var place = 0
        var position = 0
        var star: (pattern: Int, text: Int)?
        while position < text.count {
            if place < scalars.count, scalars[place] == "*" {
                star = (place, position)
                place += 1
            } else if place < scalars.count, scalars[place] == "?" || scalars[place] == text[position] {
                place += 1
                position += 1
            } else if let last = star {
                place = last.pattern + 1
                position = last.text + 1
                star = (last.pattern, position)
            } else {
                return false
            }
        }
        return scalars[place...].allSatisfy { $0 == "*" }
    }
}

/// A value of a key with VR PN, PS3.4 C.2.2.2.1 and PS3.5 6.2.1.
///
/// Case is ignored, as the standard allows for names. A key with one component group matches any of the three:
/// alphabetic, ideographic, phonetic; of a key with several, each has to match.
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

    /// The component groups without the empty components at their ends, which writers may leave out.
    private static func groups(_ text: String) -> [String] {
        // By bytes: to divide a text into what readers take for characters costs more than all the rest.
        Array(text.lowercased().utf8).split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false).map {
            group in
            let end = group.lastIndex { $0 != UInt8(ascii: "^") && $0 != UInt8(ascii: " ") }
            return String(decoding: group[..<(end.map { $0 + 1 } ?? group.startIndex)], as: UTF8.self)
        }
    }
}
