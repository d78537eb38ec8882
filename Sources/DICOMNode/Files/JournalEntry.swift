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

    private struct Member: Sendable, Equatable {
        let key: Key
        let value: JSONValue
    }

    private var members: [Member] = []

    package init() { members.reserveCapacity(Self.usualCount) }

    /// At least as many as the entry of a file has: each is made while the peer waits for the next request, or for its response.
    private static let usualCount = 14

    /// Nil when the line is no JSON object: one that was cut, or of which the disk kept nothing but zeros. Members that this version
    /// does not know are left out.
    init?(line: [UInt8]) {
        do throws(JSONError) {
            guard case .object(let members) = try JSONValue.parse(line).content else { return nil }
            self.members = members.compactMap { member in
                Key(rawValue: member.key).map { Member(key: $0, value: member.value) }
            }
        } catch {
            return nil
        }
    }

    package subscript(key: Key) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            if let place = members.firstIndex(where: { $0.key == key }) { members.remove(at: place) }
            if let newValue { members.append(Member(key: key, value: newValue)) }
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
        if let text = String(validating: path.bytes, as: UTF8.self) { return set(.path, text) }
        set(.path, String(decoding: path.bytes, as: UTF8.self))
        set(.pathBytes, Hexadecimal.text(path.bytes))
    }

    package var path: FilePath? {
        if let digits = self[.pathBytes]?.string { return Hexadecimal.bytes(digits).map { FilePath(bytes: $0) } }
        return self[.path]?.string.map { FilePath($0) }
    }

    /// The line with its line feed.
    var line: [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(Self.usualLength)
        for member in members {
            line.append(line.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
            JSONValue.appendKey(member.key.rawValue, to: &line)
            member.value.append(to: &line)
        }
        if line.isEmpty { line.append(UInt8(ascii: "{")) }
        line.append(UInt8(ascii: "}"))
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// In bytes; few lines are longer.
    private static let usualLength = 640

    /// Now, to the millisecond.
    package static var now: String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        var seconds = time.tv_sec
        gmtime_r(&seconds, &parts)
        let numbers = [
            Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min),
            Int(parts.tm_sec), time.tv_nsec / 1_000_000,
        ]
        // The form, with zeros where digits go: made of strings, it costs more than the rest of an entry.
        var text = Array("0000-00-00T00:00:00.000Z".utf8)
        var end = text.count
        for var number in numbers.reversed() {
            while !DecimalDigits.isDigit(text[end - 1]) { end -= 1 }
            while end > 0, DecimalDigits.isDigit(text[end - 1]) {
                end -= 1
                text[end] += UInt8(truncatingIfNeeded: number % 10)
                number /= 10
            }
        }
        return String(decoding: text, as: UTF8.self)
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
