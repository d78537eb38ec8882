/// A value of a text key: single value and wildcard matching, PS3.4 C.2.2.2.1 and C.2.2.2.4.
struct TextPattern: Sendable {
    /// In UTF-8, as the texts are compared: a query compares thousands, and bytes need no arrays of characters.
    private let pattern: [UInt8]
    private let hasWildcards: Bool

    private static let star = UInt8(ascii: "*")
    private static let questionMark = UInt8(ascii: "?")

    init(_ text: String, wildcards: Bool) { self.init(Array(text.utf8)[...], wildcards: wildcards) }

    init(_ text: ArraySlice<UInt8>, wildcards: Bool) {
        pattern = Array(text)
        hasWildcards = wildcards && text.contains { $0 == Self.star || $0 == Self.questionMark }
    }

    func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches($0) }
    }

    func matches(_ text: ArraySlice<UInt8>) -> Bool { text.withUnsafeBufferPointer { matches($0) } }

    /// Backtracks to the last `*` alone, so the time is at most the product of both lengths.
    private func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard hasWildcards else { return text.elementsEqual(pattern) }
        var place = 0
        var position = 0
        var star: (pattern: Int, text: Int)?
        while position < text.count {
            if place < pattern.count, pattern[place] == Self.star {
                star = (place, position)
                place += 1
            } else if place < pattern.count, let next = Self.end(of: pattern[place], in: text, at: position) {
                place += 1
                position = next
            } else if let last = star {
                place = last.pattern + 1
                position = last.text + 1
                star = (last.pattern, position)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == Self.star }
    }

    /// Where that ends which a byte of the pattern matches; nil if it does not. A question mark is one character of the standard's
    /// (PS3.5 6.1), however many bytes it takes here.
    private static func end(of byte: UInt8, in text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int? {
        guard byte == questionMark else { return text[position] == byte ? position + 1 : nil }
        guard !UTF8.isContinuation(text[position]) else { return nil }
        var end = position + 1
        while end < text.count, UTF8.isContinuation(text[end]) { end += 1 }
        return end
    }
}

/// A value of a key with VR PN, PS3.4 C.2.2.2.1 and PS3.5 6.2.1.
///
/// Case is ignored, as the standard allows for names. A key with one component group matches any of the three:
/// alphabetic, ideographic, phonetic; of a key with several, each has to match.
struct NamePattern: Sendable {
    private let groups: [TextPattern?]

    init(_ text: String) {
        groups = Self.groups(text).map { $0.isEmpty ? nil : TextPattern($0, wildcards: true) }
    }

    func matches(_ name: String) -> Bool {
        let candidates = Self.groups(name)
        guard groups.count == 1, let only = groups.first else {
            return groups.enumerated().allSatisfy { index, group in
                group?.matches(index < candidates.count ? candidates[index] : []) ?? true
            }
        }
        guard let only else { return true }
        if candidates.contains(where: { only.matches($0) }) { return true }
        return candidates.count > 1 && only.matches(Array(candidates.joined(separator: [UInt8(ascii: "=")]))[...])
    }

    /// The component groups without the empty components at their ends, which writers may leave out.
    private static func groups(_ text: String) -> [ArraySlice<UInt8>] {
        // By bytes: to divide a text into what readers take for characters costs more than all the rest.
        Array(text.lowercased().utf8).split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false).map {
            group in
            let end = group.lastIndex { $0 != UInt8(ascii: "^") && $0 != UInt8(ascii: " ") }
            return group[..<(end.map { $0 + 1 } ?? group.startIndex)]
        }
    }
}
