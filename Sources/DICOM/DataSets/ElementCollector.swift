/// Puts elements in ascending order. They nearly always are in it; otherwise they are sorted once at the end, since
/// inserting them one by one would take quadratic time.
struct ElementCollector {
    private var elements: [DataElement] = []
    private var isAscending = true

    init() {}

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

    /// Of several elements with one tag the first one stays.
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
