import DICOM

/// Hides patient data in bodies of the DICOM JSON Model.
package enum MaskedJSON {
    /// The whole elements of the beginning of a body, as ``DataSet/hidingPatientData`` hides them; nil if it is no such body.
    package static func text(of beginning: [UInt8]) -> String? {
        var reader = JSONMatchReader()
        var texts: [[UInt8]] = []
        do throws(JSONMatchReader.Problem) {
            try beginning.withUnsafeBufferPointer { buffer throws(JSONMatchReader.Problem) in
                try reader.read(UnsafeRawBufferPointer(buffer), problem: { $0 }) {
                    element throws(JSONMatchReader.Problem) in
                    guard let dataSets = try? DICOMJSON.parse(element) else { throw .notAnArray }
                    for dataSet in dataSets {
                        var text: [UInt8] = []
                        DICOMJSON.append(dataSet.hidingPatientData, to: &text)
                        texts.append(text)
                    }
                }
            }
        } catch {
            return nil
        }
        let isArray = beginning.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == 0x5B
        let joined = String(decoding: Array(texts.joined(separator: [0x2C, 0x0A])), as: UTF8.self)
        guard isArray || !texts.isEmpty else { return nil }
        return isArray ? "[\(joined)]" : joined
    }
}
