extension DICOMJSON {
    /// Reads data sets out of one object, an array of objects, or several of these with white space between them, such as
    /// an object a line.
    ///
    /// Text becomes UTF-8: where a data set has a (0008,0005) or needs one it says ISO_IR 192 afterwards, whatever the JSON
    /// said, as that told of the source of the text only. Elements of group length are left out (PS3.18 F.2.2).
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(DICOMJSONError) -> [DataSet] {
        var dataSets: [DataSet] = []
        do {
            var parser = try JSONParser(bytes, limits: limits)
            while let value = try parser.parseNext() {
                if case .array(let values) = value.content {
                    for value in values { dataSets.append(try outermostDataSet(value)) }
                } else {
                    dataSets.append(try outermostDataSet(value))
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

    private static func outermostDataSet(_ value: JSONValue) throws(DICOMJSONError) -> DataSet {
        var reader = DICOMJSONReader()
        var result = try reader.dataSet(value, in: nil)
        if reader.hasOtherText, result[.specificCharacterSet] == nil {
            result.set(.specificCharacterSet, .CS, "ISO_IR 192")
        }
        return result
    }
}
