/// Reads data sets of the DICOM JSON Model (PS3.18 F) as they stand in the text, without values in between.
struct DICOMJSONReader {
    /// An attribute that was read.
    private struct Attribute {
        let tag: Tag
        let vr: ValueRepresentation
        let value: Value
    }

    private enum Value {
        /// These of `bytes`.
        case bytes(Range<Int>)
        case whole(DataElement.Value)
        /// Elsewhere, and such are left out.
        case leftOut
    }

    /// The value of an attribute, which may stand before its representation.
    private enum Content {
        case none
        case read(Value)
        /// Not yet read: the place before it, and the line of its key.
        case waiting(JSONParser.Place, line: Int)
        case inline(JSONValue, line: Int)
        case elsewhere(line: Int)
    }

    private var parser: JSONParser
    /// The attributes of the data set that is read, behind those of the data sets that it is in; and the bytes of their values.
    /// Memory of its own for each value would cost more than to read it.
    private var attributes: [Attribute] = []
    private var bytes: [UInt8] = []
    /// True if some text of the data set is not in the default repertoire.
    private var hasOtherText = false
    /// True if attributes whose bulk data are elsewhere are left out.
    private let leavesOutBulkData: Bool
    /// The attributes of the outermost data sets that are read; nil: all.
    private let wanted: [Tag]?

    init(_ parser: JSONParser, leavesOutBulkData: Bool, only wanted: [Tag]?) {
        self.parser = parser
        self.leavesOutBulkData = leavesOutBulkData
        self.wanted = wanted
        attributes.reserveCapacity(32)
        bytes.reserveCapacity(512)
    }

    /// All data sets: of one object, of an array of objects, or of several of these.
    mutating func dataSets() throws(DICOMJSONError) -> [DataSet] {
        var dataSets: [DataSet] = []
        while parser.findsValue() {
            let line = parser.line
            let kind = try begin()
            guard kind == .array else {
                dataSets.append(try outermostDataSet(kind, line))
                continue
            }
            var isFirst = true
            while try nextElement(&isFirst) {
                let line = parser.line
                dataSets.append(try outermostDataSet(try begin(), line))
            }
        }
        return dataSets
    }

    private mutating func outermostDataSet(_ kind: JSONValue.Kind, _ line: Int) throws(DICOMJSONError) -> DataSet {
        hasOtherText = false
        let beginning = parser.place
        var result = try dataSet(kind, line, in: nil)
        parser.forgetTexts(behind: beginning)
        if hasOtherText, result[.specificCharacterSet] == nil {
            result.set(.specificCharacterSet, .CS, "ISO_IR 192")
        }
        return result
    }

    /// Reads a data set of which the kind was begun.
    private mutating func dataSet(
        _ kind: JSONValue.Kind, _ line: Int, in tag: Tag?
    ) throws(DICOMJSONError) -> DataSet {
        guard kind == .object else {
            throw DICOMJSONError(
                .notADataSet, line: line, tag: tag, "\(kind) where the object of a data set is expected")
        }
        let beginning = parser.place
        let (first, firstByte) = (attributes.count, bytes.count)
        let wanted = tag == nil ? self.wanted : nil
        // The tags so far, once they are out of order.
        var seen: Set<Tag> = []
        var isFirst = true
        while let key = try nextKey(&isFirst) {
            guard let tag = parser.withBytes(of: key, Self.tag) else {
                throw DICOMJSONError(
                    .invalidTag, line: key.line,
                    "\"\(DisplayText.harmless(parser.string(key)))\" is not a tag of eight hexadecimal digits")
            }
            guard !tag.isGroupLength else {
                _ = try wholeValue()
                continue
            }
            if let wanted, !wanted.contains(tag) {
                try passValue()
                continue
            }
            if seen.isEmpty, attributes.count > first, attributes[attributes.count - 1].tag >= tag {
                seen = Set(attributes[first...].map(\.tag))
            }
            guard seen.isEmpty || seen.insert(tag).inserted else {
                // The same key, or another spelling of it.
                guard try !hasTwo(key, from: beginning) else { throw duplicate(key) }
                throw DICOMJSONError(.invalidTag, line: key.line, tag: tag, "the element is there twice")
            }
            attributes.append(try attribute(tag))
        }
        return takeDataSet(from: first, firstByte)
    }

