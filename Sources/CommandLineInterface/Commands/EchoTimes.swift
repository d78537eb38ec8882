import DICOMNode

/// How long the parts of one echo took, in seconds.
struct EchoTimes: Sendable {
    let lookup: Double
    let connect: Double
    /// The TLS handshake; nil over plain TCP.
    let security: Double?
    let association: Double
    let echo: Double
    let release: Double
    let total: Double

    init(_ timings: Association.Timings?, echo: Double, release: Double, total: Double) {
        lookup = timings?.lookup ?? 0
        connect = timings?.connect ?? 0
        security = timings?.security
        association = timings?.association ?? 0
        self.echo = echo
        self.release = release
        self.total = total
    }

    private static let parts: [(name: String, time: @Sendable (EchoTimes) -> Double?)] = [
        ("look-up", { $0.lookup }), ("connect", { $0.connect }), ("TLS", { $0.security }),
        ("association", { $0.association }), ("echo", { $0.echo }), ("release", { $0.release }),
    ]

    /// `12.3 ms (look-up 0.1, connect 0.3, association 9.9, echo 1.0, release 1.0)`.
    var line: String {
        let parts = Self.parts.compactMap { part in
            part.time(self).map { "\(part.name) \(Quantity.milliseconds(seconds: $0))" }
        }
        return "\(Quantity.milliseconds(seconds: total)) ms (\(parts.joined(separator: ", ")))"
    }

    /// What `ping` ends with, for each part; empty where nothing was measured.
    static func table(of rounds: [EchoTimes]) -> String {
        let all: (name: String, time: @Sendable (EchoTimes) -> Double?) = ("all", { $0.total })
        let rows = (parts + [all]).compactMap { part in
            Distribution(rounds.compactMap(part.time)).map { (name: part.name, times: $0) }
        }
        guard !rows.isEmpty else { return "" }
        var text = row("ms", ["min", "median", "p95", "max"])
        for (name, times) in rows {
            let values = [times.minimum, times.median, times.percentile95, times.maximum]
            text += row(name, values.map { Quantity.milliseconds(seconds: $0) })
        }
        return text
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        let padded = cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
        return "  " + TextLayout.padded(name, to: 11) + padded.joined() + "\n"
    }
}

/// The spread of a set of measurements.
struct Distribution: Equatable {
    let minimum: Double
    let median: Double
    /// 95 of 100 measurements are at or below it (the nearest one that was measured).
    let percentile95: Double
    let maximum: Double

    /// Nil where nothing was measured.
    init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        minimum = first
        maximum = last
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        percentile95 = sorted[(sorted.count * 95 + 99) / 100 - 1]
    }
}
