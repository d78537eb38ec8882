/// Elements in the ascending order of their tags, each tag once (PS3.5 7.1).
package struct DataSet: Sendable, Equatable {
    package private(set) var elements: [DataElement] = []

    package init() {}

    /// Trusts its caller, the decoder, that the tags ascend.
    init(ascending elements: [DataElement]) {
        self.elements = elements
    }

    package var isEmpty: Bool { elements.isEmpty }

    /// The same with values that hold no memory but their own: those that were read together share it with what was not kept.
    package func withMemoryOfItsOwn() -> DataSet {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(elements.reduce(0) { $0 + $1.value.byteCount })
        for element in elements {
            if case .bytes(let value) = element.value { bytes += value }
        }
        var end = 0
        return DataSet(
            ascending: elements.map { element in
                guard case .bytes(let value) = element.value else { return element }
                defer { end += value.count }
                return DataElement(tag: element.tag, vr: element.vr, value: .bytes(bytes[end..<end + value.count]))
            })
    }

    package mutating func reserveCapacity(_ count: Int) { elements.reserveCapacity(count) }

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

/// Values as the program needs them. Strings are read in the default repertoire (PS3.5 6.1.1), which is right for UIDs,
/// codes, dates and numbers; names and descriptions go through `SpecificCharacterSet`.
extension DataSet {
    /// The first value without its padding; nil if the element is absent, empty or not of bytes.
    package func string(_ tag: Tag) -> String? {
        guard let element = self[tag], case .bytes(let bytes) = element.value else { return nil }
        return bytes.withUnsafeBytes { bytes in
            var first = bytes
            if !element.vr.allowsBackslashInValue, let end = bytes.firstIndex(of: UInt8(ascii: "\\")) {
                first = UnsafeRawBufferPointer(rebasing: bytes[..<end])
            }
            let trimmed = element.vr.trimmed(first)
            return trimmed.isEmpty ? nil : String(decoding: trimmed, as: UTF8.self)
        }
    }

    /// All values of the element, split at backslashes, each without its padding; none if it is absent or empty.
    package func strings(_ tag: Tag) -> [String] {
        guard let element = self[tag], case .bytes(let bytes) = element.value, !bytes.isEmpty else { return [] }
        if element.vr.allowsBackslashInValue {
            return [String(decoding: element.vr.trimmed(bytes), as: UTF8.self)]
        }
        return bytes.split(separator: UInt8(ascii: "\\"), omittingEmptySubsequences: false).map {
            String(decoding: element.vr.trimmed($0), as: UTF8.self)
        }
    }

    package func uid(_ tag: Tag) -> UID? {
        string(tag).map { UID($0) }
    }

    package func uids(_ tag: Tag) -> [UID] {
        strings(tag).filter { !$0.isEmpty }.map { UID($0) }
    }

    /// The number of ``uids(_:)``, without making them.
    package func uidCount(_ tag: Tag) -> Int {
        guard let element = self[tag], case .bytes(let bytes) = element.value, !bytes.isEmpty else { return 0 }
        if element.vr.allowsBackslashInValue { return element.vr.trimmed(bytes).isEmpty ? 0 : 1 }
        var count = 0
        var rest = bytes
        while true {
            let value = rest.prefix { $0 != UInt8(ascii: "\\") }
            if !element.vr.trimmed(value).isEmpty { count += 1 }
            guard value.endIndex < rest.endIndex else { return count }
            rest = rest[(value.endIndex + 1)...]
        }
    }

    /// The first value of a US, or of an IS that fits.
    package func uint16(_ tag: Tag) -> UInt16? {
        uint32(tag).flatMap { UInt16(exactly: $0) }
    }

    /// The first value of a UL or US, or of an IS that fits.
    package func uint32(_ tag: Tag) -> UInt32? {
        guard let element = self[tag], case .bytes(let bytes) = element.value else { return nil }
        if element.vr == .IS || element.vr == .DS {
            return string(tag).flatMap { UInt32($0) }
        }
        let width = element.vr.wordSize == 2 || bytes.count == 2 ? 2 : 4
        guard bytes.count >= width else { return nil }
        return bytes.prefix(width).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    package func items(_ tag: Tag) -> [DataSet]? {
        guard case .items(let items)? = self[tag]?.value else { return nil }
        return items
    }

    package func bytes(_ tag: Tag) -> ArraySlice<UInt8>? {
        guard case .bytes(let bytes)? = self[tag]?.value else { return nil }
        return bytes
    }

    /// Sets a string of the default repertoire, padded to even length as its representation demands (PS3.5 6.2).
    package mutating func set(_ tag: Tag, _ vr: ValueRepresentation, _ string: String) {
        var bytes = Array(string.utf8)
        if !bytes.count.isMultiple(of: 2) {
            bytes.append(vr.paddingByte)
        }
        append(DataElement(tag: tag, vr: vr, value: .bytes(bytes[...])))
    }

    package mutating func set(_ tag: Tag, _ uid: UID) {
        set(tag, .UI, uid.string)
    }

    package mutating func setUInt16(_ tag: Tag, _ number: UInt16) {
        let bytes = [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]
        append(DataElement(tag: tag, vr: .US, value: .bytes(bytes[...])))
    }

    package mutating func set(_ tag: Tag, items: [DataSet]) {
        append(DataElement(tag: tag, vr: .SQ, value: .items(items)))
    }

    /// An element without value: for a sequence that is one without items.
    package mutating func setEmpty(_ tag: Tag, _ vr: ValueRepresentation) {
        append(DataElement(tag: tag, vr: vr, value: vr == .SQ ? .items([]) : .bytes([])))
    }
}
