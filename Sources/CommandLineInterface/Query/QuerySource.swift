import DICOM

/// Queries as they stand in a file or come from the standard input: a DICOM file, DICOM JSON, or text with one key a line.
///
/// Text has an empty line between two queries, and `#` begins a comment line:
///
///     # studies of the last week
///     PatientName=DOE*
///     StudyDate=today-7d..today
enum QuerySource {
    /// One query.
    enum Content: Equatable {
        /// - Parameter sopClass: what the query was written for, where the file says so.
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

    /// - Parameters:
    ///   - name: of the file, for messages.
    ///   - option: that named the file.
    ///   - encoding: of text, where the locale's is not UTF-8.
    static func parse(
        _ bytes: [UInt8], name: String, option: String = "--query", encoding: LocaleEncoding? = nil
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
            throw origin.error("bytes that are no text in \(encoding?.codeset ?? "UTF-8")")
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
}
