import DICOM

/// The strings of a JSON object, for what is no data set.
enum JSONObject {
    /// The members with strings for values; nil if the bytes are no object.
    static func members(_ bytes: [UInt8]) -> [String: String]? { values(bytes)?.compactMapValues(\.string) }

    /// The members; nil if the bytes are no object. Of several with one name the last one counts.
    static func values(_ bytes: [UInt8]) -> [String: JSONValue]? {
        do throws(JSONError) {
            var limits = JSONLimits.standard
            limits.maximumLength = 64 * 1024
            limits.maximumDepth = 16
            guard let members = try JSONValue.parse(bytes, limits: limits).members else { return nil }
            return members.reduce(into: [:]) { $0[$1.key] = $1.value }
        } catch {
            return nil
        }
    }
}
