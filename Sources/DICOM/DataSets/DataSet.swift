/// Elements in the ascending order of their tags, each tag once (PS3.5 7.1).
package struct DataSet: Sendable, Equatable {
    package private(set) var elements: [DataElement] = []

    package init() {}

    /// Trusts its caller, the decoder, that the tags ascend.
    init(ascending elements: [DataElement]) {
        self.elements = elements
    }

    package var isEmpty: Bool { elements.isEmpty }

    package subscript(tag: Tag) -> DataElement? {
        get {
            let index = lowerBound(tag)
            return index < elements.count && elements[index].tag == tag ? elements[index] : nil
        }
        set {
            guard let newValue else {
                remove(tag)
                return
            }
            append(newValue)
        }
    }

    /// Puts an element in its place, instead of the one that has the same tag. Costs nothing more than an append where
    /// the tag is the highest so far.
    package mutating func append(_ element: DataElement) {
        guard let last = elements.last, last.tag >= element.tag else {
            elements.append(element)
            return
        }
        let index = lowerBound(element.tag)
        if elements[index].tag == element.tag {
            elements[index] = element
        } else {
            elements.insert(element, at: index)
        }
    }

    package mutating func remove(_ tag: Tag) {
        let index = lowerBound(tag)
        if index < elements.count && elements[index].tag == tag {
            elements.remove(at: index)
        }
    }

    /// The index of the first element that is not below the tag.
    private func lowerBound(_ tag: Tag) -> Int {
        var low = 0
        var high = elements.count
        while low < high {
            let middle = low + (high - low) / 2
            if elements[middle].tag < tag {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
