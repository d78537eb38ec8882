import DICOM

/// Takes over the elements of a query from a file, with its text in the character set of the query that is sent.
struct QueryTranscoder {
    private let source: SpecificCharacterSet
    private let target: SpecificCharacterSet

    init(from source: SpecificCharacterSet, to target: SpecificCharacterSet) {
        self.source = source
        self.target = target
    }

    /// Replaces what is there; leaves out what the query has by itself, and what structures a file.
    func append(_ dataSet: DataSet, to identifier: inout DataSet) throws(UsageError) {
        for element in dataSet.elements {
            switch element.tag {
            case .specificCharacterSet, .queryRetrieveLevel: continue
            case let tag where tag.isGroupLength || tag.group <= 0x0006: continue
            default: identifier.append(try transcoded(element))
            }
        }
    }

    private func transcoded(_ element: DataElement) throws(UsageError) -> DataElement {
        switch element.value {
        case .bytes(let bytes) where element.vr.usesSpecificCharacterSet && source != target:
            let text = source.decode(bytes, vr: element.vr)
            do throws(CharacterSetError) {
                var encoded = try target.encode(text, vr: element.vr)
                if !encoded.count.isMultiple(of: 2) { encoded.append(element.vr.paddingByte) }
                return DataElement(tag: element.tag, vr: element.vr, value: .bytes(encoded[...]))
            } catch {
                throw UsageError(
                    .notEncodable, option: "--query",
                    problem:
                        "--query: \(DataDictionary.label(of: element.tag)): cannot be written in the character set of the query",
                    accepted: "--charset utf-8, or another set that has the characters")
            }
        case .items(let items):
            var transcodedItems: [DataSet] = []
            for item in items {
                var result = DataSet()
                try append(item, to: &result)
                transcodedItems.append(result)
            }
            return DataElement(tag: element.tag, vr: element.vr, value: .items(transcodedItems))
        case .bytes, .fragments: return element
        }
    }
}
