/// The DICOM JSON Model (PS3.18 annex F): one object for a data set, its members in the order of the tags.
///
///     {"00100020":{"vr":"LO","Value":["4711"]},"00080005":...}
///
/// Always UTF-8. What the standard leaves open: IS and DS are numbers where the text is one, else strings; NaN and the
/// infinities are the strings "NaN", "Infinity" and "-Infinity"; encapsulated pixel data are InlineBinary with their items.
package enum DICOMJSON {
    /// Appends one object without a line feed.
    ///
    /// Values go from their bytes to the output without a string in between where they are plain, which nearly all are.
    ///
    /// - Parameter inheritedCharacterSet: for a data set that does not say its own.
    package static func append(
        _ dataSet: DataSet, to output: inout [UInt8],
        inheritedCharacterSet: SpecificCharacterSet = .defaultRepertoire
    ) {
        appendObject(dataSet, inheritedCharacterSet, isOutermost: true, to: &output)
    }

    private static func appendObject(
        _ dataSet: DataSet, _ inherited: SpecificCharacterSet, isOutermost: Bool, to output: inout [UInt8]
    ) {
        var characterSet = LazyCharacterSet(inherited)
        var isFirst = true
        // Text that is transcoded by an assumed set has to be announced (PS3.18 F.2.1.1).
        var announcesUTF8 = isOutermost && !inherited.definedTerms.isEmpty
        output.append(0x7B)
        for element in dataSet.elements {
            if element.tag.isGroupLength { continue }
            if announcesUTF8, element.tag >= .specificCharacterSet {
                announcesUTF8 = false
                if element.tag > .specificCharacterSet { appendCharacterSet(isFirst: &isFirst, to: &output) }
            }
            switch element.value {
            case .items(let items):
                appendHead(element.tag, .SQ, items.isEmpty ? .none : .values, isFirst: &isFirst, to: &output)
                if !items.isEmpty {
                    let set = characterSet.resolved(dataSet)
                    for (index, item) in items.enumerated() {
                        if index > 0 { output.append(0x2C) }
                        appendObject(item, set, isOutermost: false, to: &output)
                    }
                    output.append(0x5D)
                }
                output.append(0x7D)
            case .fragments(let fragments):
                appendHead(element.tag, element.vr, .binary, isFirst: &isFirst, to: &output)
                appendFragments(fragments, to: &output)
                ASCIIText.append("\"}", to: &output)
            case .bytes(let bytes):
                if element.tag == .specificCharacterSet, !isDefaultRepertoire(bytes) {
                    appendCharacterSet(isFirst: &isFirst, to: &output)
                } else {
                    bytes.withUnsafeBytes { buffer in
                        append(
                            element.tag, element.knownVR, buffer, dataSet, &characterSet, isFirst: &isFirst, to: &output
                        )
                    }
                }
            }
        }
        if announcesUTF8 { appendCharacterSet(isFirst: &isFirst, to: &output) }
        output.append(0x7D)
    }

    private static func append(
        _ tag: Tag, _ vr: ValueRepresentation, _ bytes: UnsafeRawBufferPointer, _ dataSet: DataSet,
        _ characterSet: inout LazyCharacterSet, isFirst: inout Bool, to output: inout [UInt8]
    ) {
        if vr.isText {
            let value = vr.trimmed(bytes)
            guard !value.isEmpty else {
                appendHead(tag, vr, .none, isFirst: &isFirst, to: &output)
                output.append(0x7D)
                return
            }
            let isPlain = ASCIIText.isPlain(value)
            if isPlain, appendPlain(tag, vr, value, isFirst: &isFirst, to: &output) { return }
            appendHead(tag, vr, .values, isFirst: &isFirst, to: &output)
            if isPlain {
                appendValue(value, vr, to: &output)
            } else {
                appendValues(value, vr, dataSet, &characterSet, to: &output)
            }
            ASCIIText.append("]}", to: &output)
        } else if let width = vr.numberWidth {
            let count = bytes.count / width
            appendHead(tag, vr, count == 0 ? .none : .values, isFirst: &isFirst, to: &output)
            for index in 0..<count {
                if index > 0 { output.append(0x2C) }
                BinaryNumber.append(bytes, at: index * width, vr, to: &output)
            }
            if count > 0 { output.append(0x5D) }
            output.append(0x7D)
        } else {
            // A sequence whose bytes were never taken apart is unknown to whoever reads this.
            appendHead(
                tag, vr == .SQ ? .UN : vr, bytes.isEmpty ? .none : .binary, isFirst: &isFirst, to: &output)
            if !bytes.isEmpty {
                Base64.append(bytes, to: &output)
                output.append(0x22)
            }
            output.append(0x7D)
        }
    }

    /// Text that is not plain: several values, or characters to be transcoded or escaped.
    private static func appendValues(
        _ bytes: UnsafeRawBufferPointer, _ vr: ValueRepresentation, _ dataSet: DataSet,
        _ characterSet: inout LazyCharacterSet, to output: inout [UInt8]
    ) {
        let set = vr.usesSpecificCharacterSet ? characterSet.resolved(dataSet) : .defaultRepertoire
        if set.isValidUTF8(bytes) {
            appendDecoded(bytes, vr, to: &output)
        } else {
            var text: [UInt8] = []
            text.reserveCapacity(bytes.count * 2)
            set.append(decoding: bytes, vr: vr, to: &text)
            text.withUnsafeBytes { appendDecoded($0, vr, to: &output) }
        }
    }

    /// Values in UTF-8, with backslashes between them unless the representation has one value only; null for an empty one
    /// (PS3.18 F.2.5).
    private static func appendDecoded(
        _ text: UnsafeRawBufferPointer, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) {
        var start = 0
        let hasOneValue = vr.allowsBackslashInValue
        while true {
            var end = hasOneValue ? text.count : start
            while end < text.count, text[end] != 0x5C { end &+= 1 }
            let value = vr.trimmed(UnsafeRawBufferPointer(rebasing: text[start..<end]))
            appendValue(value, vr, to: &output)
            if end == text.count { return }
            output.append(0x2C)
            start = end + 1
        }
    }

    private static func appendValue(
        _ value: UnsafeRawBufferPointer, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) {
        switch vr {
        case _ where value.isEmpty:
            ASCIIText.append("null", to: &output)
        case .PN:
            appendPersonName(value, to: &output)
        case .DS, .IS:
            if let number = NumberText(value), vr == .DS || number.isInteger {
                number.append(to: &output)
            } else {
                JSONText.appendString(value, to: &output)
            }
        default:
            JSONText.appendString(value, to: &output)
        }
    }

    private static let componentGroups: [StaticString] = ["\"Alphabetic\":", "\"Ideographic\":", "\"Phonetic\":"]

    /// The component groups that are not empty (PS3.18 F.2.2); what follows a third equals sign stays in the last one.
    private static func appendPersonName(_ name: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        let opening = output.count
        var start = 0
        for (index, key) in componentGroups.enumerated() where start <= name.count {
            var end = start
            while end < name.count, index == 2 || name[end] != 0x3D { end += 1 }
            if end > start {
                output.append(output.count == opening ? 0x7B : 0x2C)
                ASCIIText.append(key, to: &output)
                JSONText.appendString(UnsafeRawBufferPointer(rebasing: name[start..<end]), to: &output)
            }
            start = end + 1
        }
        if output.count == opening {
            ASCIIText.append("null", to: &output)
        } else {
            output.append(0x7D)
        }
    }

    /// The item stream of PS3.5 A.4 without its delimiter, as PS3.18 has no form of its own for it.
    private static func appendFragments(_ fragments: [ArraySlice<UInt8>], to output: inout [UInt8]) {
        var stream: [UInt8] = []
        for fragment in fragments {
            let length = UInt32(truncatingIfNeeded: fragment.count)
            stream.append(contentsOf: [0xFE, 0xFF, 0x00, 0xE0])
            stream.append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
            stream.append(contentsOf: fragment)
        }
        stream.withUnsafeBytes { Base64.append($0, to: &output) }
    }

    private static func isDefaultRepertoire(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard !bytes.isEmpty else { return true }
        let value = ValueRepresentation.CS.trimmed(bytes)
        return value.count == 8 && value.elementsEqual("ISO_IR 6".utf8)
    }

    private static func appendCharacterSet(isFirst: inout Bool, to output: inout [UInt8]) {
        appendHead(.specificCharacterSet, .CS, .values, isFirst: &isFirst, to: &output)
        ASCIIText.append("\"ISO_IR 192\"]}", to: &output)
    }
}

