import DICOM
import DICOMProtocol
import System

extension Diagnostics {
    /// Writes the command line, without the values that messages may not show.
    func frameStart(_ arguments: [String]) {
        guard hasFrame else { return }
        let shown = CommandLineText.withoutHeaders(arguments).map { argument in
            CommandLineText.quoted(redaction.isOn ? redaction.ownText(CommandLineText.masked(argument)) : argument)
        }
        let line = (["dcmscu"] + shown).joined(separator: " ")
        frame(
            "start: \(line)",
            [
                ("event", .string("start")), ("version", .string(ImplementationIdentity.version)),
                ("commandLine", .string(line)),
            ])
    }

    func frameEnd(_ exitCode: ExitCode, _ summary: RunEvent, seconds: Double) {
        guard hasFrame else { return }
        let code = Int(exitCode.ofProcess)
        let counts = summary.counts
        let parts =
            ["exit code \(code) (\(exitCode.name))"] + counts.map { "\($0.name) \($0.value)" }
            + ["\(Decimal.text(seconds, digits: 3)) s"]
        frame(
            "end: \(parts.joined(separator: ", "))",
            [("event", .string("end")), ("exitCode", .number(code))] + counts.map { ($0.name, .number($0.value)) } + [
                ("seconds", .number(Decimal.rounded(seconds, digits: 3)))
            ])
    }
}

/// The command line as a log shows it.
enum CommandLineText {
    /// Replaces the values of header fields, which may be secrets, whatever else a log may hold.
    static func withoutHeaders(_ arguments: [String]) -> [String] {
        var isValue = false
        return arguments.map { argument in
            defer { isValue = !isValue && isHeader(argument[...]) }
            if isValue { return WebHeader.shown(argument) }
            guard let equals = argument.firstIndex(of: "="), isHeader(argument[..<equals]) else { return argument }
            return "\(argument[...equals])\(WebHeader.shown(String(argument[argument.index(after: equals)...])))"
        }
    }

    private static func isHeader(_ argument: Substring) -> Bool {
        let name = String(argument.dropFirst(2))
        return argument.hasPrefix("--h") && OptionTable.candidates(forLong: name).map(\.name) == [.header]
    }

    /// Replaces the value of a key that identifies a patient or names a person.
    static func masked(_ argument: String) -> String {
        let argument = Redaction.withoutPassword(argument)
        let prefixes = ["\(OptionName.key)=", "-k"]
        guard argument.utf8.contains(where: { "=,".utf8.contains($0) }) else { return argument }
        let prefix = prefixes.first { argument.hasPrefix($0) } ?? ""
        do throws(UsageError) {
            let key = try QueryKeyParser.parse(String(argument.dropFirst(prefix.count)))
            let isHidden = !key.mayShowValue || DataDictionary.vr(of: key.tag) == .PN
            guard isHidden, !key.value.isEmpty, argument.hasSuffix(key.value) else { return argument }
            return String(argument.dropLast(key.value.count)) + Redaction.mark
        } catch {
            // It is no key.
            return argument
        }
    }

    /// In quotes where a shell would need them.
    static func quoted(_ argument: String) -> String {
        let plain =
            !argument.isEmpty
            && argument.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_./:=@,+%".utf8.contains(byte)
            }
        guard !plain else { return argument }
        return "'" + argument.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
