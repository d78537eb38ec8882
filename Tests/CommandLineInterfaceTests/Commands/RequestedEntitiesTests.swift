import DICOM
import DICOMNode
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct RequestedEntitiesTests {
    private func asked(_ level: QueryLevel, _ keys: (DICOM.Tag, String)...) -> RequestedEntities {
        var identifier = DataSet()
        for (tag, value) in keys { identifier.set(tag, DataDictionary.vr(of: tag), value) }
        return RequestedEntities(RetrievalTarget(identifier: identifier, level: level))
    }

    private func instance(
        _ uid: UID = "1.1", patient: String? = "P1", study: UID? = "2.1", series: UID? = "3.1"
    ) -> ReceivedInstance.Origin {
        ReceivedInstance.Origin(
            sopInstanceUID: uid, moveOriginatorMessageID: nil,
            identity: InstanceIdentity(patientID: patient, studyInstanceUID: study, seriesInstanceUID: series))
    }

    @Test func `an instance belongs to a patient, whatever the case of the identifier`() {
        let entities = asked(.patient, (.patientID, "p1"))
        #expect(entities.includes(instance()) == true)
        #expect(entities.includes(instance(patient: "P2")) == false)
        #expect(entities.includes(instance(patient: nil)) == nil)
    }

    @Test func `an instance belongs to one of several studies`() {
        let entities = asked(.study, (.studyInstanceUID, "2.1\\2.2"), (.patientID, "P7"))
        #expect(entities.includes(instance()) == true)
        #expect(entities.includes(instance(study: "2.2")) == true)
        #expect(entities.includes(instance(study: "2.3")) == false)
        #expect(entities.includes(instance(study: nil)) == nil)
    }

    @Test func `another series of the same study was not asked for`() {
        let entities = asked(.series, (.studyInstanceUID, "2.1"), (.seriesInstanceUID, "3.1"))
        #expect(entities.includes(instance()) == true)
        #expect(entities.includes(instance(series: "3.2")) == false)
        #expect(entities.includes(instance(series: nil)) == nil)
    }

    @Test func `an instance is asked for by its own uid, within its study`() {
        let entities = asked(.image, (.studyInstanceUID, "2.1"), (.sopInstanceUID, "1.1\\1.2"))
        #expect(entities.includes(instance()) == true)
        #expect(entities.includes(instance("1.3")) == false)
        #expect(entities.includes(instance(study: "2.2")) == false)
        #expect(entities.includes(instance(study: nil)) == true)
        #expect(asked(.image, (.sopInstanceUID, "1.1")).includes(instance(study: "2.2")) == true)
    }

    @Test func `several requests together ask for all that each of them asks for`() {
        var entities = asked(.study, (.studyInstanceUID, "2.1"))
        entities.formUnion(asked(.image, (.sopInstanceUID, "1.9")))
        #expect(entities.includes(instance()) == true)
        #expect(entities.includes(instance("1.9", study: "2.2")) == true)
        #expect(entities.includes(instance("1.8", study: "2.2")) == false)
    }

    @Test func `nothing belongs to no request`() {
        #expect(RequestedEntities().includes(instance()) == false)
    }
}