extension DICOMJSON {
    /// The member that follows the representation in an attribute object.
    enum ValueForm {
        case none
        case values
        case binary
    }

    /// Appends `"ggggeeee":{"vr":"XX"` and the start of what follows, after a comma unless it is the first.
    static func appendHead(
        _ tag: Tag, _ vr: ValueRepresentation, _ form: ValueForm, isFirst: inout Bool, to output: inout [UInt8]
    ) {
        // One copy of 22 or 32 bytes instead of a dozen small ones: this is the larger part of most answers.
        withUnsafeTemporaryAllocation(byteCount: headLength, alignment: 8) { head in
            storeHead(tag, vr, in: head)
            let start = isFirst ? 1 : 0
            let end = form == .values ? headLength : emptyHeadLength
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: head[start..<end]))
        }
        isFirst = false
        if form == .binary {
            ASCIIText.append(",\"InlineBinary\":\"", to: &output)
        }
    }

    /// Appends a whole attribute with one value of plain text in one copy; returns false for one that is written otherwise: a name,
    /// most numbers, and what is long.
    fileprivate static func appendPlain(
        _ tag: Tag, _ vr: ValueRepresentation, _ value: UnsafeRawBufferPointer, isFirst: inout Bool,
        to output: inout [UInt8]
    ) -> Bool {
        guard value.count <= longestPlain else { return false }
        var isNumber = false
        switch vr {
        case .PN: return false
        case .DS, .IS:
            guard isNatural(value) else { return false }
            isNumber = true
        default: break
        }
        withUnsafeTemporaryAllocation(byteCount: headLength + longestPlain + 4, alignment: 8) { text in
            storeHead(tag, vr, in: text)
            var end = headLength
            if !isNumber {
                text[end] = 0x22
                end &+= 1
            }
            UnsafeMutableRawBufferPointer(rebasing: text[end...]).copyMemory(from: value)
            end &+= value.count
            if !isNumber {
                text[end] = 0x22
                end &+= 1
            }
            text[end] = 0x5D
            text[end &+ 1] = 0x7D
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[(isFirst ? 1 : 0)..<(end &+ 2)]))
        }
        isFirst = false
        return true
    }

    /// In bytes: few values are longer, and the memory is that of the stack.
    private static let longestPlain = 220

    /// True for a number that is one of JSON as it stands: digits alone, the first of several not zero.
    private static func isNatural(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count <= 12, text.count == 1 || text[0] != 0x30 else { return false }
        for byte in text where byte < 0x30 || byte > 0x39 { return false }
        return true
    }

    /// With `,"Value":[`, and without it.
    private static let headLength = 32
    private static let emptyHeadLength = 22

    /// Stores `,"ggggeeee":{"vr":"XX","Value":[`.
    @inline(__always)
    private static func storeHead(_ tag: Tag, _ vr: ValueRepresentation, in head: UnsafeMutableRawBufferPointer) {
        head.storeBytes(of: DICOMJSON.opening, toByteOffset: 0, as: UInt16.self)
        head.storeBytes(of: Hexadecimal.eightDigits(tag.rawValue).bigEndian, toByteOffset: 2, as: UInt64.self)
        head.storeBytes(of: DICOMJSON.key, toByteOffset: 10, as: UInt64.self)
        head[18] = 0x22
        head[19] = UInt8(truncatingIfNeeded: vr.rawValue >> 8)
        head[20] = UInt8(truncatingIfNeeded: vr.rawValue)
        head[21] = 0x22
        head.storeBytes(of: DICOMJSON.values, toByteOffset: 22, as: UInt64.self)
        head[30] = 0x3A
        head[31] = 0x5B
    }

    /// `,"`
    private static let opening = UInt16(littleEndian: 0x222C)
    /// `":{"vr":`
    private static let key = UInt64(littleEndian: 0x3A22_7276_227B_3A22)
    /// `,"Value"`
    private static let values = UInt64(littleEndian: 0x2265_756C_6156_222C)
}

extension DICOMJSON {
    /// Replaces every character beyond ASCII by its escape: the same JSON for whoever reads it, and fit for a terminal of any
    /// encoding.
    package static func escapeNonASCII(in output: inout [UInt8], from start: Int) {
        guard output[start...].contains(where: { $0 >= 0x80 }) else { return }
        let text = String(decoding: output[start...], as: UTF8.self)
        output.removeSubrange(start...)
        for unit in text.utf16 {
            if unit < 0x80 {
                output.append(UInt8(truncatingIfNeeded: unit))
            } else {
                JSONText.appendUnit(unit, to: &output)
            }
        }
    }
}
