/// A data set as lines for people and scripts, one an element, in the form that gdcmdump made familiar:
///
///     (0008,0005) CS [ISO_IR 100]                                       # 10,1-n Specific Character Set
///     (0028,0010) US 512                                                # 2,1 Rows
///     (0008,1199) SQ (Sequence with undefined length)                   # u/l,1 Referenced SOP Sequence
///       (fffe,e000) na (Item with undefined length)
///         (0008,1155) UI [1.2.3]                                        # 6,1 Referenced SOP Instance UID
///       (fffe,e00d)
///     (fffe,e0dd)
///
/// Behind the number sign: the length in bytes, the multiplicity that PS3.6 allows, in brackets how many values there are
/// if that is another number, and the name. Where we differ from gdcmdump: text is decoded by its character set and shown
/// as `DisplayText` makes it, so an element is one line always; numbers have all their digits; the VR is never a question
/// mark. Items are shown with undefined length whatever they had, as the model does not keep that.
package enum DataSetText {
    /// The column of the comment; a longer line has `commentGap` in front of it.
    private static let commentColumn = 66
    private static let commentGap = 9
    /// The bytes of a binary value that are shown, as its line should still be a line.
    private static let shownBytes = 64
    private static let shownFragmentBytes = 32

    /// Appends the lines, each with its line feed. Group lengths are shown as they are elements like others here.
    ///
    /// - Parameters:
    ///   - inheritedCharacterSet: for a data set that does not say its own.
    ///   - original: the data set with the lengths that are shown, if values of this one are hidden.
    package static func appendLines(
        _ dataSet: DataSet, to output: inout [UInt8],
        inheritedCharacterSet: SpecificCharacterSet = .defaultRepertoire, indentation: Int = 0,
        lengthsOf original: DataSet? = nil
    ) {
        var comments = ElementComments()
        appendLines(
            dataSet, to: &output, inheritedCharacterSet: inheritedCharacterSet, indentation: indentation,
            lengthsOf: original, comments: &comments)
    }

    /// The same for one of many data sets, whose elements are mostly those of the one before.
    package static func appendLines(
        _ dataSet: DataSet, to output: inout [UInt8],
        inheritedCharacterSet: SpecificCharacterSet = .defaultRepertoire, indentation: Int = 0,
        lengthsOf original: DataSet? = nil, comments: inout ElementComments
    ) {
        var characterSet = LazyCharacterSet(inheritedCharacterSet)
        for element in dataSet.elements {
            var line = Line(indentation: indentation, at: output.count)
            let vr = element.value.hasItems ? .SQ : element.knownVR
            line.begin(element.tag, vr, to: &output)
            switch element.value {
            case .bytes(let bytes):
                let set = vr.usesSpecificCharacterSet ? characterSet.resolved(dataSet) : .defaultRepertoire
                let count = line.appendValue(bytes, vr, set, to: &output)
                let length = original?.bytes(element.tag)?.count ?? bytes.count
                line.appendComment(element.tag, length: length, values: count, comments: &comments, to: &output)
            case .items(let items):
                line.appendText(
                    items.isEmpty ? "(Sequence with defined length)" : "(Sequence with undefined length)", to: &output)
                line.appendComment(
                    element.tag, length: items.isEmpty ? 0 : nil, values: 1, comments: &comments, to: &output)
                if !items.isEmpty {
                    append(
                        items, characterSet.resolved(dataSet), indentation,
                        lengthsOf: original?.items(element.tag) ?? [], comments: &comments, to: &output)
                }
            case .fragments(let fragments):
                line.appendComment(element.tag, length: nil, values: 1, comments: &comments, to: &output)
                append(fragments, indentation, to: &output)
            }
        }
    }

    private static func append(
        _ items: [DataSet], _ characterSet: SpecificCharacterSet, _ indentation: Int, lengthsOf originals: [DataSet],
        comments: inout ElementComments, to output: inout [UInt8]
    ) {
        for (index, item) in items.enumerated() {
            appendDelimiter(.item, " na (Item with undefined length)", indentation + 2, to: &output)
            appendLines(
                item, to: &output, inheritedCharacterSet: characterSet, indentation: indentation + 4,
                lengthsOf: originals.indices.contains(index) ? originals[index] : nil, comments: &comments)
            appendDelimiter(.itemDelimitationItem, "", indentation + 2, to: &output)
        }
        appendDelimiter(.sequenceDelimitationItem, "", indentation, to: &output)
    }

    private static func append(_ fragments: [ArraySlice<UInt8>], _ indentation: Int, to output: inout [UInt8]) {
        for fragment in fragments {
            var line = Line(indentation: indentation + 2, at: output.count)
            line.begin(.item, to: &output)
            line.appendText("na ", to: &output)
            line.appendBytes(fragment, limit: shownFragmentBytes, to: &output)
            line.appendGap(to: &output)
            ASCIIText.append("# ", to: &output)
            ASCIIText.append(fragment.count, to: &output)
            ASCIIText.append(",1 Item\n", to: &output)
        }
        appendDelimiter(.sequenceDelimitationItem, "", indentation, to: &output)
    }

    private static func appendDelimiter(
        _ tag: Tag, _ text: StaticString, _ indentation: Int, to output: inout [UInt8]
    ) {
        appendSpaces(indentation, to: &output)
        appendTag(tag, to: &output)
        ASCIIText.append(text, to: &output)
        output.append(0x0A)
    }

    private static let spaces: StaticString = "                                                                "

    /// In one copy: nearly every line has some forty of them.
    private static func appendSpaces(_ count: Int, to output: inout [UInt8]) {
        var left = count
        spaces.withUTF8Buffer { all in
            while left > 0 {
                output.append(contentsOf: UnsafeBufferPointer(rebasing: all.prefix(left)))
                left -= all.count
            }
        }
    }

    /// `(gggg,eeee)`, in one copy.
    private static func appendTag(_ tag: Tag, to output: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 11) { text in
            text[0] = 0x28
            text[5] = 0x2C
            text[10] = 0x29
            for digit in 0..<8 {
                let nibble = UInt8(truncatingIfNeeded: tag.rawValue >> UInt32(28 - 4 * digit)) & 0x0F
                text[digit < 4 ? digit + 1 : digit + 2] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
            }
            output.append(contentsOf: UnsafeBufferPointer(text))
        }
    }

    private static func appendDigit(_ nibble: UInt8, to output: inout [UInt8]) {
        let value = nibble & 0x0F
        output.append(value < 10 ? 0x30 + value : 0x57 + value)
    }

    /// One line while it is written.
    private struct Line {
        private let indentation: Int
        private let start: Int
        /// The number of bytes beyond that of characters: columns are counted in characters.
        private var surplus = 0

        init(indentation: Int, at start: Int) {
            self.indentation = indentation
            self.start = start
        }

        mutating func begin(_ tag: Tag, to output: inout [UInt8]) {
            appendSpaces(indentation, to: &output)
            appendTag(tag, to: &output)
            output.append(0x20)
        }

        mutating func begin(_ tag: Tag, _ vr: ValueRepresentation, to output: inout [UInt8]) {
            begin(tag, to: &output)
            output.append(UInt8(truncatingIfNeeded: vr.rawValue >> 8))
            output.append(UInt8(truncatingIfNeeded: vr.rawValue))
            output.append(0x20)
        }

        func appendText(_ text: StaticString, to output: inout [UInt8]) {
            ASCIIText.append(text, to: &output)
        }

        /// Appends a value and returns how many there are in it.
        mutating func appendValue(
            _ bytes: ArraySlice<UInt8>, _ vr: ValueRepresentation, _ set: SpecificCharacterSet,
            to output: inout [UInt8]
        ) -> Int {
            guard !bytes.isEmpty else {
                appendText("(no value)", to: &output)
                return 0
            }
            if vr.isText { return appendString(bytes, vr, set, to: &output) }
            guard let width = vr.numberWidth else {
                appendBytes(bytes, limit: shownBytes, to: &output)
                return 1
            }
            let count = bytes.count / width
            bytes.withUnsafeBytes { buffer in
                for index in 0..<count {
                    if index > 0 { output.append(0x5C) }
                    appendNumber(buffer, at: index * width, vr, to: &output)
                }
            }
            return count
        }

        /// A string as it is, padding included, but for NULs at its end.
        private mutating func appendString(
            _ bytes: ArraySlice<UInt8>, _ vr: ValueRepresentation, _ set: SpecificCharacterSet,
            to output: inout [UInt8]
        ) -> Int {
            var kept = bytes
            while kept.last == 0x00 { kept.removeLast() }
            output.append(0x5B)
            let textStart = output.count
            let isPlain = set.isASCIICompatible && kept.withUnsafeBytes { ASCIIText.isPlain($0) }
            if isPlain {
                output.append(contentsOf: kept)
                output.append(0x5D)
                return 1
            }
            var text: [UInt8] = []
            set.append(decoding: kept, vr: vr, to: &text)
            let characters = text.withUnsafeBytes { DisplayText.append($0, to: &output) }
            surplus += output.count - textStart - characters
            output.append(0x5D)
            return vr.allowsBackslashInValue ? 1 : 1 + text.count { $0 == 0x5C }
        }

        private func appendNumber(
            _ bytes: UnsafeRawBufferPointer, at offset: Int, _ vr: ValueRepresentation, to output: inout [UInt8]
        ) {
            switch vr {
            case .AT:
                let group = bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
                let element = bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
                appendTag(
                    Tag(group: UInt16(littleEndian: group), element: UInt16(littleEndian: element)), to: &output)
            case .FL, .FD:
                appendFloatingPoint(bytes, at: offset, vr, to: &output)
            default:
                BinaryNumber.append(bytes, at: offset, vr, to: &output)
            }
        }

        private func appendFloatingPoint(
            _ bytes: UnsafeRawBufferPointer, at offset: Int, _ vr: ValueRepresentation, to output: inout [UInt8]
        ) {
            if vr == .FL {
                let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                ASCIIText.append(Float(bitPattern: UInt32(littleEndian: bits)), to: &output)
            } else {
                let bits = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                ASCIIText.append(Double(bitPattern: UInt64(littleEndian: bits)), to: &output)
            }
        }

        /// The first bytes in hexadecimal, with backslashes between them.
        func appendBytes(_ bytes: ArraySlice<UInt8>, limit: Int, to output: inout [UInt8]) {
            if bytes.isEmpty { appendText("(no value)", to: &output) }
            for (index, byte) in bytes.prefix(limit).enumerated() {
                if index > 0 { output.append(0x5C) }
                appendDigit(byte >> 4, to: &output)
                appendDigit(byte, to: &output)
            }
        }

        func appendGap(to output: inout [UInt8]) {
            let width = output.count - start - surplus
            appendSpaces(max(commentGap, commentColumn - width), to: &output)
        }

        /// Appends length, multiplicity and name, and ends the line; an undefined length is nil.
        func appendComment(
            _ tag: Tag, length: Int?, values: Int, comments: inout ElementComments, to output: inout [UInt8]
        ) {
            appendGap(to: &output)
            ASCIIText.append("# ", to: &output)
            if let length {
                ASCIIText.append(length, to: &output)
            } else {
                ASCIIText.append("u/l", to: &output)
            }
            comments.append(tag, values: values, to: &output)
        }
    }
}

