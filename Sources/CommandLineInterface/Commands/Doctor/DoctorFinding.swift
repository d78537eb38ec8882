import DICOM
import DICOMNode
import DICOMProtocol

/// The result of one check: what was found, and for a failure the cause, the remedy and the exit code.
struct DoctorFinding {
    enum Mark: String {
        case passed = "ok"
        /// Something to know, and no failure.
        case noted = "note"
        case failed = "FAILED"
        /// Not asked for, or made meaningless by an earlier failure.
        case skipped = "-"

        var outcome: RunEvent.Outcome {
            switch self {
            case .passed: .done
            case .noted: .warning
            case .failed: .failed
            case .skipped: .skipped
            }
        }
    }

    let check: DoctorCheck
    var mark: Mark
    /// One line, without a value of a patient.
    var text: String
    /// Further lines, such as those of a table.
    var details: [String] = []
    /// What a report has in place of the further lines, or beside the words.
    var picture: DoctorPicture?
    var cause: FailureCause?
    var remedy: String?
    var seconds: Double?
    var exitCode = ExitCode.success
    /// What was found, for programs.
    var data: [(String, JSONValue)] = []

    init(_ check: DoctorCheck, _ mark: Mark, _ text: String) {
        self.check = check
        self.mark = mark
        self.text = text
    }

    static func skipped(_ check: DoctorCheck, _ why: String) -> DoctorFinding { DoctorFinding(check, .skipped, why) }

    /// A failure of the network, in the words and with the hint that every operation has for it.
    init(_ check: DoctorCheck, _ error: AssociationError, calling server: CalledServer) {
        let message = Message(error, calling: server)
        self.init(check, .failed, message.line)
        cause = FailureCause(error)
        remedy = message.hint
        exitCode = ExitCode(for: error)
    }

    mutating func set(_ key: String, _ value: JSONValue) { data.append((key, value)) }
    mutating func set(_ key: String, _ texts: [String]) { set(key, .array(texts.map { .string($0) })) }

    /// Adds a remark that is no failure.
    mutating func note(_ remark: String, _ cause: FailureCause, _ remedy: String) {
        mark = .noted
        text += "; " + remark
        self.cause = cause
        self.remedy = remedy
    }

    // MARK: Output

    /// The columns of a page that is not for a terminal, and the most that are used of one.
    private static let standardWidth = 100
    private static let indent = 22
    /// Tables need all the room that there is.
    private static let detailIndent = 4

    /// The lines of the page.
    ///
    /// - Parameter terminalWidth: nil where the page is not for a terminal.
    func lines(terminalWidth: Int?) -> String {
        let width = min(terminalWidth ?? Self.standardWidth, Self.standardWidth)
        let time = seconds.map { " (\(Quantity.milliseconds(seconds: $0)) ms)" } ?? ""
        let head = "  " + TextLayout.padded(mark.rawValue, to: 7) + TextLayout.padded(check.rawValue, to: 13)
        var text = Self.block(head, DisplayText.line(self.text + time), width)
        for line in details {
            let end = line.lastIndex { $0 != " " } ?? line.startIndex
            let room = max(width - Self.detailIndent, 20)
            for part in Self.lines(of: DisplayText.line(String(line[...end])), room) {
                text += String(repeating: " ", count: Self.detailIndent) + part + "\n"
            }
        }
        if let remedy {
            text += Self.block(String(repeating: " ", count: Self.indent), "-> " + DisplayText.line(remedy), width)
        }
        return text
    }

    /// A line that is too long for the page goes on below its second word; tables have shorter ones.
    private static func lines(of line: String, _ room: Int) -> [String] {
        guard line.count > room else { return [line] }
        let margin = String(line.prefix { $0 == " " }) + "  "
        let words = TextLayout.wrapped(String(line.drop { $0 == " " }), indent: 0, width: room - margin.count)
        return words.enumerated().map { ($0 == 0 ? String(margin.dropLast(2)) : margin) + $1 }
    }

    private static func block(_ head: String, _ text: String, _ width: Int) -> String {
        let lines = TextLayout.wrapped(text, indent: indent, width: width)
        let margin = String(repeating: " ", count: indent)
        return lines.enumerated().map { number, line in
            let body = line.drop { $0 == " " }
            return (number == 0 ? head : margin) + body + "\n"
        }.joined()
    }

    func event(peer: String) -> RunEvent {
        var event = RunEvent(.check)
        event.set(.peer, peer)
        event.set(.check, check.rawValue)
        event.set(mark.outcome)
        event.set(.found, text)
        event.set(.cause, cause?.rawValue)
        event.set(.fix, remedy)
        event.set(.seconds, seconds: seconds)
        if !data.isEmpty { event.set(.data, JSONValue.object(data)) }
        return event
    }
}
