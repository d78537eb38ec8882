import DICOM
import DICOMNode
import System

/// gdcmscu's text: a numbered heading, one line for each element, an empty line.
final class TextMatchWriter: MatchWriter {
    private let layout: MatchLayout
    private let title: [UInt8]
    private var comments = ElementComments()

    init(_ layout: MatchLayout) {
        self.layout = layout
        title = Array("\(layout.title): ".utf8)
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        buffer.append(contentsOf: title)
        buffer.append(contentsOf: layout.showsNodes ? "\(number) (\(match.node))\n".utf8 : "\(number)\n".utf8)
        DataSetText.appendLines(
            match.dataSet, to: &buffer, inheritedCharacterSet: layout.assumedCharacterSet, comments: &comments)
        buffer.append(UInt8(ascii: "\n"))
    }
}

/// Comma- or tab-separated rows below a line of column titles, one line for each match.
///
/// CSV is quoted by RFC 4180, with a line feed at the end of a line. TSV has no quoting, and its values have no tabs: like all
/// control characters they show as their Unicode pictures. In CSV, a value that a spreadsheet would evaluate as a formula, one
/// that begins with `= + - @` and is not a number, gets an apostrophe in front.
final class SeparatedMatchWriter: MatchWriter {
    enum Separator {
        case comma, tab

        private var byte: UInt8 { self == .comma ? UInt8(ascii: ",") : UInt8(ascii: "\t") }

        /// Appends one line of cells.
        func append(_ cells: [String], to buffer: inout [UInt8]) {
            for (index, cell) in cells.enumerated() {
                append(Array(cell.utf8), isFirst: index == 0, to: &buffer)
            }
            buffer.append(UInt8(ascii: "\n"))
        }

        fileprivate func append(_ cell: [UInt8], isFirst: Bool, to buffer: inout [UInt8]) {
            if !isFirst { buffer.append(byte) }
            guard self == .comma else {
                buffer.append(contentsOf: cell)
                return
            }
            let quote = UInt8(ascii: "\"")
            let isFormula = Self.isFormula(cell)
            guard cell.contains(where: { $0 == UInt8(ascii: ",") || $0 == quote }) else {
                if isFormula { buffer.append(UInt8(ascii: "'")) }
                buffer.append(contentsOf: cell)
                return
            }
            buffer.append(quote)
            if isFormula { buffer.append(UInt8(ascii: "'")) }
            for byte in cell {
                if byte == quote { buffer.append(byte) }
                buffer.append(byte)
            }
            buffer.append(quote)
        }

        private static func isFormula(_ cell: [UInt8]) -> Bool {
            switch cell.first {
            case UInt8(ascii: "="), UInt8(ascii: "@"): true
            // One that a value has already is doubled, so that what is read back is the value.
            case UInt8(ascii: "'"): cell.dropFirst().first.map { "=+-@'".utf8.contains($0) } ?? false
            case UInt8(ascii: "+"), UInt8(ascii: "-"): Double(String(decoding: cell, as: UTF8.self)) == nil
            default: false
            }
        }
    }

    private let layout: MatchLayout
    private let separator: Separator
    private var hasTitles = false
    private var cell: [UInt8] = []

    init(_ layout: MatchLayout, separator: Separator) {
        self.layout = layout
        self.separator = separator
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        appendTitles(to: &buffer)
        for (index, column) in layout.columns.enumerated() {
            cell.removeAll(keepingCapacity: true)
            column.append(match, layout, to: &cell)
            separator.append(cell, isFirst: index == 0, to: &buffer)
        }
        buffer.append(UInt8(ascii: "\n"))
    }

    func finish(_ buffer: inout [UInt8]) {
        // Without matches, the titles are written all the same.
        appendTitles(to: &buffer)
    }

    private func appendTitles(to buffer: inout [UInt8]) {
        guard !hasTitles else { return }
        hasTitles = true
        separator.append(layout.columns.map(\.title), to: &buffer)
    }
}

/// The DICOM JSON Model (PS3.18 F): one array of all matches, or one object on each line.
///
/// UTF-8 by RFC 8259; if the output has another encoding, characters beyond ASCII are escaped.
final class JSONMatchWriter: MatchWriter {
    private let layout: MatchLayout
    private let isArray: Bool
    private var hasWritten = false

    init(_ layout: MatchLayout, isArray: Bool) {
        self.layout = layout
        self.isArray = isArray
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) {
        if isArray { buffer.append(contentsOf: (hasWritten ? ",\n" : "[\n").utf8) }
        let start = buffer.count
        // The object has no other place for the node.
        if layout.showsNodes, match.dataSet.string(.retrieveAETitle) == nil {
            var dataSet = match.dataSet
            dataSet.set(.retrieveAETitle, .AE, String(match.node.prefix { $0 != "@" }))
            DICOMJSON.append(dataSet, to: &buffer, inheritedCharacterSet: layout.assumedCharacterSet)
        } else {
            DICOMJSON.append(match.dataSet, to: &buffer, inheritedCharacterSet: layout.assumedCharacterSet)
        }
        if layout.escapesNonASCII { DICOMJSON.escapeNonASCII(in: &buffer, from: start) }
        if !isArray { buffer.append(UInt8(ascii: "\n")) }
        hasWritten = true
    }

    func finish(_ buffer: inout [UInt8]) {
        if isArray { buffer.append(contentsOf: (hasWritten ? "\n]\n" : "[]\n").utf8) }
    }
}

/// One DICOM file for each match, `rsp0001.dcm` and so on, in the transfer syntax in which it was received.
///
/// A file of the same name is treated as ``InstanceWriter/Existing`` says.
final class FileMatchWriter: MatchWriter {
    private let folder: OutputFolder
    private let existing: InstanceWriter.Existing
    private let sopClass: UID
    private let newUID: () -> UID
    private let report: (FilePath, InstanceWriter.Outcome.Kind) -> Void

    /// - Parameters:
    ///   - sopClass: of the query, as a match has none of its own.
    ///   - report: is called with the path of each file.
    /// - Throws: ``RunFailure`` if the folder cannot be made or written to.
    init(
        folder: FilePath, existing: InstanceWriter.Existing, sopClass: UID, newUID: @escaping () -> UID,
        report: @escaping (FilePath, InstanceWriter.Outcome.Kind) -> Void
    ) throws(RunFailure) {
        do throws(FileProblem) {
            // Made, if it is missing, before anything is sent.
            self.folder = try OutputFolder(folder, syncing: .none)
        } catch {
            throw RunFailure(.localFiles, Message(error))
        }
        self.existing = existing
        self.sopClass = sopClass
        self.newUID = newUID
        self.report = report
    }

    func append(_ match: Match, number: Int, to buffer: inout [UInt8]) throws(RunFailure) {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: newUID(),
            transferSyntax: match.transferSyntax)
        do throws(FileProblem) {
            let (path, kind) = try folder.write(
                meta.encode() + match.bytes, named: Self.name(number), existing: existing)
            report(path, kind)
        } catch {
            throw RunFailure(.localFiles, Message(error))
        }
    }

    /// At least four digits, so that ten thousand names sort in the order of the matches.
    private static func name(_ number: Int) -> String {
        "rsp\(DecimalDigits.text(number, count: 4)).dcm"
    }
}
