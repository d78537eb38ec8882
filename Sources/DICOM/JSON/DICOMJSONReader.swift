/// Turns the objects of one data set into elements.
struct DICOMJSONReader {
    /// True if some text is not in the default repertoire.
    private(set) var hasOtherText = false
    /// True if attributes whose bulk data are elsewhere are left out.
    private let leavesOutBulkData: Bool

    init(leavesOutBulkData: Bool) { self.leavesOutBulkData = leavesOutBulkData }

    mutating func dataSet(_ value: JSONValue, in tag: Tag?) throws(DICOMJSONError) -> DataSet {
        guard let members = value.members else {
            throw DICOMJSONError(
                .notADataSet, line: value.line, tag: tag, "\(value.kind) where the object of a data set is expected")
        }
        var result = DataSet()
        for member in members {
            guard let tag = DICOMJSONReader.tag(member.key) else {
                throw DICOMJSONError(
                    .invalidTag, line: member.line,
                    "\"\(DisplayText.harmless(member.key))\" is not a tag of eight hexadecimal digits")
            }
            guard !tag.isGroupLength else { continue }
            if result[tag] != nil {
                throw DICOMJSONError(.invalidTag, line: member.line, tag: tag, "the element is there twice")
            }
            if leavesOutBulkData, member.value["BulkDataURI"] != nil { continue }
            result.append(try element(tag, member.value))
        }
        return result
    }

    private mutating func element(_ tag: Tag, _ attribute: JSONValue) throws(DICOMJSONError) -> DataElement {
        guard let members = attribute.members else {
            throw DICOMJSONError(
                .invalidAttribute, line: attribute.line, tag: tag,
                "\(attribute.kind) where an object with \"vr\" is expected")
        }
        var vr: ValueRepresentation?
        var content: JSONValue.Member?
        for member in members {
            switch member.key {
            case "vr":
                guard let letters = member.value.string, let known = ValueRepresentation(letters: letters) else {
                    throw DICOMJSONError(
                        .invalidVR, line: member.line, tag: tag, "\"vr\" is not a value representation of DICOM")
                }
                vr = known
            case "Value", "InlineBinary", "BulkDataURI":
                guard content == nil else {
                    throw DICOMJSONError(
                        .invalidAttribute, line: member.line, tag: tag,
                        "only one of Value, InlineBinary and BulkDataURI is allowed")
                }
                content = member
            default:
                throw DICOMJSONError(
                    .invalidAttribute, line: member.line, tag: tag,
                    "\"\(DisplayText.harmless(member.key))\" is not a member of an attribute")
            }
        }
        let representation = vr ?? DataDictionary.vr(of: tag)
        guard vr != nil || representation != .UN else {
            throw DICOMJSONError(.invalidVR, line: attribute.line, tag: tag, "\"vr\" is missing")
        }
        return DataElement(tag: tag, vr: representation, value: try value(tag, representation, content))
    }

    private mutating func value(
        _ tag: Tag, _ vr: ValueRepresentation, _ content: JSONValue.Member?
    ) throws(DICOMJSONError) -> DataElement.Value {
        guard let content else { return vr == .SQ ? .items([]) : .bytes([]) }
        switch content.key {
        case "BulkDataURI":
            throw DICOMJSONError(.bulkData, line: content.line, tag: tag, "bulk data are not fetched from elsewhere")
        case "InlineBinary":
            // PS3.18 shows the string in an array once, and some write it so.
            let text = content.value.string ?? content.value.array.flatMap { $0.count == 1 ? $0[0].string : nil }
            guard vr != .SQ, !vr.isText, var bytes = text.flatMap({ Base64.decode($0.utf8) }) else {
                throw DICOMJSONError(
                    .invalidValue, line: content.line, tag: tag, "InlineBinary is not base 64 of a binary value")
            }
            if !bytes.count.isMultiple(of: 2) { bytes.append(vr.paddingByte) }
            return .bytes(bytes[...])
        default:
            guard let values = content.value.array else {
                throw DICOMJSONError(.invalidValue, line: content.line, tag: tag, "\"Value\" is not an array")
            }
            if vr == .SQ {
                var items: [DataSet] = []
                for value in values { items.append(value.isNull ? DataSet() : try dataSet(value, in: tag)) }
                return .items(items)
            }
            if tag == .specificCharacterSet { return .bytes(Array("ISO_IR 192".utf8)[...]) }
            return .bytes(try bytes(tag, vr, values)[...])
        }
    }

    /// The value field of everything but sequences, padded to even length.
    private mutating func bytes(
        _ tag: Tag, _ vr: ValueRepresentation, _ values: [JSONValue]
    ) throws(DICOMJSONError) -> [UInt8] {
        var output: [UInt8] = []
        // A binary number cannot be empty, but some write an element without value so.
        if vr.numberWidth != nil, values.allSatisfy(\.isNull) { return [] }
        for (index, value) in values.enumerated() {
            if vr.isText {
                if index > 0 {
                    guard !vr.allowsBackslashInValue else {
                        throw DICOMJSONError(
                            .invalidValue, line: value.line, tag: tag, "\(vr) has one value only")
                    }
                    output.append(0x5C)
                }
                try appendText(value, tag, vr, to: &output)
            } else if vr.numberWidth != nil {
                guard DICOMJSON.appendBinaryNumber(value, vr, to: &output) else {
                    throw invalid(value, tag, vr)
                }
            } else {
                throw DICOMJSONError(
                    .invalidValue, line: value.line, tag: tag, "\(vr) is written as InlineBinary, not as Value")
            }
        }
        if !output.count.isMultiple(of: 2) { output.append(vr.paddingByte) }
        return output
    }

