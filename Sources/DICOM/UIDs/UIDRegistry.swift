/// The UIDs that the standard registers (PS3.6 annex A).
///
/// The facts are one string of the generated source. A look-up reads it through, some 50 µs: it serves messages and what
/// a person types, never an element of a data set.
package enum UIDRegistry {
    /// The name, such as "CT Image Storage".
    package static func name(of uid: UID) -> String? {
        line(where: .uid, is: uid.string)?.text(.name)
    }

    /// The keyword, such as "CTImageStorage".
    package static func keyword(of uid: UID) -> String? {
        line(where: .uid, is: uid.string)?.text(.keyword)
    }

    package static func uid(forKeyword keyword: String) -> UID? {
        keyword.isEmpty ? nil : line(where: .keyword, is: keyword).map { UID($0.text(.uid)) }
    }

    package static func isRetired(_ uid: UID) -> Bool {
        line(where: .uid, is: uid.string).map { !$0.text(.retired).isEmpty } ?? false
    }

    /// All storage SOP classes (PS3.4 B.5 and GG.3), those in force first, then the retired ones, which archives hold
    /// for good.
    package static let storageSOPClasses: [UID] = {
        let storage = lines.filter { line in
            line.text(.type) == "SOP Class" && line.text(.keyword).contains("Storage")
                && !otherClassesNamedStorage.contains(line.text(.keyword))
        }
        let inForce = storage.filter { $0.text(.retired).isEmpty }
        let retired = storage.filter { !$0.text(.retired).isEmpty }
        return (inForce + retired).map { UID($0.text(.uid)) }
    }()

    package static let transferSyntaxes: [UID] = lines.filter { $0.text(.type) == "Transfer Syntax" }
        .map { UID($0.text(.uid)) }

    /// The directory of a medium, and the services named after storage.
    private static let otherClassesNamedStorage: Set<String> = [
        "MediaStorageDirectoryStorage", "StorageCommitmentPushModel", "StorageCommitmentPullModel",
    ]
}

extension UIDRegistry {
    private enum Column: Int {
        case uid, keyword, name, type, retired
    }

    /// One line of `registered`.
    private struct Line {
        let columns: [Slice<UnsafeBufferPointer<UInt8>>]

        init(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
            columns = bytes.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        }

        func text(_ column: Column) -> String {
            column.rawValue < columns.count ? String(decoding: columns[column.rawValue], as: UTF8.self) : ""
        }
    }

    private static var lineBytes: [Slice<UnsafeBufferPointer<UInt8>>] {
        UnsafeBufferPointer(start: registered.utf8Start, count: registered.utf8CodeUnitCount)
            .split(separator: UInt8(ascii: "\n"))
    }

    private static var lines: [Line] {
        lineBytes.map { Line($0) }
    }

    private static func line(where column: Column, is text: String) -> Line? {
        let wanted = Array(text.utf8)
        for bytes in lineBytes {
            if column == .uid && !bytes.starts(with: wanted) { continue }
            let line = Line(bytes)
            if column.rawValue < line.columns.count, line.columns[column.rawValue].elementsEqual(wanted) {
                return line
            }
        }
        return nil
    }
}
