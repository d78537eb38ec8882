/// Where a password or ticket is found. Never the command line itself: everybody on the machine can read that.
package enum SecretReference: Sendable, Equatable {
    /// `env:NAME`
    case environment(String)
    /// `file:PATH`
    case file(String)
    /// Asked for at the terminal.
    case prompt

    package static let accepted = "env:NAME, file:PATH or prompt"

    package init?(_ text: String) {
        if text == "prompt" {
            self = .prompt
        } else if text.hasPrefix("env:"), text.count > 4 {
            self = .environment(String(text.dropFirst(4)))
        } else if text.hasPrefix("file:"), text.count > 5 {
            self = .file(String(text.dropFirst(5)))
        } else {
            return nil
        }
    }
}
