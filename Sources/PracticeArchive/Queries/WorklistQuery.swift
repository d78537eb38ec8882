import DICOM
import DICOMProtocol

/// A query of the modality worklist, PS3.4 K.4.1: each scheduled procedure step that matches all keys is a match.
struct WorklistQuery {
    private let keys: [DataElement]
    private let criteria: [KeyCriterion]

    init(_ identifier: DataSet) {
        keys = identifier.elements.filter { element in
            let tag = element.tag
            return tag != .specificCharacterSet && tag != .timezoneOffsetFromUTC && !tag.isGroupLength
        }
        // Table K.6-1 combines start date and start time without negotiation.
        criteria = KeyCriterion.all(
            of: keys, characterSet: SpecificCharacterSet(of: identifier), combinesDateAndTime: true)
    }

    func matches(in steps: [DataSet]) -> [DataSet] {
        steps.filter { criteria.matches($0) == .confirmed }
    }

    func response(_ step: DataSet) -> DataSet {
        var response = DataSet()
        if let set = step[.specificCharacterSet], !set.isEmpty { response.append(set) }
        for key in keys { response.append(key.response(from: step[key.tag])) }
        return response
    }

    /// Worklist items with one scheduled procedure step each, as in responses (PS3.4 K.6.1.1): one with several steps
    /// is split.
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

extension DataElement {
    /// The element of a response for a key: the entity's element, or an empty one of the key's tag.
    ///
    /// Items of a sequence have the keys that the item of the query has, or all elements if the query has no item.
    func response(from element: DataElement?) -> DataElement {
        guard let element else {
            let vr = vr == .UN ? DataDictionary.vr(of: tag) : vr
            return DataElement(tag: tag, vr: vr, value: vr == .SQ ? .items([]) : .bytes([]))
        }
        guard case .items(let items) = element.value, case .items(let wanted) = value, let keys = wanted.first
        else { return element }
        let kept = items.map { item -> DataSet in
            var kept = DataSet()
            kept[.specificCharacterSet] = item[.specificCharacterSet]
            for key in keys.elements { kept.append(key.response(from: item[key.tag])) }
            return kept
        }
        return DataElement(tag: element.tag, vr: .SQ, value: .items(kept))
    }
}
