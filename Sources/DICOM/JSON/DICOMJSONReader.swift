/// Turns the objects of one data set into elements.
struct DICOMJSONReader {
    /// Whether some text is not in the default repertoire.
    private(set) var hasOtherText = false

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
