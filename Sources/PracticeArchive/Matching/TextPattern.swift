/// A value of a query that text is held against: single value and wildcard matching, PS3.4 C.2.2.2.1 and C.2.2.2.4.
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

    /// Goes back to the last `*` alone, so the time is at most the product of both lengths.
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
