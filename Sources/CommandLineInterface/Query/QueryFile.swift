package import DICOM
import DICOMNode
import Glibc
import System

/// Queries in a file or from the standard input: a DICOM file, DICOM JSON, or text with one key on each line.
///
/// Text has an empty line between two queries, and `#` begins a comment line:
///
///     # studies of the last week
///     PatientName=DOE*
///     StudyDate=today-7d..today
package enum QueryFile {
    /// One query of a file.
    enum Content: Equatable {
        /// - Parameter sopClass: the SOP class that the query was written for; nil if the file does not name one.
        case dataSet(DataSet, sopClass: UID?)
        case keys([QueryKey])
    }

    /// Where queries come from, for messages.
    private struct Origin {
        let option: String
        let name: String

        func error(_ why: String) -> UsageError {
            UsageError(
                .unreadableQuery, option: option, value: name, problem: "\(option) \(name): \(why)",
                accepted: "a DICOM file, data sets in DICOM JSON, or lines of KEY[=VALUE]")
        }
    }

    /// Reads the queries of a file.
    ///
    /// - Parameters:
    ///   - name: of the file, for messages.
    ///   - option: that named the file.
    ///   - encoding: of text; nil: UTF-8.
    /// - Throws: ``UsageError`` if the content is of none of the forms, or holds no query.
    static func parse(
        _ bytes: [UInt8], name: String, option: String = "\(OptionName.query)", encoding: LocaleEncoding? = nil
    ) throws(UsageError) -> [Content] {
        let origin = Origin(option: option, name: name)
        let queries: [Content]
        if isDICOM(bytes) {
            queries = [try dicomFile(bytes, origin)]
        } else if let first = bytes.first(where: { !isSpace($0) }),
            first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        {
            queries = try json(bytes, origin)
        } else {
            queries = try text(bytes, origin, encoding)
        }
        guard !queries.isEmpty else { throw origin.error("nothing in it") }
        return queries
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// A NUL has no place in text; a data set without a preamble has one in its first tag.
    private static func isDICOM(_ bytes: [UInt8]) -> Bool { bytes.prefix(1024).contains(0) }

    // MARK: DICOM

    private static func dicomFile(_ bytes: [UInt8], _ origin: Origin) throws(UsageError) -> Content {
        do throws(DataSetError) {
            let (meta, offset) = try FileMetaInformation.decode(bytes[...])
            let dataSet = try DataSetDecoder(meta.transferSyntax).decode(bytes[offset...])
            let sopClass = meta.mediaStorageSOPClassUID
            return .dataSet(dataSet, sopClass: sopClass.string.isEmpty ? nil : sopClass)
        } catch {
            guard error.code == .notDICOM || error.code == .metaInformationMissing else {
                throw origin.error(error.description)
            }
        }
        // As gdcmscu writes it: a preamble without meta information; or nothing but the data set.
        let start = FileMetaInformation.preambleLength + FileMetaInformation.prefix.count
        let hasPreamble = bytes.dropFirst(FileMetaInformation.preambleLength).starts(with: FileMetaInformation.prefix)
        let rest = bytes[(hasPreamble ? min(start, bytes.count) : 0)...]
        guard let syntax = TransferSyntax.guessed(fromDataSet: rest) else {
            throw origin.error("neither DICOM nor text")
        }
        do throws(DataSetError) {
            return .dataSet(try DataSetDecoder(syntax).decode(rest), sopClass: nil)
        } catch {
            throw origin.error(error.description)
        }
    }

    private static func json(_ bytes: [UInt8], _ origin: Origin) throws(UsageError) -> [Content] {
        do throws(DICOMJSONError) {
            return try DICOMJSON.parse(bytes).map { .dataSet($0, sopClass: nil) }
        } catch {
            throw origin.error(error.description)
        }
    }

    // MARK: Text

    private static func text(
        _ bytes: [UInt8], _ origin: Origin, _ encoding: LocaleEncoding?
    ) throws(UsageError) -> [Content] {
        let text = encoding.map { encoding in bytes.withUnsafeBytes { encoding.decode($0) } }
        guard let decoded = text ?? String(validating: bytes, as: UTF8.self) else {
            throw origin.error("bytes that are not valid text in \(encoding?.codeset ?? "UTF-8")")
        }
        var queries: [[QueryKey]] = []
        var keys: [QueryKey] = []
        for (index, line) in decoded.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            // Spaces at the end may belong to a value, those in front to none.
            let key = line.drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
            if key.isEmpty {
                if !keys.isEmpty { queries.append(keys) }
                keys = []
            } else if key.first != "#" {
                do throws(UsageError) {
                    keys.append(try QueryKeyParser.parse(String(key)))
                } catch {
                    throw UsageError(
                        error.code, option: origin.option, value: error.value,
                        problem: "\(origin.name), line \(index + 1): \(error.problem)",
                        accepted: error.accepted, suggestion: error.suggestion)
                }
            }
        }
        if !keys.isEmpty { queries.append(keys) }
        return queries.map { .keys($0) }
    }

    // MARK: Writing

    /// A query as a DICOM file: preamble, File Meta Information, data set in Implicit VR Little Endian.
    ///
    /// - Parameter sopClass: the SOP class of the operation that the query is for: find, move or get of its model.
    package static func encode(_ dataSet: DataSet, sopClass: UID, instance: UID) -> [UInt8] {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: instance,
            transferSyntax: .implicitVRLittleEndian)
        var bytes = meta.encode()
        DataSetEncoder(.implicitVRLittleEndian).encode(dataSet, into: &bytes)
        return bytes
    }
}

/// Reads a file of keys, or the standard input, as a whole.
enum FileInput {
    /// Larger than any query, so that an image named by mistake does not fill the memory.
    private static let maximumLength = 16 << 20

    /// - Throws: `FileReadError` if the file cannot be read or is far too long for a query.
    static func read(_ path: FilePath) throws(FileReadError) -> [UInt8] {
        try FileDescriptor.contents(of: path, limit: maximumLength)
    }

    /// - Throws: `FileReadError` if the standard input cannot be read or is far too long for a query.
    static func readStandardInput() throws(FileReadError) -> [UInt8] {
        try FileDescriptor.readAll(STDIN_FILENO, limit: maximumLength)
    }
}
