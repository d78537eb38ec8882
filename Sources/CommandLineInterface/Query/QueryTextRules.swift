import DICOM

/// The repertoires and lengths of PS3.5 6.2 for values that a person types. A `*` takes no room: what it stands for is
/// unknown, and PS3.4 C.2.2.2 lets keys be longer than values.
enum QueryTextRules {
    struct Problem {
        let why: String
        let accepted: String
    }

    static let decimalCharacters = Set("0123456789+-.eE".utf8)

    static func problem(with value: String, vr: ValueRepresentation) -> Problem? {
        switch vr {
        case .AE: problem(value, vr, "ASCII") { (0x20...0x7E).contains($0.value) }
        case .CS: problem(value, vr, "upper case letters, digits, space and underscore") { isCode($0) }
        case .UR: problem(value, vr, "ASCII without spaces") { (0x21...0x7E).contains($0.value) }
        case .LO, .SH, .UC: problem(value, vr, "text on one line") { !isControl($0) }
        case .LT, .ST, .UT: problem(value, vr, "text") { !isControl($0) || (0x09...0x0D).contains($0.value) }
        case .PN: nameProblem(value)
        case .AS:
            isAge(value) ? nil : Problem(why: "not an age", accepted: "three digits and D, W, M or Y, such as 018M")
        case .IS: integerProblem(value)
        case .DS:
            isDecimal(value)
                ? nil : Problem(why: "not a decimal number", accepted: "at most 16 characters, such as -1.5 or 2e3")
        default: nil
        }
    }

    private static func problem(
        _ value: String, _ vr: ValueRepresentation, _ repertoire: String, _ isAllowed: (Unicode.Scalar) -> Bool
    ) -> Problem? {
        let length = value.unicodeScalars.count { $0 != "*" }
        let limit = vr.maximumLength.map { "at most \($0) characters: " } ?? ""
        if let bad = value.unicodeScalars.first(where: { !isAllowed($0) && $0 != "*" && $0 != "?" }) {
            return Problem(why: "\(shown(bad)) is not allowed in \(vr)", accepted: limit + repertoire)
        }
        if let maximum = vr.maximumLength, length > maximum {
            return Problem(why: "\(length) characters", accepted: limit + repertoire)
        }
        return nil
    }

    /// Up to three groups of five components (PS3.5 6.2.1).
    private static func nameProblem(_ value: String) -> Problem? {
        let accepted =
            "FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, each group at most 64 characters, ideographic and phonetic ones after ="
        let groups = value.split(separator: "=", omittingEmptySubsequences: false)
        if groups.count > 3 { return Problem(why: "more than three groups", accepted: accepted) }
        for group in groups {
            let components = group.split(separator: "^", omittingEmptySubsequences: false)
            if components.count > 5 { return Problem(why: "more than five components", accepted: accepted) }
            let length = group.unicodeScalars.count { $0 != "*" }
            if length > 64 { return Problem(why: "a group of \(length) characters", accepted: accepted) }
            if let bad = group.unicodeScalars.first(where: isControl) {
                return Problem(why: "\(shown(bad)) is not allowed in PN", accepted: accepted)
            }
        }
        return nil
    }

    private static func isCode(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "0"..."9", " ", "_": true
        default: false
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }

    private static func shown(_ scalar: Unicode.Scalar) -> String { "\"\(DisplayText.line(String(scalar)))\"" }

    private static func isAge(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        return bytes.count == 4 && bytes.prefix(3).allSatisfy { (0x30...0x39).contains($0) }
            && "DWMY".utf8.contains(bytes[3])
    }

    private static func integerProblem(_ value: String) -> Problem? {
        let isNumber = value.utf8.count <= 12 && Int32(value) != nil
        return isNumber ? nil : Problem(why: "not an integer", accepted: "a number from \(Int32.min) to \(Int32.max)")
    }

    private static func isDecimal(_ value: String) -> Bool {
        value.utf8.count <= 16 && value.utf8.allSatisfy { decimalCharacters.contains($0) } && Double(value) != nil
    }
}
