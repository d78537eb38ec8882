import CProcess
package import DICOM
import Glibc
import System

/// Conversion of command line arguments between bytes and text: keys are text in the locale's encoding, paths are
/// bytes.
///
/// A path is converted to text with the other arguments and back to the same bytes when it is opened. Bytes that are
/// not text in the encoding become unused characters, the last ones of Unicode's private use.
package enum ArgumentText {
    /// The character encoding of the user's locale, as `nl_langinfo(CODESET)` names it. A fact of the process: its locale is set
    /// once, here, and only where its name leaves the encoding open: the files of a locale cost a tenth of a start.
    static let codeset: String = {
        let name = localeName { getenv($0).map { String(cString: $0) } }
        if let known = codeset(ofLocale: name) { return known }
        setlocale(LC_CTYPE, "")
        return nl_langinfo(CInt(CODESET)).map { String(cString: $0) } ?? "UTF-8"
    }()

    /// The name of the locale of characters, XBD 8.2: the first of the variables that is not empty; empty if all are.
    static func localeName(_ variable: (String) -> String?) -> String {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            if let value = variable(name), !value.isEmpty { return value }
        }
        return ""
    }

    /// The codeset that the name of a locale ends with, where it is UTF-8, or that of the locale "C"; nil where the system has to
    /// be asked.
    static func codeset(ofLocale name: String) -> String? {
        switch name {
        case "", "C", "POSIX": "ANSI_X3.4-1968"
        case _ where [".UTF-8", ".utf8", ".UTF8", ".utf-8"].contains { name.hasSuffix($0) }: "UTF-8"
        default: nil
        }
    }

    /// The encoding of the process's locale, where it is not UTF-8.
    static let localeEncoding = LocaleEncoding(codeset: codeset)

    private static let firstStandIn: UInt32 = 0x10FF00

    /// The arguments of this process without the program's name.
    package static func ofProcess() -> [String] {
        var count: CInt = 0
        guard let arguments = processArguments(&count), count > 1 else { return [] }
        var texts: [String] = []
        for index in 1..<Int(count) {
            guard let argument = arguments[index] else { break }
            texts.append(decode(UnsafeRawBufferPointer(start: argument, count: strlen(argument)), localeEncoding))
        }
        return texts
    }

    /// The last component of the name that the program was started by.
    package static func program() -> String {
        var count: CInt = 0
        guard let arguments = processArguments(&count), count > 0, let name = arguments[0] else { return "" }
        guard let slash = strrchr(name, CInt(UInt8(ascii: "/"))) else { return String(cString: name) }
        return String(cString: slash + 1)
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
