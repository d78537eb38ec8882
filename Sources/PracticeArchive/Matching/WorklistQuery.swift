import DICOM

/// A query of the modality worklist, PS3.4 K.4.1: each scheduled procedure step that fits all keys is an answer.
struct WorklistQuery {
    private let keys: [DataElement]
    private let matching: KeyMatching

    init(_ identifier: DataSet) {
        keys = identifier.elements.filter { element in
            let tag = element.tag
            return tag != .specificCharacterSet && tag != .timezoneOffsetFromUTC && !tag.isGroupLength
        }
        // Table K.6-1 has it so for start date and start time, without negotiation.
        matching = KeyMatching(keys, characterSet: SpecificCharacterSet(of: identifier), combinesDateAndTime: true)
    }

    func matches(in steps: [DataSet]) -> [DataSet] {
        steps.filter { step in matching.matches(characterSet: SpecificCharacterSet(of: step)) { step[$0] } }
    }

    func answer(_ step: DataSet) -> DataSet {
        var answer = DataSet()
        if let set = step[.specificCharacterSet], !set.isEmpty { answer.append(set) }
        for key in keys { answer.append(key.answered(by: step[key.tag])) }
        return answer
    }

    /// Worklist items with one scheduled procedure step each, as answers have it (PS3.4 K.6.1.1): one with several becomes
    /// several.
    static func steps(of items: [DataSet]) -> [DataSet] {
        items.flatMap { item -> [DataSet] in
            guard let steps = item.items(.scheduledProcedureStepSequence), steps.count > 1 else { return [item] }
            return steps.map { step in
                var one = item
                one.set(.scheduledProcedureStepSequence, items: [step])
                return one
            }
        }
    }
}
