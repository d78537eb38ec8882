/// The data elements of PS3.6, and those of a command of PS3.7 annex E.
///
/// The facts are three strings of the generated source, so that nothing is built when the program starts; a look-up is
/// a binary search over them.
package enum DataDictionary {
    package struct Entry: Sendable, Equatable {
        /// The tag that was asked for, also where the entry stands for a repeating group (PS3.5 7.6).
        package let tag: Tag
        /// See `DataDictionary.vr(of:)`.
        package let vr: ValueRepresentation
        /// The value multiplicity as PS3.6 writes it, such as "1-n".
        package let vm: String
        /// Empty for a few retired elements.
        package let keyword: String
        package let name: String
        package let isRetired: Bool
    }

    /// The entry of a tag, of its repeating group, of a group length or of a private creator; nil for all others.
    package static func entry(for tag: Tag) -> Entry? {
        if tag.isPrivateCreator {
            return Entry(
                tag: tag, vr: .LO, vm: "1", keyword: "PrivateCreator", name: "Private Creator", isRetired: false)
        }
        guard let record = record(of: tag) else {
            guard tag.isGroupLength else { return nil }
            return Entry(
                tag: tag, vr: .UL, vm: "1", keyword: "GenericGroupLength", name: "Generic Group Length",
                isRetired: true)
        }
        let line = textLine(of: record).split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        guard line.count == 4 else { return nil }
        return Entry(
            tag: tag, vr: representation(of: record).vr ?? .UN, vm: String(decoding: line[2], as: UTF8.self),
            keyword: String(decoding: line[0], as: UTF8.self), name: String(decoding: line[1], as: UTF8.self),
            isRetired: !line[3].isEmpty)
    }

    /// The keyword of a tag; `(gggg,eeee)` if it has none.
    package static func keyword(of tag: Tag) -> String {
        guard let keyword = entry(for: tag)?.keyword, !keyword.isEmpty else { return "\(tag)" }
        return keyword
    }

    /// The keyword with the tag, for messages: `PatientName (0010,0010)`; the tag alone if it has no keyword.
    package static func label(of tag: Tag) -> String {
        guard let keyword = entry(for: tag)?.keyword, !keyword.isEmpty else { return "\(tag)" }
        return "\(keyword) \(tag)"
    }

    /// The tag of a keyword, such as "PatientName"; of a repeating group its first one, such as (6000,0010).
    package static func tag(forKeyword keyword: String) -> Tag? {
        let wanted = Array(keyword.utf8)
        var low = 0
        var high = keywordCount
        while low < high {
            let middle = low + (high - low) / 2
            if DataDictionary.keyword(ofRank: middle).lexicographicallyPrecedes(wanted) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < keywordCount, DataDictionary.keyword(ofRank: low).elementsEqual(wanted) else { return nil }
        return firstOfRepeatingGroup(tag(of: recordNumber(ofKeywordRank: low)))
    }

    private static func tag(of record: Int) -> Tag {
        let digits = UnsafeBufferPointer(start: records.utf8Start + record * recordLength, count: 8)
        return Tag(UInt32(truncatingIfNeeded: number(fromHexadecimal: digits)))
    }

    /// The tag of a keyword or a name by its letters and digits alone, whatever their case: `patient's name` is "PatientName". A
    /// keyword goes before a name, and what is in use before what is retired.
    package static func tag(forLettersOf text: some StringProtocol) -> Tag? {
        let wanted = text.utf8.compactMap(letter)
        guard !wanted.isEmpty else { return nil }
        var best: (rank: Int, record: Int)?
        for record in 0..<recordCount {
            let line = texts(from: record)
            guard var at = line.base.baseAddress.map({ $0 + line.startIndex }) else { continue }
            let end = at + line.count
            let rank: Int
            if readField(&at, end, hasLetters: wanted) {
                rank = 0
            } else {
                at += 1
                guard readField(&at, end, hasLetters: wanted) else { continue }
                var last = at
                while at < end, at.pointee != UInt8(ascii: "\n") {
                    last = at
                    at += 1
                }
                rank = last.pointee == separator ? 1 : 2
            }
            if best.map({ rank < $0.rank }) ?? true { best = (rank, record) }
            if rank == 0 { break }
        }
        return best.map { firstOfRepeatingGroup(tag(of: $0.record)) }
    }

    private static let separator = UInt8(ascii: "|")

    /// The byte in lower case if it is a letter or a digit.
    private static func letter(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39, 0x61...0x7A: byte
        case 0x41...0x5A: byte | 0x20
        default: nil
        }
    }

    /// Reads up to the end of a field, with no function called for a byte: all fields of the dictionary are read so.
    private static func readField(
        _ at: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, hasLetters wanted: [UInt8]
    ) -> Bool {
        wanted.withUnsafeBufferPointer { wanted in
            var index = 0
            var isEqual = true
            while at < end {
                var byte = at.pointee
                if byte == separator || byte == UInt8(ascii: "\n") { break }
                at += 1
                if byte >= 0x41, byte <= 0x5A { byte |= 0x20 }
                guard (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39) else { continue }
                if isEqual { isEqual = index < wanted.count && wanted[index] == byte }
                index += 1
            }
            return isEqual && index == wanted.count
        }
    }

    /// The representation that an element has in Implicit VR (PS3.5 A.1); UN where the tag is unknown (PS3.5 6.2.2).
    ///
    /// If PS3.6 leaves a choice, it is OW for "OB or OW" and "US or OW", since Implicit VR admits no other, and US for
    /// "US or SS", see `dependsOnPixelRepresentation`.
    package static func vr(of tag: Tag) -> ValueRepresentation {
        implicitRepresentation(of: tag).vr
    }

    /// True if PS3.6 says "US or SS": SS if Pixel Representation (0028,0103) is 1.
    package static func dependsOnPixelRepresentation(_ tag: Tag) -> Bool {
        implicitRepresentation(of: tag).dependsOnPixelRepresentation
    }

    /// Both of the above in one look-up, for readers of Implicit VR.
    static func implicitRepresentation(of tag: Tag) -> (vr: ValueRepresentation, dependsOnPixelRepresentation: Bool) {
        if tag.isPrivate {
            return (tag.isPrivateCreator ? .LO : tag.isGroupLength ? .UL : .UN, false)
        }
        guard let record = record(of: tag) else {
            return (tag.isGroupLength ? .UL : .UN, false)
        }
        let found = representation(of: record)
        return (found.vr ?? .UN, found.isChoice && found.vr == .US)
    }

    /// All keywords in ascending order.
    package static var keywords: some RandomAccessCollection<String> {
        (0..<keywordCount).lazy.map { String(decoding: keyword(ofRank: $0), as: UTF8.self) }
    }
}