    /// The data set of the last attributes, which end.
    private mutating func takeDataSet(from first: Int, _ firstByte: Int) -> DataSet {
        // Not made of the slice, which would keep the block of all that was read, and more, where it is the whole of it.
        var values: [UInt8] = []
        values.reserveCapacity(bytes.count - firstByte)
        values += bytes[firstByte...]
        var elements = ElementCollector(expectedCount: attributes.count - first)
        for index in first..<attributes.count {
            let (tag, vr) = (attributes[index].tag, attributes[index].vr)
            switch attributes[index].value {
            case .bytes(let range):
                let value = values[range.lowerBound - firstByte..<range.upperBound - firstByte]
                elements.append(DataElement(tag: tag, vr: vr, value: .bytes(value)))
            case .whole(let value): elements.append(DataElement(tag: tag, vr: vr, value: value))
            case .leftOut: break
            }
        }
        forget(from: first, firstByte)
        return elements.dataSet()
    }

    private mutating func forget(from first: Int, _ firstByte: Int) {
        attributes.removeLast(attributes.count - first)
        bytes.removeLast(bytes.count - firstByte)
    }

    /// Left out if its bulk data are elsewhere, and such are, whatever else is wrong with it.
    private mutating func attribute(_ tag: Tag) throws(DICOMJSONError) -> Attribute {
        let line = parser.line
        let firstByte = bytes.count
        let kind = try begin()
        guard kind == .object else {
            throw DICOMJSONError(
                .invalidAttribute, line: line, tag: tag, "\(kind) where an object with \"vr\" is expected")
        }
        var vr: ValueRepresentation?
        var hasVR = false
        var content = Content.none
        // Which of Value, InlineBinary and BulkDataURI were there.
        var seen = 0
        let hadOtherText = hasOtherText
        var flaw: DICOMJSONError?
        var isElsewhere = false
        var isFirst = true
        while let key = try nextKey(&isFirst) {
            if parser.is(key, "vr") {
                guard !hasVR else { throw duplicate(key) }
                hasVR = true
                let kind = try begin()
                if kind == .string {
                    let letters = try text()
                    vr = parser.withBytes(of: letters, Self.representation)
                } else {
                    _ = try wholeContent(kind)
                }
                if vr == nil {
                    flaw =
                        flaw
                        ?? DICOMJSONError(
                            .invalidVR, line: key.line, tag: tag, "\"vr\" is not a value representation of DICOM")
                }
                continue
            }
            let isValue = parser.is(key, "Value")
            let isInline = !isValue && parser.is(key, "InlineBinary")
            guard isValue || isInline || parser.is(key, "BulkDataURI") else {
                flaw =
                    flaw
                    ?? DICOMJSONError(
                        .invalidAttribute, line: key.line, tag: tag,
                        "\"\(DisplayText.harmless(parser.string(key)))\" is not a member of an attribute")
                _ = try wholeValue()
                continue
            }
            let bit = isValue ? 1 : isInline ? 2 : 4
            guard seen & bit == 0 else { throw duplicate(key) }
            if seen != 0 {
                flaw =
                    flaw
                    ?? DICOMJSONError(
                        .invalidAttribute, line: key.line, tag: tag,
                        "only one of Value, InlineBinary and BulkDataURI is allowed")
            }
            seen |= bit
            if isInline {
                content = .inline(try wholeValue(), line: key.line)
            } else if !isValue {
                isElsewhere = true
                content = .elsewhere(line: key.line)
                _ = try wholeValue()
            } else if let vr, flaw == nil {
                let (before, first, firstByte) = (parser.place, attributes.count, bytes.count)
                do throws(DICOMJSONError) {
                    content = .read(try value(tag, vr, line: key.line))
                } catch {
                    // It may yet turn out to be one that is left out.
                    guard leavesOutBulkData else { throw error }
                    flaw = error
                    forget(from: first, firstByte)
                    parser.move(to: before)
                    try passValue()
                }
            } else {
                content = .waiting(parser.place, line: key.line)
                try passValue()
            }
        }
        if leavesOutBulkData, isElsewhere {
            hasOtherText = hadOtherText
            bytes.removeLast(bytes.count - firstByte)
            return Attribute(tag: tag, vr: .UN, value: .leftOut)
        }
        if let flaw { throw flaw }
        let representation = vr ?? DataDictionary.vr(of: tag)
        guard vr != nil || representation != .UN else {
            throw DICOMJSONError(.invalidVR, line: line, tag: tag, "\"vr\" is missing")
        }
        return Attribute(tag: tag, vr: representation, value: try value(tag, representation, content))
    }

