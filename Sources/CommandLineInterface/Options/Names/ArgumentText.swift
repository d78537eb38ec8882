package import DICOM
import Glibc
import System

/// Conversion of command line arguments between bytes and text: keys are text in the locale's encoding, paths are
/// bytes.
///
/// A path is converted to text with the other arguments and back to the same bytes when it is opened. Bytes that are
/// not text in the encoding become unused characters, the last ones of Unicode's private use.
package enum ArgumentText {
    /// The encoding of the process's locale, where it is not UTF-8. A fact of the process: its locale is set once, at
    /// the start.
    static let localeEncoding = LocaleEncoding(
        codeset: nl_langinfo(CInt(CODESET)).map { String(cString: $0) } ?? "UTF-8")

    private static let firstStandIn: UInt32 = 0x10FF00

    /// The arguments of this process without the program's name.
    package static func ofProcess() -> [String] {
        pointers().dropFirst().map { decode(UnsafeRawBufferPointer(start: $0, count: strlen($0)), localeEncoding) }
    }

    /// All arguments. Swift finds them by /proc, which not every container has; they lie where the process was started with
    /// them all the same.
    private static func pointers() -> [UnsafePointer<CChar>] {
        let known = (0..<Int(CommandLine.argc)).compactMap { CommandLine.unsafeArgv[$0].map { UnsafePointer($0) } }
        return known.isEmpty ? beforeEnvironment(UnsafePointer(environ)) : known
    }

    /// The arguments, by the place of the environment: on each architecture of Linux the stack of a new process holds the
    /// number of arguments, a pointer to each, a null pointer, and then the pointers to the environment.
    ///
    /// - Parameter environment: as the process has got it: nothing was added to it.
    static func beforeEnvironment(_ environment: UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> [UnsafePointer<CChar>]
    {
        guard let environment, environment[-1] == nil else { return [] }
        // The system takes no more than a few million.
        for count in 0..<(1 << 24) {
            let before = environment[-2 - count]
            if Int(bitPattern: before) == count {
                return (0..<count).compactMap { environment[$0 - count - 1].map { UnsafePointer($0) } }
            }
            if before == nil { return [] }
        }
        return []
    }

    /// The last component of the name that the program was started by.
    package static func program() -> String {
        guard CommandLine.argc > 0, let name = CommandLine.unsafeArgv[0] else { return "" }
        return String(cString: name).split(separator: "/").last.map { String($0) } ?? ""
    }

    package static func decode(_ bytes: UnsafeRawBufferPointer, _ encoding: LocaleEncoding?) -> String {
        if let encoding { return encoding.decode(bytes) ?? standIns(bytes) }
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        return standIns(bytes)
    }

    /// True if some characters of the text stand for bytes that are not text.
    package static func hasStandIns(_ text: some StringProtocol) -> Bool {
        text.unicodeScalars.contains { $0.value >= firstStandIn + 0x80 && $0.value <= firstStandIn + 0xFF }
    }

    /// The bytes that the text was decoded from.
    package static func encode(_ text: String) -> [UInt8] { encode(text, localeEncoding) }

    static func encode(_ text: String, _ encoding: LocaleEncoding?) -> [UInt8] {
        guard hasStandIns(text) else {
            guard let encoding else { return Array(text.utf8) }
            return Array(text.utf8).withUnsafeBytes { encoding.encode($0) }
        }
        return text.unicodeScalars.flatMap { scalar -> [UInt8] in
            if scalar.value >= firstStandIn + 0x80 { return [UInt8(truncatingIfNeeded: scalar.value)] }
            return Array(String(scalar).utf8)
        }
    }

    /// ASCII as it is, every other byte as the character that stands in for it.
    private static func standIns(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = ""
        for byte in bytes {
            if byte < 0x80 {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else if let scalar = Unicode.Scalar(firstStandIn + UInt32(byte)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension FilePath {
    /// The path that an argument or a configured name stands for, in the encoding of the locale.
    package init(argument text: String) { self.init(bytes: ArgumentText.encode(text)) }

    /// The argument that stands for the path.
    var argument: String { bytes.withUnsafeBytes { ArgumentText.decode($0, ArgumentText.localeEncoding) } }
}
