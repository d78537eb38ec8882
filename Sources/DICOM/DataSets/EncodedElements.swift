/// Elements as Explicit VR Little Endian has them, their tags ascending: the form in which many data sets are held in memory. One
/// element is found by a walk over the headers, without a tree.
///
/// Whatever the bytes are, what is found in them are elements or nothing.
package struct EncodedElements: Sendable, Equatable {
    package let bytes: [UInt8]

    private static let decoder = DataSetDecoder(.explicitLittleEndian, limits: .identifier)
    private static let encoder = DataSetEncoder(.explicitLittleEndian)
    /// The letters of SQ, the first one in the lower byte.
    private static let sequence = ValueRepresentation.SQ.rawValue.byteSwapped

    package init() { bytes = [] }

    /// Of bytes that this type has made.
    package init(bytes: [UInt8]) { self.bytes = bytes }

    package init(_ dataSet: DataSet) { self.init(copying: Self.encoder.encode(dataSet)) }

    /// Without the room that an array has which grew.
    init(copying bytes: [UInt8]) {
        self.bytes = bytes.withUnsafeBytes { bytes in
            [UInt8](unsafeUninitializedCapacity: bytes.count) { room, count in
                UnsafeMutableRawBufferPointer(room).copyMemory(from: bytes)
                count = bytes.count
            }
        }
    }

    package var isEmpty: Bool { bytes.isEmpty }

    /// All elements; none if the bytes are not those of elements.
    package var dataSet: DataSet { Self.decoded(bytes[...]) }

    private static func decoded(_ bytes: ArraySlice<UInt8>) -> DataSet {
        do throws(DataSetError) { return try decoder.decode(bytes) } catch { return DataSet() }
    }

    package subscript(tag: Tag) -> DataElement? {
        let found = bytes.withUnsafeBytes { bytes -> Found? in
            var walk = Walk(bytes)
            while let found = walk.next(), found.tag <= tag {
                if found.tag == tag { return found }
            }
            return nil
        }
        return found.flatMap { element($0) }
    }

    /// The first value of the element without its padding; nil if it is absent or empty.
    package func string(_ tag: Tag) -> String? {
        self[tag].flatMap { DataSet(ascending: [$0]).string(tag) }
    }

    package func uid(_ tag: Tag) -> UID? { string(tag).map { UID($0) } }

    /// True if the bytes are whole elements, and their tags ascend.
    package var isAscending: Bool {
        bytes.withUnsafeBytes { bytes in
            var walk = Walk(bytes)
            var least: UInt64 = 0
            while let found = walk.next() {
                let tag = UInt64(found.tag.rawValue)
                guard tag >= least else { return false }
                least = tag + 1
            }
            return walk.offset == bytes.count
        }
    }

    // MARK: Differences

    /// The elements that the others lack or have otherwise, and the tags that only the others have.
    package func difference(from others: EncodedElements) -> (changes: EncodedElements, removed: [Tag]) {
        var changed: [UInt8] = []
        var removed: [Tag] = []
        bytes.withUnsafeBytes { bytes in
            others.bytes.withUnsafeBytes { otherBytes in
                var (own, other) = (Walk(bytes), Walk(otherBytes))
                var theirs = other.next()
                while let found = own.next() {
                    while let passed = theirs, passed.tag < found.tag {
                        removed.append(passed.tag)
                        theirs = other.next()
                    }
                    let place = UnsafeRawBufferPointer(rebasing: bytes[found.place])
                    if let equal = theirs, equal.tag == found.tag {
                        theirs = other.next()
                        let otherPlace = UnsafeRawBufferPointer(rebasing: otherBytes[equal.place])
                        if place.hasSameBytes(as: otherPlace) { continue }
                    }
                    changed.append(contentsOf: place)
                }
                while let passed = theirs {
                    removed.append(passed.tag)
                    theirs = other.next()
                }
            }
        }
        return (EncodedElements(copying: changed), removed)
    }

    /// The elements of which these are the ``difference(from:)``.
    package func applied(to others: EncodedElements, removing removed: [Tag]) -> EncodedElements {
        var merged: [UInt8] = []
        merged.reserveCapacity(others.bytes.count + bytes.count)
        func take(_ bytes: UnsafeRawBufferPointer, _ place: Range<Int>) {
            merged.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[place]))
        }
        bytes.withUnsafeBytes { bytes in
            others.bytes.withUnsafeBytes { otherBytes in
                var (own, other) = (Walk(bytes), Walk(otherBytes))
                var mine = own.next()
                while let found = other.next() {
                    while let earlier = mine, earlier.tag < found.tag {
                        take(bytes, earlier.place)
                        mine = own.next()
                    }
                    if let instead = mine, instead.tag == found.tag {
                        take(bytes, instead.place)
                        mine = own.next()
                    } else if !removed.contains(found.tag) {
                        take(otherBytes, found.place)
                    }
                }
                while let later = mine {
                    take(bytes, later.place)
                    mine = own.next()
                }
            }
        }
        return EncodedElements(bytes: merged)
    }

    // MARK: The walk

    fileprivate struct Found {
        let tag: Tag
        /// With its header.
        let place: Range<Int>
    }

    /// A walk over the elements of the outermost level.
    private struct Walk {
        private let bytes: UnsafeRawBufferPointer
        private let forms = ElementHeader.LengthForms.ofValues
        private(set) var offset = 0

        init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        /// Nil at the end, and where no element of a defined length is.
        @inline(__always)
        mutating func next() -> Found? {
            let start = offset
            guard let (tag, end) = plainElement() ?? sequence() else { return nil }
            offset = end
            return Found(tag: tag, place: start..<end)
        }

        @inline(__always)
        private func plainElement() -> (tag: Tag, end: Int)? {
            ElementHeader.plainElement(bytes, at: offset, before: bytes.count, forms).map { ($0.tag, $0.end) }
        }

        private func sequence() -> (tag: Tag, end: Int)? {
            guard bytes.count - offset >= ElementHeader.longest else { return nil }
            let head = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            guard UInt16(truncatingIfNeeded: head >> 32) == EncodedElements.sequence else { return nil }
            let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt32.self))
            let end = offset + ElementHeader.longest + Int(length)
            guard length != ElementHeader.undefinedLength, end <= bytes.count else { return nil }
            return (Tag(littleEndian: UInt32(truncatingIfNeeded: head)), end)
        }
    }

    private func element(_ found: Found) -> DataElement? {
        let letters = UInt16(bytes[found.place.lowerBound + 4]) << 8 | UInt16(bytes[found.place.lowerBound + 5])
        guard let vr = ValueRepresentation(rawValue: letters), vr != .SQ else {
            return Self.decoded(bytes[found.place]).elements.first
        }
        let header = vr.hasLongLength ? ElementHeader.longest : ElementHeader.shortest
        return DataElement(tag: found.tag, vr: vr, value: .bytes(bytes[found.place.dropFirst(header)]))
    }
}

