/// The UIDs that the standard registers (PS3.6 annex A).
///
/// The facts are one string of the generated source. The first look-up reads it through and keeps where each line is,
/// which takes about as long as one reading; negotiation and messages ask for many.
package enum UIDRegistry {
    /// The name, such as "CT Image Storage".
    package static func name(of uid: UID) -> String? {
        line(of: uid)?.text(.name)
    }

    /// The keyword, such as "CTImageStorage".
    package static func keyword(of uid: UID) -> String? {
        line(of: uid)?.text(.keyword)
    }

    package static func uid(forKeyword keyword: String) -> UID? {
        keyword.isEmpty ? nil : lines.first { $0.text(.keyword) == keyword }.map { UID($0.text(.uid)) }
    }

    /// All storage SOP classes (PS3.4 B.5 and GG.3), those in force first, then the retired ones, which archives hold
    /// for good.
    package static let storageSOPClasses: [UID] = {
        let storage = lines.filter { line in
            line.has("SOP Class", in: .type) && line.text(.keyword).contains("Storage")
                && !otherClassesNamedStorage.contains(line.text(.keyword))
        }
        let inForce = storage.filter { $0.text(.retired).isEmpty }
        let retired = storage.filter { !$0.text(.retired).isEmpty }
        return (inForce + retired).map { UID($0.text(.uid)) }
    }()

    package static let transferSyntaxes: [UID] = linesOfTransferSyntaxes.map { UID($0.text(.uid)) }

    /// Those that are not retired.
    package static let transferSyntaxesInForce: [UID] = linesOfTransferSyntaxes.filter { $0.has("", in: .retired) }
        .map { UID($0.text(.uid)) }

    private static var linesOfTransferSyntaxes: [Line] { lines.filter { $0.has("Transfer Syntax", in: .type) } }

    /// The directory of a medium, and the services named after storage.
    private static let otherClassesNamedStorage: Set<String> = [
        "MediaStorageDirectoryStorage", "StorageCommitmentPushModel", "StorageCommitmentPullModel",
    ]
}

extension UIDRegistry {
    private enum Column: Int {
        case uid, keyword, name, type, retired
    }

    /// One line of `registered`: five columns with a vertical bar between them.
    private struct Line {
        private let bytes: UnsafeRawBufferPointer

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        var start: UnsafeRawPointer { bytes.baseAddress ?? UnsafeRawPointer(registered.utf8Start) }
        var count: Int { bytes.count }

        func text(_ column: Column) -> String { String(decoding: bytes(of: column), as: UTF8.self) }

        /// True if the column has this text: no string is made of it.
        func has(_ text: StaticString, in column: Column) -> Bool {
            bytes(of: column).elementsEqual(
                UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        }

        private func bytes(of column: Column) -> UnsafeRawBufferPointer {
            var start = 0
            for _ in 0..<column.rawValue { start = end(from: start) + 1 }
            guard start <= bytes.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            return UnsafeRawBufferPointer(rebasing: bytes[start..<end(from: start)])
        }

        private func end(from start: Int) -> Int {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "|") { end += 1 }
            return end
        }
    }

    private static var lines: [Line] {
        let all = UnsafeRawBufferPointer(start: registered.utf8Start, count: registered.utf8CodeUnitCount)
        var lines: [Line] = []
        lines.reserveCapacity(512)
        var start = 0
        while start < all.count {
            var end = start
            while end < all.count, all[end] != UInt8(ascii: "\n") { end += 1 }
            if end > start { lines.append(Line(UnsafeRawBufferPointer(rebasing: all[start..<end]))) }
            start = end + 1
        }
        return lines
    }

    /// The line of a UID, found once for all.
    private static func line(of uid: UID) -> Line? {
        index[uid.string].map { Line(UnsafeRawBufferPointer(start: registered.utf8Start + $0.start, count: $0.count)) }
    }

    /// The place of each UID's line in `registered`.
    private static let index: [String: (start: Int, count: Int)] = {
        let base = UnsafeRawPointer(registered.utf8Start)
        return Dictionary(
            lines.map { line in (line.text(.uid), (start: line.start - base, count: line.count)) },
            uniquingKeysWith: { first, _ in first })
    }()
}
