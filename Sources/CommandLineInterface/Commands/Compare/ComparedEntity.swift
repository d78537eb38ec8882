import DICOM
import DICOMProtocol

/// A study, a series or an instance as one of two sides has it.
struct ComparedEntity: Equatable {
    /// The unique keys from the study down to the entity.
    let uids: [String]
    /// The number of its instances; nil if the side does not tell.
    var instances: Int?
    /// The values of the compared attributes, as ``ComparedValue`` has them; nil for one that the side does not return.
    var values: [String?] = []
    /// The keys that nothing is known of yet.
    var open: [Tag] = []
    /// The key that it contradicts, of a side that has all of its entities at hand; otherwise those are left out.
    var contradicted: Tag?

    var uid: String { uids.last ?? "" }
}

// MARK: Records

extension ComparedEntity {
    /// The study as a record that sorts by its UID.
    var record: [UInt8] {
        var bytes = Array(uid.utf8)
        bytes.append(0)
        Self.append(UInt64(bitPattern: Int64(instances ?? -1)), count: 8, to: &bytes)
        Self.append(UInt64(contradicted?.rawValue ?? 0), count: 4, to: &bytes)
        Self.append(UInt64(open.count), count: 2, to: &bytes)
        for tag in open { Self.append(UInt64(tag.rawValue), count: 4, to: &bytes) }
        for value in values {
            // One more than the length: 0 is no value.
            Self.append(UInt64(value.map { $0.utf8.count + 1 } ?? 0), count: 4, to: &bytes)
            bytes.append(contentsOf: (value ?? "").utf8)
        }
        return bytes
    }

    /// Reads a record of ours.
    init(record: [UInt8]) {
        var rest = record[...]
        func number(_ count: Int) -> UInt64 {
            let part = rest.prefix(count)
            rest = rest.dropFirst(count)
            return part.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let end = rest.firstIndex(of: 0) ?? rest.endIndex
        uids = [String(decoding: rest[..<end], as: UTF8.self)]
        rest = rest[end...].dropFirst()
        let count = Int64(bitPattern: number(8))
        instances = count < 0 ? nil : Int(count)
        let tag = UInt32(truncatingIfNeeded: number(4))
        contradicted = tag == 0 ? nil : Tag(tag)
        for _ in 0..<number(2) { open.append(Tag(UInt32(truncatingIfNeeded: number(4)))) }
        while !rest.isEmpty {
            let length = Int(number(4))
            values.append(length == 0 ? nil : String(decoding: rest.prefix(length - 1), as: UTF8.self))
            rest = rest.dropFirst(max(length - 1, 0))
        }
    }

    private static func append(_ number: UInt64, count: Int, to bytes: inout [UInt8]) {
        for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }
}

/// The value of an attribute as it is compared and shown: decoded, and without what two archives may write differently.
enum ComparedValue {
    /// Longer values are kept by their beginning and a digest, in bytes.
    private static let maximumLength = 1_024

    /// Nil if the data set does not have the attribute, not even empty.
    ///
    /// - Parameters:
    ///   - path: the sequences that lead to the attribute, and the attribute.
    ///   - inherited: the character set of a data set that names none.
    static func text(of path: [Tag], in dataSet: DataSet, inherited: SpecificCharacterSet) -> String? {
        guard let first = path.first, let tag = path.last, dataSet[first] != nil else { return nil }
        var bytes: [UInt8] = []
        ElementText.append(path[...], of: dataSet, inheritedCharacterSet: inherited, to: &bytes)
        let vr = DataDictionary.vr(of: tag)
        let text = normalised(String(decoding: bytes, as: UTF8.self), vr, isSet: sets.contains(tag))
        guard text.utf8.count > maximumLength else { return text }
        let digest = SeededDigest.of(text)
        let start = text.unicodeScalars.prefix(maximumLength / 4)
        return "\(String(String.UnicodeScalarView(start)))... (\(text.utf8.count) bytes, \(digest))"
    }

    /// The attributes whose values have no order.
    private static let sets: [Tag] = [.modalitiesInStudy, .sopClassesInStudy]

    static func normalised(_ text: String, _ vr: ValueRepresentation, isSet: Bool = false) -> String {
        guard !vr.allowsBackslashInValue else { return trimmed(text) }
        var values = text.split(separator: "\\", omittingEmptySubsequences: false).map { one(trimmed($0), vr) }
        if isSet { values = Set(values.filter { !$0.isEmpty }).sorted() }
        while values.count > 1, values.last?.isEmpty == true { values.removeLast() }
        return values.joined(separator: "\\")
    }

    private static func one(_ value: String, _ vr: ValueRepresentation) -> String {
        switch vr {
        case .PN: return name(value)
        // 2026.01.31 is the form of ACR-NEMA (PS3.5 6.2).
        case .DA: return value.filter { $0 != "." }
        case .TM: return time(value)
        case .IS: return Int(value).map { String($0) } ?? value
        case .DS: return Double(value).map { NumberWords.plain($0) } ?? value
        default: return value
        }
    }

    /// Without empty components and component groups at the end, which mean nothing (PS3.5 6.2.1.2).
    private static func name(_ value: String) -> String {
        var groups = value.split(separator: "=", omittingEmptySubsequences: false).map { group in
            var components = group.split(separator: "^", omittingEmptySubsequences: false).map { trimmed($0) }
            while components.last?.isEmpty == true { components.removeLast() }
            return components.joined(separator: "^")
        }
        while groups.last?.isEmpty == true { groups.removeLast() }
        return groups.joined(separator: "=")
    }

    /// 1030, 10:30 and 103000.000 are one time: servers fill up what they do not have.
    private static func time(_ value: String) -> String {
        let parts = value.filter { $0 != ":" }.split(separator: ".", omittingEmptySubsequences: false)
        guard let clock = parts.first, DecimalDigits.areAll(String(clock)), parts.count < 3 else { return value }
        var text = String(clock)
        while text.utf8.count < 6 { text.append("0") }
        var fraction = parts.count == 2 ? parts[1] : ""
        while fraction.last == "0" { fraction = fraction.dropLast() }
        return fraction.isEmpty ? text : "\(text).\(fraction)"
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let end = text.lastIndex { $0 != " " }.map { text.index(after: $0) } ?? text.startIndex
        return String(text[..<end].drop { $0 == " " })
    }
}

/// A compared attribute that differs, or a key that one side contradicts.
struct ComparedDifference: Equatable {
    let attribute: String
    let first: String
    let second: String
}
