/// What a request accepts as an answer (RFC 9110 12.5.1): media ranges, those with the highest quality first.
struct Acceptance: Sendable {
    struct Range: Sendable {
        let type: MediaType
        let quality: Double

        /// True if the range holds a media type, by its name.
        func holds(_ name: String) -> Bool {
            type.name == name || type.name == "*/*"
                || (type.name.hasSuffix("/*") && name.hasPrefix(type.name.dropLast()))
        }
    }

    /// Those that are accepted.
    let ranges: [Range]
    /// Those that a quality of zero excludes.
    private let excluded: [Range]

    /// A request with more of them is not looked through.
    private static let maximumRanges = 64

    /// - Parameter text: the header field; nil accepts everything.
    init(_ text: String?) {
        let found = (text.map(Self.ranges) ?? ["*/*"]).prefix(Self.maximumRanges).map { part in
            let type = MediaType(part)
            return Range(type: type, quality: Self.quality(type.parameter("q")))
        }
        // Of equal ones the first stays the first.
        ranges =
            found.enumerated().filter { $0.element.quality > 0 }
            .sorted { ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset) }.map(\.element)
        excluded = found.filter { $0.quality == 0 }
    }

    /// True if an answer of the media type is accepted.
    func accepts(_ name: String) -> Bool {
        ranges.contains { $0.holds(name) } && !excluded.contains { $0.type.name == name }
    }

    /// The one of several media types that is preferred; nil if none is accepted.
    func preferred(_ names: [String]) -> String? {
        for range in ranges {
            if let name = names.first(where: { range.holds($0) && accepts($0) }) { return name }
        }
        return nil
    }

    private static func ranges(_ text: String) -> [String] {
        text.divided(at: ",").filter { !$0.isEmpty }.map { String($0) }
    }

    /// A text that is no number does not make anything more wanted.
    private static func quality(_ text: String?) -> Double {
        guard let text else { return 1 }
        guard let number = Double(text), number >= 0, number <= 1 else { return 0.001 }
        return number
    }
}
