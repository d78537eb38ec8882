/// The values of one element as a cell of a table: on one line, decoded, harmless, several with a backslash between them.
package enum ElementText {
    /// Appends the element at the end of a path through sequences; of several items the values of each follow each other.
    /// Nothing is appended where the element is missing or empty.
    ///
    /// - Parameter inheritedCharacterSet: for a data set that does not say its own.
    package static func append(
        _ path: ArraySlice<Tag>, of dataSet: DataSet, inheritedCharacterSet: SpecificCharacterSet = .defaultRepertoire,
        to output: inout [UInt8]
    ) {
        guard let tag = path.first, let element = dataSet[tag] else { return }
        switch element.value {
        case .bytes(let bytes):
            guard path.count == 1, !bytes.isEmpty else { return }
            bytes.withUnsafeBytes { append($0, element.knownVR, dataSet, inheritedCharacterSet, to: &output) }
        case .items(let items):
            if path.count == 1 {
                if !items.isEmpty { append(count: items.count, of: items.count == 1 ? "item" : "items", to: &output) }
                return
            }
            let set = SpecificCharacterSet(of: dataSet, inherited: inheritedCharacterSet)
            for (index, item) in items.enumerated() {
                if index > 0 { output.append(0x5C) }
                append(path.dropFirst(), of: item, inheritedCharacterSet: set, to: &output)
            }
        case .fragments(let fragments):
            append(count: fragments.count, of: "fragments", to: &output)
        }
    }

    private static func append(
        _ bytes: UnsafeRawBufferPointer, _ vr: ValueRepresentation, _ dataSet: DataSet,
        _ inherited: SpecificCharacterSet, to output: inout [UInt8]
    ) {
        if vr.isText {
            let value = vr.trimmed(bytes)
            if ASCIIText.isPlain(value) {
                output.append(contentsOf: value)
            } else {
                let set = SpecificCharacterSet(of: dataSet, inherited: inherited)
                let text = set.decodeValues(Array(bytes)[...], vr: vr).joined(separator: "\\")
                output.append(contentsOf: DisplayText.harmless(text).utf8)
            }
        } else if let width = vr.numberWidth {
            for index in 0..<bytes.count / width {
                if index > 0 { output.append(0x5C) }
                appendNumber(bytes, at: index * width, vr, to: &output)
            }
        } else {
            append(count: bytes.count, of: "bytes", to: &output)
        }
    }

    /// The text of a value that has none of its own, in brackets: `[3 items]`.
    private static func append(count: Int, of what: StaticString, to output: inout [UInt8]) {
        output.append(0x5B)
        ASCIIText.append(count, to: &output)
        output.append(0x20)
        ASCIIText.append(what, to: &output)
        output.append(0x5D)
    }

    private static func appendNumber(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) {
        switch vr {
        case .AT:
            let group = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let element = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self))
            output.append(contentsOf: "\(Tag(group: group, element: element))".utf8)
        case .FL:
            let bits = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            ASCIIText.append(Float(bitPattern: bits), to: &output)
        case .FD:
            let bits = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            ASCIIText.append(Double(bitPattern: bits), to: &output)
        default:
            BinaryNumber.append(bytes, at: offset, vr, to: &output)
        }
    }
}
