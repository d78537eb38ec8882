import DICOM

/// The line of a monitoring plugin, as Nagios, Icinga, Checkmk and others read it: `DICOM OK - words | performance data`.
///
/// The form is that of the Monitoring Plugins' development guidelines.
struct PluginLine {
    let state: PluginState
    let words: String
    var measurements: [Measurement] = []
    /// Further lines, such as a remedy.
    var details: [String] = []

    /// A value that a monitor draws.
    struct Measurement {
        let name: String
        let value: String
        /// `s` or `B`; empty for a number of things.
        var unit = ""
        var warning: ThresholdRange?
        var critical: ThresholdRange?

        fileprivate var text: String {
            "\(name)=\(value)\(unit);\(warning?.text ?? "");\(critical?.text ?? "");0;"
        }
    }

    var text: String {
        var line = "DICOM \(state.name) - \(Self.plain(words))"
        if !measurements.isEmpty { line += " | " + measurements.map(\.text).joined(separator: " ") }
        return ([line] + details.map(Self.plain)).joined(separator: "\n") + "\n"
    }

    /// A vertical bar would begin the performance data.
    private static func plain(_ text: String) -> String {
        DisplayText.line(String(text.map { $0 == "|" ? "/" : $0 }))
    }
}

/// The state that a monitoring plugin returns: its exit code.
package enum PluginState: Int32, Sendable, CaseIterable {
    case ok = 0
    case warning = 1
    case critical = 2
    case unknown = 3

    var name: String {
        switch self {
        case .ok: "OK"
        case .warning: "WARNING"
        case .critical: "CRITICAL"
        case .unknown: "UNKNOWN"
        }
    }

    /// The state of a run: a fault of this side says nothing about the peer.
    package init(_ exitCode: ExitCode) {
        self =
            switch exitCode {
            case .success: .ok
            case .usage, .localFiles, .interrupted: .unknown
            case .incomplete, .unreachable, .association, .noPresentationContext, .failureStatus, .timeLimit,
                .commitmentFailed:
                .critical
            }
    }
}

/// A range of values that raise no alert, in the notation of monitoring plugins: `10` is 0 to 10, `10:` from 10 on, `~:10` up
/// to 10, `5:10` between the two, and `@` in front makes those inside the range raise it.
package struct ThresholdRange: Sendable, Equatable {
    /// As it was given.
    package let text: String
    private let minimum: Double
    private let maximum: Double
    private let alertsInside: Bool

    /// Returns nil for text that is no range, or whose end is before its start.
    package init?(_ text: String) {
        var rest = text[...]
        alertsInside = rest.hasPrefix("@")
        if alertsInside { rest.removeFirst() }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, !rest.isEmpty else { return nil }
        let start: Double? = parts.count == 1 ? 0 : first == "~" ? -.infinity : first.isEmpty ? 0 : Self.number(first)
        let last = parts[parts.count - 1]
        let end: Double? = parts.count == 2 && last.isEmpty ? .infinity : Self.number(last)
        guard let start, let end, start <= end else { return nil }
        self.text = text
        (minimum, maximum) = (start, end)
    }

    private static func number(_ text: Substring) -> Double? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "-.".utf8.contains($0) }) else { return nil }
        return Double(text)
    }

    /// True if the value raises an alert.
    package func alerts(_ value: Double) -> Bool { (minimum...maximum).contains(value) == alertsInside }
}