/// The elements of a data set that are kept where many are held: small ones, all together of a bounded length.
package struct SmallElements: Sendable {
    /// In bytes; longer values are left out.
    private let longestValue: Int
    /// In bytes, of all elements together: nobody shall fill memory with many small ones.
    private let longestWhole: Int
    /// True to leave private elements out.
    private let isStandardOnly: Bool
    /// True to leave binary values out that are longer than ``longestValue`` only.
    private let keepsText: Bool

    package init(longestValue: Int, longestWhole: Int, isStandardOnly: Bool, keepsText: Bool) {
        self.longestValue = longestValue
        self.longestWhole = longestWhole
        self.isStandardOnly = isStandardOnly
        self.keepsText = keepsText
    }

    /// A copy of the small elements, so that the bytes that they were decoded from are not kept alive.
    package func kept(_ dataSet: DataSet) -> DataSet {
        var room = longestWhole
        return kept(dataSet, &room)
    }

    private func kept(_ dataSet: DataSet, _ room: inout Int) -> DataSet {
        var kept = DataSet()
        for element in dataSet.elements where !isStandardOnly || !element.tag.isPrivate {
            // With its header.
            room -= ElementHeader.longest
            guard room >= 0 else { break }
            switch element.value {
            case .bytes(let bytes)
            where bytes.count <= room && (bytes.count <= longestValue || (keepsText && element.vr.isText)):
                room -= bytes.count
                kept.append(DataElement(tag: element.tag, vr: element.vr, value: .bytes(Array(bytes)[...])))
            case .items(let items): kept.append(DataElement(tag: element.tag, vr: .SQ, value: keptItems(items, &room)))
            case .bytes, .fragments: break
            }
        }
        return kept
    }

    private func keptItems(_ items: [DataSet], _ room: inout Int) -> DataElement.Value {
        var found: [DataSet] = []
        for item in items {
            room -= ElementHeader.shortest
            guard room >= 0 else { break }
            found.append(kept(item, &room))
        }
        return .items(found)
    }

    /// The same elements, up to `last`, of the beginning of a data set in Explicit VR Little Endian, most of them copied as they
    /// stand. Nil where it takes a decoder to say what they are: if the bytes end before one beyond `last`, or an element is not
    /// as PS3.5 7 has it.
    ///
    /// - Parameter isWhole: True if the bytes are the whole data set.
    package func encoded(_ bytes: ArraySlice<UInt8>, through last: Tag, isWhole: Bool) -> EncodedElements? {
        guard !keepsText else { return nil }
        return bytes.withUnsafeBytes { encoded(bytes, $0, through: last, isWhole: isWhole) }
    }

    /// - Parameter raw: the same bytes.
    private func encoded(
        _ bytes: ArraySlice<UInt8>, _ raw: UnsafeRawBufferPointer, through last: Tag, isWhole: Bool
    ) -> EncodedElements? {
        let forms = ElementHeader.LengthForms.ofValues
        var output: [UInt8] = []
        output.reserveCapacity(min(raw.count, 4 << 10))
        // What stands side by side is copied at once.
        var (start, end) = (0, 0)
        func copy() { output.append(contentsOf: UnsafeRawBufferPointer(rebasing: raw[start..<end])) }
        func found() -> EncodedElements {
            copy()
            return EncodedElements(copying: output)
        }
        var room = longestWhole
        var previous = Tag(0)
        var offset = 0
        while raw.count - offset >= ElementHeader.shortest {
            let head = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            let tag = Tag(littleEndian: head)
            guard tag <= last else { return found() }
            guard tag > previous else { return nil }
            previous = tag
            let isWanted = !isStandardOnly || !tag.isPrivate
            if isWanted { room -= ElementHeader.longest }
            guard room >= 0 else { return found() }
            guard let plain = ElementHeader.plainElement(raw, at: offset, before: raw.count, forms) else {
                guard let (element, length) = Self.first(bytes.dropFirst(offset)),
                    case .items(let items) = element.value
                else { return nil }
                offset += length
                guard isWanted else { continue }
                copy()
                (start, end) = (offset, offset)
                let kept = DataElement(tag: tag, vr: .SQ, value: keptItems(items, &room))
                DataSetEncoder(.explicitLittleEndian).append([kept][...], to: &output)
                continue
            }
            guard plain.length.isMultiple(of: 2) else { return nil }
            let place = offset..<plain.end
            offset = plain.end
            guard isWanted, plain.length <= room, plain.length <= longestValue else { continue }
            room -= plain.length
            guard !tag.isGroupLength else { continue }
            if end != place.lowerBound {
                copy()
                start = place.lowerBound
            }
            end = place.upperBound
        }
        return isWhole && offset == raw.count ? found() : nil
    }

    private static func first(_ bytes: ArraySlice<UInt8>) -> (element: DataElement, length: Int)? {
        let decoder = DataSetDecoder(.explicitLittleEndian, limits: .beginning)
        do throws(DataSetError) {
            let (element, length) = try decoder.decodeFirst(bytes)
            return element.map { ($0, length) }
        } catch {
            return nil
        }
    }
}
