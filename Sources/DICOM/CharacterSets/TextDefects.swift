/// What is wrong with the text of a data set: characters that its character set does not decode, and names that have lost their
/// letters.
package struct TextDefects {
    /// The number of characters that cannot be decoded, those of items too.
    package private(set) var undecodable = 0
    /// True if all values that cannot be decoded are text in UTF-8.
    package private(set) var isUTF8 = true
    /// True if a name has a group of delimiters alone: a server that converts names to a set without their letters leaves these.
    package private(set) var hasEmptiedName = false

    /// - Parameter inherited: the set of a data set that names none.
    package init(of dataSet: DataSet, inherited: SpecificCharacterSet) {
        collect(dataSet, inherited)
    }

    private mutating func collect(_ dataSet: DataSet, _ inherited: SpecificCharacterSet) {
        var set: SpecificCharacterSet?
        let elements = dataSet.elements
        // Most elements are no text, and are not copied to see that.
        for index in elements.indices {
            let vr = elements[index].vr
            guard vr.usesSpecificCharacterSet || elements[index].value.hasItems else { continue }
            switch elements[index].value {
            case .bytes(let bytes):
                if vr == .PN { hasEmptiedName = hasEmptiedName || Self.isEmptied(bytes) }
                guard !bytes.withUnsafeBytes({ DefaultRepertoire.isPlain($0) }) else { continue }
                let own = set ?? SpecificCharacterSet(of: dataSet, inherited: inherited)
                set = own
                let lost = own.undecodableCharacters(in: bytes, vr: vr)
                if lost > 0, String(validating: bytes, as: UTF8.self) == nil { isUTF8 = false }
                undecodable += lost
            case .items(let items):
                let own = set ?? SpecificCharacterSet(of: dataSet, inherited: inherited)
                set = own
                for item in items { collect(item, own) }
            case .fragments: continue
            }
        }
    }

    private static func isEmptied(_ name: ArraySlice<UInt8>) -> Bool {
        name.withUnsafeBytes { name in
            var (group, delimiters, hasLetters) = (0, 0, false)
            for byte in name {
                switch byte {
                case UInt8(ascii: "="):
                    if !hasLetters, mayBeEmptied(group, delimiters) { return true }
                    (group, delimiters, hasLetters) = (group + 1, 0, false)
                case UInt8(ascii: "^"): delimiters += 1
                case UInt8(ascii: " "): continue
                default: hasLetters = true
                }
            }
            return !hasLetters && mayBeEmptied(group, delimiters)
        }
    }

    /// Some programs write all delimiters of a group that there is not.
    private static func mayBeEmptied(_ group: Int, _ delimiters: Int) -> Bool {
        delimiters > 0 && (group == 0 || delimiters < 3)
    }
}
