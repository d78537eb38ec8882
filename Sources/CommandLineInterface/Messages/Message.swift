import DICOM

/// One message for a person: what failed, why, and how the standard calls it, with a remedy where one is known.
///
/// Shown as `what: why (code)`, then `hint: remedy` on a line of its own.
package struct Message: Sendable, Equatable {
    /// What was being done or looked at: a peer, a file, an operation.
    package var what: String
    /// What is wrong with it.
    package var why: String?
    /// What the peer says about it, in its own words.
    package var peerText: String?
    /// The standard's code for the reason: a status in hexadecimal, a section.
    package var code: String?
    /// The remedy.
    package var hint: String?

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

    /// A usage error as a message.
    package init(_ error: UsageError) {
        self.init(error.description, hint: error.hint)
    }

    /// The message on one harmless line, without the program's name.
    package func line(_ redaction: Redaction) -> String {
        var text = redaction.ownText(why.map { "\(what): \($0)" } ?? what)
        if let peerText, !peerText.isEmpty { text += ": \(redaction.peerText(peerText))" }
        if let code { text += " (\(code))" }
        return DisplayText.line(text)
    }

    /// The line for those who may see everything that they have asked for.
    package var line: String { line(.off) }
}
