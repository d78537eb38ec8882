/// One element of a data set (PS3.5 7.1).
package struct DataElement: Sendable, Equatable {
    package let tag: Tag
    package var vr: ValueRepresentation
    package var value: Value

    package enum Value: Sendable, Equatable {
        /// The value field, always little endian whatever the syntax was, with its padding as read.
        case bytes(ArraySlice<UInt8>)
        /// The items of a sequence (PS3.5 7.5).
        case items([DataSet])
        /// The fragments of encapsulated pixel data (PS3.5 A.4); the first is the Basic Offset Table.
        case fragments([ArraySlice<UInt8>])

        /// The length of the value field; 0 of items and fragments.
        package var byteCount: Int {
            if case .bytes(let bytes) = self { bytes.count } else { 0 }
        }

        package var hasItems: Bool {
            if case .items = self { true } else { false }
        }
    }

    package init(tag: Tag, vr: ValueRepresentation, value: Value) {
        self.tag = tag
        self.vr = vr
        self.value = value
    }

    /// True if there is neither a byte nor an item: a universal match in a query (PS3.4 C.2.2.2.3).
    package var isEmpty: Bool {
        switch value {
        case .bytes(let bytes): bytes.isEmpty
        case .items(let items): items.isEmpty
        case .fragments(let fragments): fragments.isEmpty
        }
    }
}

extension DataElement {
    /// The representation by which a value is shown: for UN that of the dictionary, if it knows the element.
    ///
    /// The sender did not know it; its bytes are those of the representation in little endian (PS3.5 6.2.2). A sequence
    /// stays UN, as its bytes were not taken apart.
    var knownVR: ValueRepresentation {
        guard vr == .UN, !tag.isPrivate else { return vr }
        let known = DataDictionary.vr(of: tag)
        return known == .SQ ? .UN : known
    }
}