// The layout of the generated strings.
extension DataDictionary {
    /// Tag (8 hexadecimal digits), representation (2 letters), place in `texts` (5 hexadecimal digits), end of line.
    private static let recordLength = 16
    private static var recordCount: Int { (records.utf8CodeUnitCount + 1) / recordLength }
    /// Number of the record (4 hexadecimal digits), end of line.
    private static let keywordOrderLength = 5
    private static var keywordCount: Int { (keywordOrder.utf8CodeUnitCount + 1) / keywordOrderLength }

    private static func record(of tag: Tag) -> Int? {
        if let exact = exactRecord(of: tag) { return exact }
        guard let repeated = repeatingForm(of: tag) else { return nil }
        return exactRecord(of: repeated)
    }

    /// Compares tags as the eight digits that stand in the string: their order is that of the numbers.
    private static func exactRecord(of tag: Tag) -> Int? {
        let wanted = Hexadecimal.eightDigits(tag.rawValue)
        let start = UnsafeRawPointer(records.utf8Start)
        var base = 0
        var count = recordCount
        // Both halves are computed without a branch that depends on the data: the processor cannot guess it.
        while count > 1 {
            let half = count / 2
            let middle = start.loadUnaligned(fromByteOffset: (base + half) * recordLength, as: UInt64.self)
            base = UInt64(bigEndian: middle) <= wanted ? base + half : base
            count -= half
        }
        let found = start.loadUnaligned(fromByteOffset: base * recordLength, as: UInt64.self)
        return UInt64(bigEndian: found) == wanted ? base : nil
    }