    private func invalid(_ value: JSONValue, _ tag: Tag, _ vr: ValueRepresentation) -> DICOMJSONError {
        DICOMJSONError(.invalidValue, line: value.line, tag: tag, "\(value.kind) that is not a value of \(vr)")
    }

    private mutating func appendText(
        _ value: JSONValue, _ tag: Tag, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) throws(DICOMJSONError) {
        let text: String
        switch value.content {
        case .null: text = ""
        case .string(let string): text = string
        case .number(let number) where vr == .IS || vr == .DS:
            guard let decimal = vr == .IS ? DecimalString.integer(number) : DecimalString.fitting(number) else {
                throw invalid(value, tag, vr)
            }
            text = decimal
        case .object(let members) where vr == .PN: text = try personName(members, tag, value.line)
        default: throw invalid(value, tag, vr)
        }
        let isPlain = text.utf8.allSatisfy { $0 < 0x80 }
        guard isPlain || vr.usesSpecificCharacterSet else {
            throw DICOMJSONError(
                .invalidValue, line: value.line, tag: tag, "\(vr) has characters of the default repertoire only")
        }
        guard vr.allowsBackslashInValue || !text.utf8.contains(0x5C) else {
            throw DICOMJSONError(
                .invalidValue, line: value.line, tag: tag, "a backslash would separate two values of \(vr)")
        }
        hasOtherText = hasOtherText || !isPlain
        output.append(contentsOf: text.utf8)
    }

    private func personName(
        _ members: [JSONValue.Member], _ tag: Tag, _ line: Int
    ) throws(DICOMJSONError) -> String {
        var groups = ["", "", ""]
        for member in members {
            guard let index = ["Alphabetic", "Ideographic", "Phonetic"].firstIndex(of: member.key),
                let text = member.value.string ?? (member.value.isNull ? "" : nil)
            else {
                throw DICOMJSONError(
                    .invalidValue, line: member.line, tag: tag,
                    "a person name has the strings Alphabetic, Ideographic and Phonetic")
            }
            groups[index] = text
        }
        while groups.count > 1, groups.last == "" { groups.removeLast() }
        return groups.joined(separator: "=")
    }

    private static func tag(_ key: String) -> Tag? {
        guard key.utf8.count == 8, key.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
        return UInt32(key, radix: 16).map { Tag($0) }
    }
}

extension DICOMJSON {
    /// Reads data sets out of one object, an array of objects, or several of these with white space between them, such as
    /// an object a line.
    ///
    /// Text becomes UTF-8: where a data set has a (0008,0005) or needs one it says ISO_IR 192 afterwards, whatever the JSON
    /// said, as that told of the source of the text only. Elements of group length are left out (PS3.18 F.2.2).
    ///
    /// - Parameter leavesOutBulkData: True to leave out attributes whose bulk data are elsewhere, which are an error otherwise.
    /// - Throws: a `DICOMJSONError` with the line and the tag.
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .standard, leavesOutBulkData: Bool = false
    ) throws(DICOMJSONError) -> [DataSet] {
        var dataSets: [DataSet] = []
        do {
            var parser = try JSONParser(bytes, limits: limits)
            while let value = try parser.parseNext() {
                if case .array(let values) = value.content {
                    for value in values { dataSets.append(try outermostDataSet(value, leavesOutBulkData)) }
                } else {
                    dataSets.append(try outermostDataSet(value, leavesOutBulkData))
                }
            }
        } catch let error as JSONError {
            throw DICOMJSONError(.syntax(error.code), line: error.line, error.detail)
        } catch let error as DICOMJSONError {
            throw error
        } catch {
            throw DICOMJSONError(.notADataSet, line: 1, "\(error)")
        }
        return dataSets
    }

    private static func outermostDataSet(
        _ value: JSONValue, _ leavesOutBulkData: Bool
    ) throws(DICOMJSONError) -> DataSet {
        var reader = DICOMJSONReader(leavesOutBulkData: leavesOutBulkData)
        var result = try reader.dataSet(value, in: nil)
        if reader.hasOtherText, result[.specificCharacterSet] == nil {
            result.set(.specificCharacterSet, .CS, "ISO_IR 192")
        }
        return result
    }
}

extension DICOMJSON {
    /// Appends one value of a binary representation; false where it is none or does not fit.
    static func appendBinaryNumber(
        _ value: JSONValue, _ vr: ValueRepresentation, to output: inout [UInt8]
    ) -> Bool {
        // Large SV and UV, NaN and infinities come as strings (PS3.18 F.2.3); so do tags.
        let text: String
        switch value.content {
        case .number(let number): text = number
        case .string(let string): text = string
        default: return false
        }
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
