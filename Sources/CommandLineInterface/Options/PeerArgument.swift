package import DICOMProtocol
package import DICOMweb

/// A host as it was typed, with AE title and port if it had them: `AETITLE@host:port`.
package struct HostArgument: Sendable, Equatable {
    package var aeTitle: AETitle?
    package var host: String
    package var port: UInt16?
    /// The name of a node of the configuration, which has all of this: `@name`.
    package var node: String?
    /// The base URL of a peer that is called over HTTP.
    package var web: WebAddress?

    /// True if the argument has a port, names a node or is a URL, so that no port may follow.
    var isComplete: Bool { port != nil || node != nil || web != nil }
}

/// Reads a peer as it is typed: `HOST`, `HOST:PORT`, `AETITLE@HOST`, `AETITLE@HOST:PORT`, `[ADDRESS]:PORT`, a bare IPv6
/// address, `@NODE` for a node of the configuration, or the base URL of DICOMweb.
enum PeerArgument {
    static let accepted = "HOST, HOST:PORT, TITLE@HOST:PORT, [ADDRESS]:PORT, @NODE or a URL"

    /// True for a word with the marks of a peer; a name alone may be anything.
    static func isMeant(_ word: String) -> Bool { WebAddress.isMeant(word) || word.contains(":") || word.contains("@") }

    /// - Parameter option: how messages name the argument: `HOST`, `--hostname`.
    static func parse(_ text: String, option: String) throws(UsageError) -> HostArgument {
        func error(_ why: String, _ code: UsageError.Code = .invalidValue) -> UsageError {
            UsageError(
                code, option: option, value: text, problem: "\(option) \(text.isEmpty ? "\"\"" : text): \(why)",
                accepted: accepted)
        }
        if text.first == "@" {
            let name = String(text.dropFirst())
            guard !name.isEmpty else { throw error("no name after the @") }
            return HostArgument(aeTitle: nil, host: "", port: nil, node: name)
        }
        if WebAddress.isMeant(text) { return try parseURL(text, option: option) }
        var rest = text[...]
        var title: AETitle?
        // An AE title may hold an @, a host name may not: the last one divides them.
        if let at = rest.lastIndex(of: "@") {
            let given = String(rest[..<at])
            guard let read = AETitle(given) else {
                let why =
                    given.utf8.count > AETitle.wireLength
                    ? "an AE title of \(given.count) characters" : "not an AE title"
                throw error("\(why) before the @")
            }
            title = read
            rest = rest[rest.index(after: at)...]
        }
        let (host, portText) = try divide(rest, error)
        guard isHost(host) else { throw error("not a host name or an address") }
        var port: UInt16?
        if let portText {
            guard let number = UInt16(portText), number > 0 else {
                let isNumber = Int(portText) != nil
                throw error(
                    "\(portText.isEmpty ? "nothing" : portText) is not a port from 1 to 65535",
                    isNumber ? .outOfRange : .invalidValue)
            }
            port = number
        }
        return HostArgument(aeTitle: title, host: String(host), port: port)
    }

    private static func parseURL(_ text: String, option: String) throws(UsageError) -> HostArgument {
        do throws(WebAddress.Problem) {
            let address = try WebAddress(parsing: text)
            return HostArgument(aeTitle: nil, host: address.host, port: nil, web: address)
        } catch {
            // What may be a password is not repeated.
            let shown = error.mayHoldSecret ? "" : " \(text)"
            throw UsageError(
                .invalidValue, option: option, value: error.mayHoldSecret ? nil : text,
                problem: "\(option)\(shown): \(error.words)",
                accepted: error.mayHoldSecret
                    ? "\(OptionName.user) and \(OptionName.passcode), or \(OptionName.jwt)"
                    : "http://HOST[:PORT]/PATH, https://HOST[:PORT]/PATH or orthanc+http://HOST[:PORT]")
        }
    }

    private static func divide(
        _ text: Substring, _ error: (String, UsageError.Code) -> UsageError
    ) throws(UsageError) -> (host: Substring, port: Substring?) {
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw error("a [ without its ]", .invalidValue) }
            let host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard !rest.isEmpty else { return (host, nil) }
            guard rest.first == ":" else { throw error("only :PORT may follow the ]", .invalidValue) }
            return (host, rest.dropFirst())
        }
        // More than one colon is an IPv6 address without a port.
        guard let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon else { return (text, nil) }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    private static func isHost(_ host: Substring) -> Bool {
        !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }
}
