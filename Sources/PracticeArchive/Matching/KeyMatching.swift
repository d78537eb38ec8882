import DICOM

/// The keys of an identifier or of one item of it, made ready to be held against many data sets: all of them have to fit.
struct KeyMatching: Sendable {
    private let criteria: [(tag: Tag, criterion: KeyCriterion)]
    private let moments: [CombinedMoment]

    /// - Parameter combinesDateAndTime: a range of dates and the range of times that belongs to it mean one range of moments,
    ///   PS3.4 C.2.2.2.5.1; else each is matched by itself.
    init(_ keys: [DataElement], characterSet: SpecificCharacterSet, combinesDateAndTime: Bool) {
        moments = combinesDateAndTime ? CombinedMoment.all(in: keys) : []
        let combined = Set(moments.flatMap { [$0.date, $0.time] })
        criteria = keys.filter { !combined.contains($0.tag) }.map { key in
            (key.tag, KeyCriterion(key, characterSet: characterSet, combinesDateAndTime: combinesDateAndTime))
        }.filter { !$0.1.isUniversal }
    }

    /// Whether everything fits.
    var isUniversal: Bool { criteria.isEmpty && moments.isEmpty }

    /// - Parameter element: looks up what the data set has.
    func matches(characterSet: SpecificCharacterSet, element: (Tag) -> DataElement?) -> Bool {
        criteria.allSatisfy { $0.criterion.matches(element($0.tag), characterSet: characterSet) }
            && moments.allSatisfy { $0.matches(element) }
    }
}

/// A range of dates with a range of times: from the first day at the first time to the last day at the last time.
private struct CombinedMoment: Sendable {
    let date: Tag
    let time: Tag
    private let range: MomentRange

    /// Date and time attributes that belong together, at all levels and in the worklist.
    private static let pairs: [(date: Tag, time: Tag)] = [
        (0x0008_0020, 0x0008_0030),  // Study
        (0x0008_0021, 0x0008_0031),  // Series
        (0x0008_0022, 0x0008_0032),  // Acquisition
        (0x0008_0023, 0x0008_0033),  // Content
        (0x0040_0002, 0x0040_0003),  // Scheduled Procedure Step Start
        (0x0040_0004, 0x0040_0005),  // Scheduled Procedure Step End
        (0x0040_0244, 0x0040_0245),  // Performed Procedure Step Start
    ].map { (Tag($0.0), Tag($0.1)) }

    /// The pairs of which both keys are ranges.
    static func all(in keys: [DataElement]) -> [CombinedMoment] {
        pairs.compactMap { pair in
            guard let date = range(keys, pair.date, .DA), let time = range(keys, pair.time, .TM),
                let combined = MomentRange(date: date, time: time)
            else { return nil }
            return CombinedMoment(date: pair.date, time: pair.time, range: combined)
        }
    }

    private static func range(_ keys: [DataElement], _ tag: Tag, _ vr: ValueRepresentation) -> MomentRange? {
        guard let text = keys.first(where: { $0.tag == tag }).flatMap(Self.text) else { return nil }
        return MomentRange(text, vr: vr)
    }

    private static func text(_ element: DataElement) -> String? {
        guard case .bytes(let bytes) = element.value else { return nil }
        return SpecificCharacterSet.defaultRepertoire.decodeValues(bytes, vr: .DA).first
    }

    func matches(_ element: (Tag) -> DataElement?) -> Bool {
        guard let day = element(date).flatMap(Self.text), !day.isEmpty else { return false }
        return range.matches(date: day, time: element(time).flatMap(Self.text) ?? "")
    }
}
