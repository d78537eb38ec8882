import DICOM
import Glibc

/// The form of the files of `--log-file`.
package enum LogFormat: String, Sendable, CaseIterable {
    case text, json
}

/// One line of messages or of a log: a message, its hint, or the start or end of a run.
struct LogLine {
    let level: Diagnostics.Level
    /// Harmless, on one line.
    let text: String
    var hint: String?
    /// Further members of the line in JSON.
    var members: [(String, JSONValue)] = []

    /// The bytes for a channel, with line feeds.
    func bytes(_ style: Style) -> [UInt8] {
        if style.isJSON { return json }
        if style.isBare {
            return Array("\(level == .warning ? level.label : "")\(text)\n\(hint.map { "hint: \($0)\n" } ?? "")".utf8)
        }
        let priority = style.hasPriority ? "<\(level.priority)>" : ""
        let head = style.hasTime ? "\(LogTime.now) dcmscu[\(getpid())]: " : "dcmscu: "
        var lines = "\(priority)\(head)\(level.label)\(text)\n"
        if let hint {
            lines += style.hasTime ? "\(priority)\(head)hint: \(hint)\n" : "\(priority)hint: \(hint)\n"
        }
        return Array(lines.utf8)
    }

    private var json: [UInt8] {
        var all: [(String, JSONValue)] = [
            ("time", .string(LogTime.now)), ("pid", .number(Int(getpid()))), ("level", .string(level.name)),
            ("message", .string(text)),
        ]
        if let hint { all.append(("hint", .string(hint))) }
        return JSONValue.object(all + members).serialized() + [UInt8(ascii: "\n")]
    }

    /// How lines are written on a channel.
    struct Style: Sendable, Equatable {
        /// Each line begins with the time and the number of the process.
        var hasTime = false
        var isJSON = false
        /// Each line begins with a priority as systemd reads it, sd-daemon(3).
        var hasPriority = false
        /// The text alone, without the name of the program.
        var isBare = false

        static let plain = Style()
    }
}

extension Diagnostics.Level {
    /// The name in a log of JSON.
    var name: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .note: "note"
        case .verbose: "verbose"
        case .debug: "debug"
        }
    }

    /// The severity of syslog, RFC 5424 6.2.1.
    var priority: Int {
        switch self {
        case .error: 3
        case .warning: 4
        case .note: 5
        case .verbose: 6
        case .debug: 7
        }
    }
}

/// The time of a line: ISO 8601 with milliseconds and the zone.
enum LogTime {
    /// `2026-11-29T18:05:09.120+01:00`.
    static var now: String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return text(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    /// The time in the zone of this process.
    static func text(seconds: Int, nanoseconds: Int) -> String {
        var seconds = seconds
        var parts = tm()
        localtime_r(&seconds, &parts)
        let offset = Int(parts.tm_gmtoff) / 60
        func digits(_ number: Int, _ count: Int = 2) -> String { Decimal.padded(number, digits: count) }
        let date =
            "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1))-\(digits(Int(parts.tm_mday)))"
        let clock = "\(digits(Int(parts.tm_hour))):\(digits(Int(parts.tm_min))):\(digits(Int(parts.tm_sec)))"
        let zone = "\(offset < 0 ? "-" : "+")\(digits(abs(offset) / 60)):\(digits(abs(offset) % 60))"
        return "\(date)T\(clock).\(digits(nanoseconds / 1_000_000, 3))\(zone)"
    }
}