    private mutating func value(
        _ tag: Tag, _ vr: ValueRepresentation, _ content: Content
    ) throws(DICOMJSONError) -> Value {
        switch content {
        case .none: return .whole(vr == .SQ ? .items([]) : .bytes([]))
        case .read(let value): return value
        case .waiting(let before, let line):
            let behind = parser.place
            parser.move(to: before)
            let value = try value(tag, vr, line: line)
            parser.move(to: behind)
            return value
        case .elsewhere(let line):
            throw DICOMJSONError(.bulkData, line: line, tag: tag, "bulk data are not fetched from elsewhere")
        case .inline(let value, let line):
            // PS3.18 shows the string in an array once, and some write it so.
            let text = value.string ?? value.array.flatMap { $0.count == 1 ? $0[0].string : nil }
            guard vr != .SQ, !vr.isText, var binary = text.flatMap({ Base64.decode($0.utf8) }) else {
                throw DICOMJSONError(
                    .invalidValue, line: line, tag: tag, "InlineBinary is not base 64 of a binary value")
            }
            if !binary.count.isMultiple(of: 2) { binary.append(vr.paddingByte) }
            return .whole(.bytes(binary[...]))
        }
    }

    /// Reads a Value.
    ///
    /// - Parameter line: that of its key.
    private mutating func value(
        _ tag: Tag, _ vr: ValueRepresentation, line: Int
    ) throws(DICOMJSONError) -> Value {
        guard try begin() == .array else {
            throw DICOMJSONError(.invalidValue, line: line, tag: tag, "\"Value\" is not an array")
        }
        if vr == .SQ {
            var items: [DataSet] = []
            var isFirst = true
            while try nextElement(&isFirst) {
                let line = parser.line
                let kind = try begin()
                if kind == .null {
                    try pass(kind)
                    items.append(DataSet())
                } else {
                    items.append(try dataSet(kind, line, in: tag))
                }
            }
            return .whole(.items(items))
        }
        if tag == .specificCharacterSet {
            _ = try wholeContent(.array)
            let start = bytes.count
            ASCIIText.append("ISO_IR 192", to: &bytes)
            return .bytes(start..<bytes.count)
        }
        return .bytes(try appendValues(tag, vr))
    }

