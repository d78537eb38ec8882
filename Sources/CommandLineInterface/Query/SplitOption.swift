import DICOM
package import DICOMNode

/// When a query is asked in parts, as `--split` says.
package enum SplitOption: Sendable, Equatable {
    case off
    /// Where the server cuts the list short.
    case whenCutShort
    /// From the beginning, and smaller where the server cuts a part short.
    case steps(WholeListSession.Steps)

    static let accepted = "auto, off, hour, day, or days such as 7d, 2w or P7D"

    /// Returns nil if the text is none of the accepted ones.
    init?(_ text: String) {
        switch text.lowercased() {
        case "auto": self = .whenCutShort
        case "off": self = .off
        case "hour": self = .steps(.hours)
        case "day": self = .steps(.days(1))
        case "week": self = .steps(.days(7))
        default:
            let period = text.uppercased()
            let number = (period.hasPrefix("P") ? period.dropFirst() : period[...]).dropLast()
            guard let unit = period.last, let weeks = ["D": 1, "W": 7][unit], DecimalDigits.areAll(String(number)),
                let count = Int(number), (1...100_000).contains(count)
            else { return nil }
            self = .steps(.days(count * weeks))
        }
    }
}