    /// The upper case letters of the representation; lower case ones in the string mark that PS3.6 leaves a choice.
    private static func representation(of record: Int) -> (vr: ValueRepresentation?, isChoice: Bool) {
        let letters = UnsafeRawPointer(records.utf8Start).loadUnaligned(
            fromByteOffset: record * recordLength + 8, as: UInt16.self)
        let upper = UInt16(bigEndian: letters) & 0xFFDF
        return (ValueRepresentation(rawValue: upper), upper != UInt16(bigEndian: letters))
    }

    private static func textLine(of record: Int) -> UnsafeBufferPointer<UInt8>.SubSequence {
        texts(from: record).prefix { $0 != UInt8(ascii: "\n") }
    }

    /// The line of the record and all that follow.
    private static func texts(from record: Int) -> UnsafeBufferPointer<UInt8>.SubSequence {
        let place = UnsafeBufferPointer(start: records.utf8Start + record * recordLength + 10, count: 5)
        return UnsafeBufferPointer(start: texts.utf8Start, count: texts.utf8CodeUnitCount)
            .dropFirst(Int(truncatingIfNeeded: number(fromHexadecimal: place)))
    }

    private static func recordNumber(ofKeywordRank rank: Int) -> Int {
        let digits = UnsafeBufferPointer(start: keywordOrder.utf8Start + rank * keywordOrderLength, count: 4)
        return Int(truncatingIfNeeded: number(fromHexadecimal: digits))
    }

    private static func keyword(ofRank rank: Int) -> UnsafeBufferPointer<UInt8>.SubSequence {
        texts(from: recordNumber(ofKeywordRank: rank)).prefix { $0 != UInt8(ascii: "|") }
    }

    private static func number(fromHexadecimal digits: UnsafeBufferPointer<UInt8>) -> UInt64 {
        digits.reduce(0) { $0 << 4 | UInt64($1 < 0x40 ? $1 & 0x0F : $1 - 0x37) }
    }
}

// Where PS3.6 writes x for a digit of a tag, the string has F, which makes those of groups odd: no private tag gets here.
extension DataDictionary {
    private static func repeatingForm(of tag: Tag) -> Tag? {
        switch tag.group {
        case 0x0020 where tag.element >> 8 == 0x31: Tag(tag.rawValue | 0x0000_00FF)
        case 0x0028 where tag.element >> 8 == 0x04 || tag.element >> 8 == 0x08: Tag(tag.rawValue | 0x0000_00F0)
        case 0x1000: Tag(tag.rawValue | 0x0000_FFF0)
        case 0x1010: Tag(tag.rawValue | 0x0000_FFFF)
        case 0x5000...0x50FF, 0x6000...0x60FF, 0x7F00...0x7FFF: Tag(tag.rawValue | 0x00FF_0000)
        default: nil
        }
    }

    private static func firstOfRepeatingGroup(_ stored: Tag) -> Tag {
        switch stored.group {
        case 0x50FF, 0x60FF, 0x7FFF: Tag(stored.rawValue & 0xFF00_FFFF)
        case 0x0020 where stored.element == 0x31FF: Tag(group: 0x0020, element: 0x3100)
        case 0x1000: Tag(stored.rawValue & 0xFFFF_001F)
        default: stored
        }
    }
}

/// The number of values that an element may have, as PS3.6 writes it: `1`, `1-3`, `1-n`, `2-2n`, `1-n or 1`.
enum ValueMultiplicity {
    static func allows(_ count: Int, by text: String) -> Bool {
        // The two commonest by far.
        if text == "1" { return count == 1 }
        if text == "1-n" { return count >= 1 }
        return text.split(separator: " ").contains { part in
            let bounds = part.split(separator: "-", maxSplits: 1)
            guard let first = bounds.first, let low = Int(first) else { return false }
            guard bounds.count == 2 else { return count == low }
            guard bounds[1].hasSuffix("n") else { return count >= low && count <= Int(bounds[1]) ?? low }
            // "2-2n" counts by twos, "2-n" by ones.
            let step = Int(bounds[1].dropLast()) ?? 1
            return count >= low && step > 0 && count.isMultiple(of: step)
        }
    }
}
