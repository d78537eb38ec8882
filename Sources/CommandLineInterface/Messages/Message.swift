/// One message for a person: what failed, why, and how the standard calls it, with a remedy where one is known.
///
/// Shown as `what: why (code)`, then `hint: remedy` on a line of its own.
package struct Message: Sendable, Equatable {
    /// What was being done or looked at: a peer, a file, an operation.
    package var what: String
    /// What is wrong with it.
    package var why: String?
    /// The standard's code for the reason: a status in hexadecimal, a section.
    package var code: String?
    /// The remedy.
    package var hint: String?

    package init(_ what: String, _ why: String? = nil, code: String? = nil, hint: String? = nil) {
        self.what = what
        self.why = why
        self.code = code
        self.hint = hint
    }

    package init(_ what: String, _ why: String? = nil, code: String? = nil, hint: Hint?) {
        self.init(what, why, code: code, hint: hint?.text)
    }

    /// A usage error as a message.
    package init(_ error: UsageError) {
        self.init(error.description, hint: error.hint)
    }

    /// The message on one harmless line, without the program's name.
    package var line: String {
        var text = what
        if let why { text += ": \(why)" }
        if let code { text += " (\(code))" }
        return SafeText.line(text)
    }
}