    /// Appends the value field of everything but sequences, padded to even length, from an array that was begun; returns its place.
    private mutating func appendValues(_ tag: Tag, _ vr: ValueRepresentation) throws(DICOMJSONError) -> Range<Int> {
        let start = bytes.count
        var count = 0
        // A binary number cannot be empty, but some write an element without value so.
        var nullLine: Int?
        var isFirst = true
        while try nextElement(&isFirst) {
            let line = parser.line
            let kind = try begin()
            if vr.isText {
                if count > 0 {
                    guard !vr.allowsBackslashInValue else {
                        throw DICOMJSONError(.invalidValue, line: line, tag: tag, "\(vr) has one value only")
                    }
                    bytes.append(0x5C)
                }
                try appendText(kind, line, tag, vr)
            } else if vr.numberWidth != nil {
                if kind == .null, bytes.count == start {
                    try pass(kind)
                    nullLine = nullLine ?? line
                } else {
                    guard nullLine == nil else { throw invalid(.null, nullLine ?? line, tag, vr) }
                    try appendNumber(kind, line, tag, vr)
                }
            } else {
                throw DICOMJSONError(
                    .invalidValue, line: line, tag: tag, "\(vr) is written as InlineBinary, not as Value")
            }
            count += 1
        }
        if !(bytes.count - start).isMultiple(of: 2) { bytes.append(vr.paddingByte) }
        return start..<bytes.count
    }

    private func invalid(
        _ kind: JSONValue.Kind, _ line: Int, _ tag: Tag, _ vr: ValueRepresentation
    ) -> DICOMJSONError {
        DICOMJSONError(.invalidValue, line: line, tag: tag, "\(kind) that is not a value of \(vr)")
    }

    /// Appends one value of a binary representation.
    private mutating func appendNumber(
        _ kind: JSONValue.Kind, _ line: Int, _ tag: Tag, _ vr: ValueRepresentation
    ) throws(DICOMJSONError) {
        // Large SV and UV, NaN and infinities come as strings (PS3.18 F.2.3); so do tags.
        let text: String
        switch kind {
        case .number: text = try number()
        case .string:
            let string = try self.text()
            text = parser.string(string)
        default: throw invalid(kind, line, tag, vr)
        }
        guard DICOMJSON.appendBinaryNumber(text, vr, to: &bytes) else { throw invalid(kind, line, tag, vr) }
    }

    private mutating func appendText(
        _ kind: JSONValue.Kind, _ line: Int, _ tag: Tag, _ vr: ValueRepresentation
    ) throws(DICOMJSONError) {
        switch kind {
        case .null: try pass(kind)
        case .string: try append(try text(), line, tag, vr)
        case .number where vr == .IS || vr == .DS:
            let number = try number()
            guard let decimal = vr == .IS ? DecimalString.integer(number) : DecimalString.fitting(number) else {
                throw invalid(kind, line, tag, vr)
            }
            bytes.append(contentsOf: decimal.utf8)
        case .object where vr == .PN: try appendPersonName(line, tag)
        default: throw invalid(kind, line, tag, vr)
        }
    }

    private mutating func append(
        _ text: JSONParser.Text, _ line: Int, _ tag: Tag, _ vr: ValueRepresentation
    ) throws(DICOMJSONError) {
        guard text.isASCII || vr.usesSpecificCharacterSet else {
            throw DICOMJSONError(
                .invalidValue, line: line, tag: tag, "\(vr) has characters of the default repertoire only")
        }
        guard vr.allowsBackslashInValue || !text.hadEscapes || !parser.withBytes(of: text, { $0.contains(0x5C) })
        else {
            throw DICOMJSONError(
                .invalidValue, line: line, tag: tag, "a backslash would separate two values of \(vr)")
        }
        hasOtherText = hasOtherText || !text.isASCII
        parser.append(text, to: &bytes)
    }

    private static let componentGroups: [StaticString] = ["Alphabetic", "Ideographic", "Phonetic"]

