import DICOM

/// One message for a person: what failed, why, and the standard's code for it, with a remedy where one is known.
///
/// Shown as `what: why (code)`, then `hint: remedy` on a line of its own.
package struct Message: Sendable, Equatable {
    /// The subject: a peer, a file, an operation.
    package var what: String
    /// The problem with it.
    package var why: String?
    /// The peer's own words about it.
    package var peerText: String?
    /// The standard's code for the reason: a status in hexadecimal, a section.
    package var code: String?
    /// The remedy.
    package var hint: String?
    /// The cause by its name; nil where only the exit code tells.
    package var cause: FailureCause?

    package init(
        _ what: String, _ why: String? = nil, peerText: String? = nil, code: String? = nil, hint: String? = nil
    ) {
        self.what = what
        self.why = why
        self.peerText = peerText
        self.code = code
        self.hint = hint
    }

    package init(
        _ what: String, _ why: String? = nil, peerText: String? = nil, code: String? = nil, hint: Hint?
    ) {
        self.init(what, why, peerText: peerText, code: code, hint: hint?.text)
    }

    /// The message on one harmless line, without the program's name.
    package func line(_ redaction: Redaction) -> String {
        var text = redaction.ownText(why.map { "\(what): \($0)" } ?? what)
        if let peerText, !peerText.isEmpty { text += ": \(redaction.peerText(peerText))" }
        if let code { text += " (\(code))" }
        return DisplayText.line(text)
    }

    /// The line for a reader who may see patient data.
    package var line: String { line(.off) }
}

extension Message {
    package init(_ error: UsageError) { self.init(error.description, hint: error.hint) }
}
