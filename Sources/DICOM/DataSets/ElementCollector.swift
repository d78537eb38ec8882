/// Puts elements in ascending order as a decoder meets them. They nearly always are; where they are not they are sorted
/// once at the end, since inserting one by one takes quadratic time on a file made to.
struct ElementCollector {
    private var elements: [DataElement] = []
    private var isAscending = true

    init(expectedCount: Int) {
        elements.reserveCapacity(expectedCount)
    }

    @inline(__always)
    mutating func append(_ element: DataElement) {
        if let last = elements.last, last.tag >= element.tag {
            isAscending = false
        }
        elements.append(element)
    }

    /// Of several elements with one tag the first stays.
    consuming func dataSet() -> DataSet {
        guard !isAscending else { return DataSet(ascending: elements) }
        let order = elements.indices.sorted { left, right in
            (elements[left].tag, left) < (elements[right].tag, right)
        }
        var sorted: [DataElement] = []
        sorted.reserveCapacity(elements.count)
        for index in order where sorted.last?.tag != elements[index].tag {
            sorted.append(elements[index])
        }
        return DataSet(ascending: sorted)
    }
}