    /// Appends the component groups of a person name, whose object was begun.
    private mutating func appendPersonName(_ line: Int, _ tag: Tag) throws(DICOMJSONError) {
        var groups: (JSONParser.Text?, JSONParser.Text?, JSONParser.Text?)
        var seen = 0
        var isFirst = true
        while let key = try nextKey(&isFirst) {
            let place = Self.componentGroups.firstIndex { parser.is(key, $0) }
            if let place, seen >> place & 1 == 1 { throw duplicate(key) }
            let kind = try begin()
            guard let place, kind == .string || kind == .null else {
                throw DICOMJSONError(
                    .invalidValue, line: key.line, tag: tag,
                    "a person name has the strings Alphabetic, Ideographic and Phonetic")
            }
            seen |= 1 << place
            guard kind == .string else {
                try pass(kind)
                continue
            }
            let text = try text()
            switch place {
            case 0: groups.0 = text
            case 1: groups.1 = text
            default: groups.2 = text
            }
        }
        let hasThird = groups.2.map { !$0.isEmpty } ?? false
        let hasSecond = hasThird || groups.1.map { !$0.isEmpty } ?? false
        if let first = groups.0 { try append(first, line, tag, .PN) }
        guard hasSecond else { return }
        bytes.append(0x3D)
        if let second = groups.1 { try append(second, line, tag, .PN) }
        guard hasThird, let third = groups.2 else { return }
        bytes.append(0x3D)
        try append(third, line, tag, .PN)
    }

    private static func tag(_ digits: UnsafeBufferPointer<UInt8>) -> Tag? {
        guard digits.count == 8 else { return nil }
        var number: UInt32 = 0
        for byte in digits {
            guard let digit = Hexadecimal.value(ofDigit: byte) else { return nil }
            number = number << 4 | UInt32(digit)
        }
        return Tag(number)
    }

    private static func representation(_ letters: UnsafeBufferPointer<UInt8>) -> ValueRepresentation? {
        guard letters.count == 2 else { return nil }
        return ValueRepresentation(rawValue: UInt16(letters[0]) << 8 | UInt16(letters[1]))
    }

    private func duplicate(_ key: JSONParser.Text) -> DICOMJSONError { DICOMJSONError(parser.duplicate(key)) }

    /// True if the object that begins at a place has the key twice, spelled as this.
    private func hasTwo(_ key: JSONParser.Text, from beginning: JSONParser.Place) throws(DICOMJSONError) -> Bool {
        do throws(JSONError) {
            let spelling = parser.string(key)
            var (parser, count, isFirst) = (parser.restarted(at: beginning), 0, true)
            while count < 2, let other = try parser.nextKey(&isFirst) {
                if parser.string(other) == spelling { count += 1 }
                try parser.pass(try parser.begin())
            }
            return count == 2
        } catch {
            throw DICOMJSONError(error)
        }
    }
}

extension DICOMJSONReader {
    // MARK: What the parser does, with errors of ours

    @inline(__always)
    private mutating func parse<Value>(
        _ read: (inout JSONParser) throws(JSONError) -> Value
    ) throws(DICOMJSONError) -> Value {
        do throws(JSONError) { return try read(&parser) } catch { throw DICOMJSONError(error) }
    }

    private mutating func begin() throws(DICOMJSONError) -> JSONValue.Kind {
        try parse { (parser) throws(JSONError) in try parser.begin() }
    }

    private mutating func nextKey(_ isFirst: inout Bool) throws(DICOMJSONError) -> JSONParser.Text? {
        try parse { (parser) throws(JSONError) in try parser.nextKey(&isFirst) }
    }

    private mutating func nextElement(_ isFirst: inout Bool) throws(DICOMJSONError) -> Bool {
        try parse { (parser) throws(JSONError) in try parser.nextElement(&isFirst) }
    }

    private mutating func text() throws(DICOMJSONError) -> JSONParser.Text {
        try parse { (parser) throws(JSONError) in try parser.parseText() }
    }

    private mutating func number() throws(DICOMJSONError) -> String {
        try parse { (parser) throws(JSONError) in String(decoding: try parser.parseNumber(), as: UTF8.self) }
    }

    private mutating func wholeValue() throws(DICOMJSONError) -> JSONValue {
        try parse { (parser) throws(JSONError) in try parser.parseValue() }
    }

