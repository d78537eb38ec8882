import DICOM

/// The order of matches by the values of some attributes: numbers by size, names and other text without regard to case, dates and
/// times as they pass. Matches without a value come last.
struct MatchOrder {
    private enum Value: Comparable {
        case number(Double)
        case text(String)
        case none
    }

    private let keys: [SortKey]

    init(_ keys: [SortKey]) { self.keys = keys }

    /// Equal elements keep their order.
    func sorted<Element>(_ elements: [Element], by dataSet: (Element) -> DataSet) -> [Element] {
        if keys.isEmpty { return elements }
        let values = elements.map { element in keys.map { value($0, dataSet(element)) } }
        return elements.indices.sorted { left, right in
            for (index, key) in keys.enumerated() where values[left][index] != values[right][index] {
                let (first, second) = (values[left][index], values[right][index])
                if first == .none || second == .none { return second == .none }
                return key.isDescending ? second < first : first < second
            }
            return left < right
        }.map { elements[$0] }
    }

    private func value(_ key: SortKey, _ dataSet: DataSet) -> Value {
        var bytes: [UInt8] = []
        ElementText.append(key.attribute.tags[...], of: dataSet, to: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        if text.isEmpty { return .none }
        switch DataDictionary.vr(of: key.attribute.tag) {
        case .IS, .DS, .US, .SS, .UL, .SL, .UV, .SV, .FL, .FD: return Double(text).map { .number($0) } ?? .text(text)
        default: return .text(text.lowercased())
        }
    }
}
