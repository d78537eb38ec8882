import DICOM

/// One key of a query, made ready to be held against many instances: the matching types of PS3.4 C.2.2.2.
enum KeyCriterion: Sendable {
    /// An empty key, C.2.2.2.3: fits everything, also what is not there.
    case universal
    /// C.2.2.2.2.
    case uids(Set<String>)
    case moments([MomentRange])
    case names([NamePattern])
    case texts([TextPattern])
    /// Numbers in text, IS and DS: `1` fits `01` and `1.0`.
    case numbers([Double])
    /// Values that are no text.
    case bytes(ArraySlice<UInt8>)
    /// C.2.2.2.6: one item of the instance's has to fit all keys of the item.
    case sequence(KeyMatching)
    /// A value that nothing can be equal to, such as a date that is none.
    case nothing

    init(_ key: DataElement, characterSet: SpecificCharacterSet, combinesDateAndTime: Bool) {
        switch key.value {
        case .items(let items):
            guard let item = items.first else {
                self = .universal
                return
            }
            let set = SpecificCharacterSet(of: item, inherited: characterSet)
            let keys = KeyMatching(
                item.elements, characterSet: set, combinesDateAndTime: combinesDateAndTime)
            self = keys.isUniversal ? .universal : .sequence(keys)
        case .fragments:
            self = .nothing
        case .bytes(let bytes):
            self.init(bytes, Self.vr(of: key), characterSet)
        }
    }

    private init(_ bytes: ArraySlice<UInt8>, _ vr: ValueRepresentation, _ characterSet: SpecificCharacterSet) {
        guard !bytes.isEmpty else {
            self = .universal
            return
        }
        guard vr.isText else {
            self = .bytes(bytes)
            return
        }
        let values = characterSet.decodeValues(bytes, vr: vr).filter { !$0.isEmpty }
        guard !values.isEmpty else {
            self = .universal
            return
        }
        switch vr {
        case .UI: self = .uids(Set(values))
        case .DA, .TM, .DT:
            let ranges = values.compactMap { MomentRange($0, vr: vr) }
            self = ranges.isEmpty ? .nothing : .moments(ranges)
        case .IS, .DS:
            let numbers = values.compactMap { Double($0) }
            self = numbers.isEmpty ? .nothing : .numbers(numbers)
        case .PN: self = values == ["*"] ? .universal : .names(values.map { NamePattern($0) })
        default:
            // Without wildcards: a date of birth's age (PS3.4 C.2.2.2.4 lists what may have them).
            let wildcards = vr != .AS
            self =
                values == ["*"] && wildcards ? .universal : .texts(values.map { TextPattern($0, wildcards: wildcards) })
        }
    }

    var isUniversal: Bool { if case .universal = self { true } else { false } }

    /// An attribute with several values fits if one of them does.
    func matches(_ element: DataElement?, characterSet: SpecificCharacterSet) -> Bool {
        if case .universal = self { return true }
        guard let element, !element.isEmpty else { return false }
        switch self {
        case .universal: return true
        case .nothing: return false
        case .bytes(let wanted):
            if case .bytes(let bytes) = element.value { return bytes == wanted } else { return false }
        case .sequence(let keys):
            guard case .items(let items) = element.value else { return false }
            return items.contains { item in
                let set = SpecificCharacterSet(of: item, inherited: characterSet)
                return keys.matches(characterSet: set) { item[$0] }
            }
        case .uids, .moments, .names, .texts, .numbers:
            guard case .bytes(let bytes) = element.value else { return false }
            return characterSet.decodeValues(bytes, vr: Self.vr(of: element)).contains { fits($0) }
        }
    }

    private func fits(_ value: String) -> Bool {
        switch self {
        case .uids(let wanted): wanted.contains(value)
        case .moments(let ranges): ranges.contains { $0.matches(value) }
        case .names(let patterns): patterns.contains { $0.matches(value) }
        case .texts(let patterns): patterns.contains { $0.matches(value) }
        case .numbers(let wanted): Double(value).map { wanted.contains($0) } ?? false
        case .universal, .bytes, .sequence, .nothing: false
        }
    }

    /// What came as UN is what the dictionary says.
    private static func vr(of element: DataElement) -> ValueRepresentation {
        element.vr == .UN ? DataDictionary.vr(of: element.tag) : element.vr
    }
}
