import DICOM
import DICOMProtocol
import Testing

struct QueryIdentifierTests {
    @Test(
        arguments: [
            (.patientRoot, .patient, []),
            (.patientRoot, .study, [.patientID]),
            (.patientRoot, .series, [.patientID, .studyInstanceUID]),
            (.patientRoot, .image, [.patientID, .studyInstanceUID, .seriesInstanceUID]),
            (.studyRoot, .study, []),
            (.studyRoot, .series, [.studyInstanceUID]),
            (.studyRoot, .image, [.studyInstanceUID, .seriesInstanceUID]),
            (.patientStudyOnly, .study, [.patientID]),
        ] as [(InformationModel, QueryLevel, [DICOM.Tag])])
    func `an identifier begins with character set, level and the empty unique keys above`(
        _ model: InformationModel, _ level: QueryLevel, _ empty: [DICOM.Tag]
    ) {
        let identifier = QueryIdentifier.automaticElements(model: model, level: level, characterSet: "ISO_IR 100")
        #expect(identifier.elements.map(\.tag) == [.specificCharacterSet, .queryRetrieveLevel] + empty)
        #expect(identifier.string(.specificCharacterSet) == "ISO_IR 100")
        #expect(identifier.string(.queryRetrieveLevel) == level.rawValue)
        for tag in empty {
            #expect(identifier[tag]?.value == .bytes([]))
            #expect(identifier[tag]?.vr == (tag == .patientID ? .LO : .UI))
        }
    }

    @Test func `a worklist identifier begins with the character set alone`() {
        let identifier = QueryIdentifier.automaticElements(model: .modalityWorklist, level: .study)
        #expect(identifier.elements.map(\.tag) == [.specificCharacterSet])
        #expect(identifier.string(.specificCharacterSet) == "ISO_IR 192")
    }

    @Test func `a retrieval misses the unique keys that have no value`() {
        var identifier = QueryIdentifier.automaticElements(model: .studyRoot, level: .series)
        #expect(missing(identifier) == [.studyInstanceUID, .seriesInstanceUID])
        identifier.set(.studyInstanceUID, "1.2.3")
        #expect(missing(identifier) == [.seriesInstanceUID])
        identifier.set(.seriesInstanceUID, .UI, "1.2.3.4\\1.2.3.5")
        #expect(missing(identifier).isEmpty)
    }

    @Test(
        arguments: [
            (.studyRoot, .series, .queryRetrieveLevel, .general),
            (.studyRoot, .series, .retrieveAETitle, .general),
            (.studyRoot, .series, .studyInstanceUID, .uniqueKeyAbove(.study)),
            (.studyRoot, .series, .patientName, .above(.study)),
            (.studyRoot, .series, .sopInstanceUID, .below(.image)),
            (.studyRoot, .study, .modality, .below(.series)),
            (.patientRoot, .study, .patientID, .uniqueKeyAbove(.patient)),
            (.patientRoot, .study, .patientName, .above(.patient)),
            (.patientRoot, .image, .studyDate, .above(.study)),
            (.patientRoot, .series, .requestedProcedureID, .inside([DICOM.Tag(0x0040_0275)])),
            (.patientRoot, .image, .pixelRepresentation, .unlisted),
            (.studyRoot, .study, DICOM.Tag(0x0009_0010), .unlisted),
            (.modalityWorklist, .study, .modality, .inside([.scheduledProcedureStepSequence])),
            (.modalityWorklist, .study, .sopClassUID, .unlisted),
        ] as [(InformationModel, QueryLevel, DICOM.Tag, KeyPlacement)])
    func `a key that is not of the level is told where it belongs`(
        _ model: InformationModel, _ level: QueryLevel, _ tag: DICOM.Tag, _ placement: KeyPlacement
    ) {
        #expect(model.placement(of: tag, at: level) == placement)
    }

    @Test(arguments: InformationModel.allCases, QueryLevel.allCases)
    func `every key of a level is placed there`(_ model: InformationModel, _ level: QueryLevel) {
        for key in model.keys(at: level) where key.path.isEmpty {
            #expect(model.placement(of: key.tag, at: level) == .ofLevel(key))
        }
    }

    private func missing(_ identifier: DataSet) -> [DICOM.Tag] {
        QueryIdentifier.missingUniqueKeys(of: identifier, model: .studyRoot, level: .series)
    }
}
