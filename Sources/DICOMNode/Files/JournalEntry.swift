package import DICOM
import Glibc
package import System

/// One line of a journal: members by name, in the order in which they were set.
package struct JournalEntry: Sendable, Equatable {
    /// The names of members: all that there are, so that no two operations spell one thing in two ways.
    package enum Key: String, Sendable, CaseIterable {
        /// The program's name; only in the first line of a run.
        case journal
        /// The format of what follows, a number.
        case version
        case operation, peer
        /// The time of writing, in UTC: `2026-11-21T03:31:46.125Z`.
        case time
        case path
        /// The path's bytes in hexadecimal, only where they are no UTF-8 and `path` is but a likeness.
        case pathBytes
        case sopClassUID, sopInstanceUID, studyInstanceUID, seriesInstanceUID, transferSyntaxUID
        /// The digest of the file, in hexadecimal.
        case sha256
        /// The length of the file.
        case bytes
        /// The last change of the file, in nanoseconds of the file system's clock.
        case modified
        case outcome, status, attempts, error
        /// Of the storage commitment that an outcome comes from.
        case transactionUID
    }

    package private(set) var members: [JSONValue.Member]

    package init() { members = [] }

    /// Nil when the line is no JSON object: one that was cut, or of which the disk kept nothing but zeros.
    init?(line: [UInt8]) {
        do throws(JSONError) {
            guard case .object(let members) = try JSONValue.parse(line).content else { return nil }
            self.members = members
        } catch {
            return nil
        }
    }

    package subscript(key: Key) -> JSONValue? {
        get { members.first { $0.key == key.rawValue }?.value }
        set {
            members.removeAll { $0.key == key.rawValue }
            if let newValue { members.append(JSONValue.Member(key.rawValue, newValue)) }
        }
    }

    /// Nil if the entry has none that this version knows.
    package var outcome: JournalOutcome? { self[.outcome]?.string.flatMap { JournalOutcome(rawValue: $0) } }

    package mutating func set(_ outcome: JournalOutcome) { set(.outcome, outcome.rawValue) }
    package mutating func set(_ key: Key, _ text: String?) { self[key] = text.map { .string($0) } }
    package mutating func set(_ key: Key, _ uid: UID?) { set(key, uid?.string) }
    package mutating func set(_ key: Key, _ number: some FixedWidthInteger) { self[key] = .number(number) }

    /// A path that is no UTF-8 is kept exactly, too.
    package mutating func set(path: FilePath) {
        let text = String(decoding: path.bytes, as: UTF8.self)
        set(.path, text)
        if !text.utf8.elementsEqual(path.bytes) { set(.pathBytes, Hexadecimal.text(path.bytes)) }
    }

    package var path: FilePath? {
        if let digits = self[.pathBytes]?.string { return Hexadecimal.bytes(digits).map { FilePath(bytes: $0) } }
        return self[.path]?.string.map { FilePath($0) }
    }

    /// The line with its line feed.
    var line: [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(400)
        JSONValue(.object(members)).append(to: &line)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Now, to the millisecond.
    package static var now: String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        var seconds = time.tv_sec
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int, _ count: Int) -> String {
            DecimalDigits.text(number, count: count)
        }
        return
            "\(digits(Int(parts.tm_year) + 1900, 4))-\(digits(Int(parts.tm_mon) + 1, 2))-\(digits(Int(parts.tm_mday), 2))T"
            + "\(digits(Int(parts.tm_hour), 2)):\(digits(Int(parts.tm_min), 2)):\(digits(Int(parts.tm_sec), 2))."
            + "\(digits(time.tv_nsec / 1_000_000, 3))Z"
    }
}

/// The outcome of an instance, as an entry of a journal has it.
package enum JournalOutcome: String, Sendable, CaseIterable {
    /// Stored by the server, or received from it: no more is known.
    case done
    /// Stored with a warning: the server may have changed it, or left something out.
    case warning
    /// Not sent: the server had an instance of its UID before.
    case skipped
    case failed
    /// The run ended before its turn.
    case pending
    /// Copied to the server, which lists it.
    case confirmed
    /// The server has committed to keep it.
    case committed
    /// The server has refused to commit to it, or has left it out of its report.
    case uncommitted
    /// The server has not reported on it yet.
    case unanswered
    /// No instance: all entries before it were forced onto the disk.
    case synced

    /// True if the server has the instance.
    package var isReceived: Bool { self == .done || self == .warning || self == .skipped || self == .confirmed }
}