    private mutating func wholeContent(_ kind: JSONValue.Kind) throws(DICOMJSONError) -> JSONValue.Content {
        try parse { (parser) throws(JSONError) in try parser.parseContent(of: kind) }
    }

    private mutating func pass(_ kind: JSONValue.Kind) throws(DICOMJSONError) {
        try parse { (parser) throws(JSONError) in try parser.pass(kind) }
    }

    private mutating func passValue() throws(DICOMJSONError) { try pass(try begin()) }
}

extension DICOMJSON {
    /// Reads data sets out of one object, an array of objects, or several of these with white space between them, such as
    /// an object a line.
    ///
    /// Text becomes UTF-8: where a data set has a (0008,0005) or needs one it says ISO_IR 192 afterwards, whatever the JSON
    /// said, as that told of the source of the text only. Elements of group length are left out (PS3.18 F.2.2).
    ///
    /// - Parameters:
    ///   - leavesOutBulkData: True to leave out attributes whose bulk data are elsewhere, which are an error otherwise.
    ///   - wanted: the attributes of the data sets that are read; of the others nothing is asked but that they are JSON. Nil: all.
    /// - Throws: a `DICOMJSONError` with the line and the tag.
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .standard, leavesOutBulkData: Bool = false, only wanted: [Tag]? = nil
    ) throws(DICOMJSONError) -> [DataSet] {
        let parser: JSONParser
        do throws(JSONError) {
            parser = try JSONParser(bytes, limits: limits)
        } catch {
            throw DICOMJSONError(error)
        }
        var reader = DICOMJSONReader(parser, leavesOutBulkData: leavesOutBulkData, only: wanted)
        return try reader.dataSets()
    }

    /// Appends a number or a tag in a binary representation; false where it is none or does not fit.
    fileprivate static func appendBinaryNumber(
        _ text: String, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) -> Bool {
        switch vr {
        case .US: return append(UInt16(text), to: &output)
        case .SS: return append(Int16(text), to: &output)
        case .UL: return append(UInt32(text), to: &output)
        case .SL: return append(Int32(text), to: &output)
        case .UV: return append(UInt64(text), to: &output)
        case .SV: return append(Int64(text), to: &output)
        case .FL: return append(Float(text)?.bitPattern, to: &output)
        case .FD: return append(Double(text)?.bitPattern, to: &output)
        case .AT:
            guard text.utf8.count == 8, let number = UInt32(text, radix: 16) else { return false }
            return append(number >> 16 | number << 16, to: &output)
        default: return false
        }
    }

    private static func append(_ number: (some FixedWidthInteger)?, to output: inout [UInt8]) -> Bool {
        guard let number else { return false }
        withUnsafeBytes(of: number.littleEndian) { output.append(contentsOf: $0) }
        return true
    }
}

/// The reason why a text is not data sets in the DICOM JSON Model, and its line.
package struct DICOMJSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package let code: Code
    /// Counted from 1.
    package let line: Int
    /// The element in which it happened; nil outside of any.
    package let tag: Tag?
    package let detail: String

    package enum Code: Sendable, Equatable {
        /// Not JSON at all.
        case syntax(JSONError.Code)
        /// JSON, but not an object where a data set is expected.
        case notADataSet
        case invalidTag
        case invalidVR
        /// An attribute object with members that PS3.18 F.2.2 does not have, or several values.
        case invalidAttribute
        /// A value of another kind than its representation asks for, or out of its range.
        case invalidValue
        /// A reference to data elsewhere (PS3.18 F.2.6), which this reader does not fetch.
        case bulkData
    }

    /// That the text is not JSON.
    init(_ error: JSONError) { self.init(.syntax(error.code), line: error.line, error.detail) }

    init(_ code: Code, line: Int, tag: Tag? = nil, _ detail: String) {
        self.code = code
        self.line = line
        self.tag = tag
        self.detail = detail
    }

    package var description: String {
        "line \(line): " + (tag.map { "\($0): " } ?? "") + detail
    }
}
