/// Metrics in the text format of Prometheus, as its server, the node exporter and the Pushgateway read it.
///
/// The samples of a metric stand together below its help and type, as the format demands.
struct MetricsText {
    private var families: [(name: String, help: String, samples: [(series: String, value: Double)])] = []

    /// Adds a sample; a series that is there has the later value, as a file with both would not be read at all.
    ///
    /// - Parameter name: of a gauge: letters, digits and underscores, with the unit in it.
    mutating func add(_ name: String, _ help: String, _ labels: [MetricLabel], _ value: Double) {
        let index = families.firstIndex { $0.name == name } ?? families.count
        if index == families.count { families.append((name, help, [])) }
        let series = Self.series(name, labels)
        families[index].samples.removeAll { $0.series == series }
        families[index].samples.append((series, value))
    }

    var text: String {
        families.map { family in
            "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) gauge\n"
                + family.samples.map { "\($0.series) \(Self.text($0.value))\n" }.joined()
        }.joined()
    }

    /// `name{label="value",...}`, as a sample begins.
    static func series(_ name: String, _ labels: [MetricLabel]) -> String {
        "\(name){" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// A whole number without a fraction, others to the microsecond.
    private static func text(_ value: Double) -> String {
        Int64(exactly: value).map { String($0) } ?? Decimal.text(value, digits: 6)
    }
}

/// A label of a metric.
package struct MetricLabel: Sendable, Equatable {
    package let name: String
    package let value: String

    /// The names that every metric has, or that some have, by themselves.
    package static let own = ["operation", "peer", "outcome", "target", "phase"]

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// Returns nil unless the text is `NAME=VALUE`, the name of letters, digits and underscores and not one that Prometheus keeps
    /// for itself.
    package init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let name = text[..<equals]
        let isName = name.utf8.enumerated().allSatisfy { index, byte in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || byte == UInt8(ascii: "_") || (index > 0 && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte))
        }
        guard !name.isEmpty, isName, !name.hasPrefix("__") else { return nil }
        self.init(name: String(name), value: String(text[text.index(after: equals)...]))
    }
}