/// The dictionary's entries of elements, behind the number sign of their lines, kept from one data set to the next: the
/// answers of a query have the same elements thousands of times, and a look-up with its strings takes longer than a line.
package struct ElementComments {
    /// As many tags as an answer has, several times over; of two that fall on one place the later one stays.
    private static let slotCount = 1 << slotBits
    private static let slotBits = 9

    private struct Slot {
        var tag: Tag?
        /// `,1 Patient's Name` and the line feed, as it stands where the number of values is allowed.
        var ordinary: [UInt8] = []
        /// The multiplicity; nil for an element that the dictionary lacks.
        var vm: String?
        var isSingle = false
    }

    private var slots = [Slot](repeating: Slot(), count: slotCount)

    package init() {}

    /// Appends multiplicity and name, and ends the line. The number of values is shown, in parentheses, where it is not one
    /// that the multiplicity allows.
    mutating func append(_ tag: Tag, values: Int, to output: inout [UInt8]) {
        let place = Self.place(tag)
        if slots[place].tag != tag { slots[place] = Self.slot(tag) }
        if values == 0 || (values == 1 && slots[place].isSingle) || allows(values, slots[place].vm) {
            output.append(contentsOf: slots[place].ordinary)
        } else {
            appendUnusual(tag, values, to: &output)
        }
    }

    /// The factor gives each of the attributes that queries usually return a place of its own.
    static func place(_ tag: Tag) -> Int {
        Int(truncatingIfNeeded: (tag.rawValue &* 0xC2B2_AE35) >> UInt32(32 - slotBits))
    }

    private func allows(_ values: Int, _ vm: String?) -> Bool {
        vm.map { ValueMultiplicity.allows(values, by: $0) } ?? false
    }

    private static func slot(_ tag: Tag) -> Slot {
        let entry = DataDictionary.entry(for: tag)
        return Slot(
            tag: tag, ordinary: Array(",\(entry?.vm ?? "?") \(name(tag, entry))\n".utf8), vm: entry?.vm,
            isSingle: entry.map { ValueMultiplicity.allows(1, by: $0.vm) } ?? false)
    }

    private func appendUnusual(_ tag: Tag, _ values: Int, to output: inout [UInt8]) {
        let entry = DataDictionary.entry(for: tag)
        output.append(contentsOf: ",\(entry?.vm ?? "?") (\(values))  \(Self.name(tag, entry))\n".utf8)
    }

    private static func name(_ tag: Tag, _ entry: DataDictionary.Entry?) -> String {
        entry?.name ?? (tag.isPrivate ? "Private Element" : "Unknown Element")
    }
}
