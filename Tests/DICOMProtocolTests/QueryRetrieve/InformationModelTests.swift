import DICOM
import DICOMProtocol
import Testing

struct InformationModelTests {
    @Test func `the SOP classes are those of the registry`() throws {
        let names: [(UID?, String)] = [
            (InformationModel.patientRoot.findSOPClass, "PatientRootQueryRetrieveInformationModelFind"),
            (InformationModel.patientRoot.moveSOPClass, "PatientRootQueryRetrieveInformationModelMove"),
            (InformationModel.patientRoot.getSOPClass, "PatientRootQueryRetrieveInformationModelGet"),
            (InformationModel.studyRoot.findSOPClass, "StudyRootQueryRetrieveInformationModelFind"),
            (InformationModel.studyRoot.moveSOPClass, "StudyRootQueryRetrieveInformationModelMove"),
            (InformationModel.studyRoot.getSOPClass, "StudyRootQueryRetrieveInformationModelGet"),
            (InformationModel.patientStudyOnly.findSOPClass, "PatientStudyOnlyQueryRetrieveInformationModelFind"),
            (InformationModel.patientStudyOnly.moveSOPClass, "PatientStudyOnlyQueryRetrieveInformationModelMove"),
            (InformationModel.patientStudyOnly.getSOPClass, "PatientStudyOnlyQueryRetrieveInformationModelGet"),
            (InformationModel.modalityWorklist.findSOPClass, "ModalityWorklistInformationModelFind"),
        ]
        for (uid, keyword) in names { #expect(UIDRegistry.keyword(of: try #require(uid)) == keyword) }
        #expect(InformationModel.modalityWorklist.moveSOPClass == nil)
        #expect(InformationModel.modalityWorklist.getSOPClass == nil)
    }

    @Test func `levels go from the patient to the image`() {
        #expect(QueryLevel.allCases.sorted() == [.patient, .study, .series, .image])
        #expect(QueryLevel.allCases.map(\.rawValue) == ["PATIENT", "STUDY", "SERIES", "IMAGE"])
        #expect(InformationModel.patientRoot.levels == [.patient, .study, .series, .image])
        #expect(InformationModel.studyRoot.levels == [.study, .series, .image])
        #expect(InformationModel.patientStudyOnly.levels == [.patient, .study])
        #expect(InformationModel.modalityWorklist.levels.isEmpty)
    }

    @Test(arguments: InformationModel.allCases, QueryLevel.allCases)
    func `every key is in the dictionary, once, after the sequence that holds it`(
        _ model: InformationModel, _ level: QueryLevel
    ) throws {
        var seen: Set<[DICOM.Tag]> = []
        for key in model.keys(at: level) {
            #expect(DataDictionary.entry(for: key.tag) != nil, "\(key.tag)")
            #expect(seen.insert(key.path + [key.tag]).inserted, "\(key.tag) twice")
            #expect(key.path.isEmpty || seen.contains(key.path), "\(key.tag) before its sequence")
            for sequence in key.path { #expect(DataDictionary.vr(of: sequence) == .SQ) }
        }
    }

    @Test(
        arguments: [
            (.patientRoot, .patient, ["PatientID"], ["PatientName"]),
            (
                .patientRoot, .study, ["StudyInstanceUID"],
                ["StudyDate", "StudyTime", "AccessionNumber", "StudyID"]
            ),
            (.patientRoot, .series, ["SeriesInstanceUID"], ["Modality", "SeriesNumber"]),
            (.patientRoot, .image, ["SOPInstanceUID"], ["InstanceNumber"]),
            (
                .studyRoot, .study, ["StudyInstanceUID"],
                ["StudyDate", "StudyTime", "AccessionNumber", "PatientName", "PatientID", "StudyID"]
            ),
            (.studyRoot, .series, ["SeriesInstanceUID"], ["Modality", "SeriesNumber"]),
            (.studyRoot, .image, ["SOPInstanceUID"], ["InstanceNumber"]),
            (.patientStudyOnly, .patient, ["PatientID"], ["PatientName"]),
            (
                .patientStudyOnly, .study, ["StudyInstanceUID"],
                ["StudyDate", "StudyTime", "AccessionNumber", "StudyID"]
            ),
        ] as [(InformationModel, QueryLevel, [String], [String])])
    func `unique and required keys are those of the tables`(
        _ model: InformationModel, _ level: QueryLevel, _ unique: [String], _ required: [String]
    ) {
        let keys = model.keys(at: level)
        #expect(keywords(keys.filter { $0.kind == .unique }) == unique)
        #expect(keywords(keys.filter { $0.kind == .required }) == required)
        #expect(keys.allSatisfy { $0.returnType == nil })
        #expect(keys.count > unique.count + required.count)
    }

    @Test func `the patient's attributes belong to the study where the study is the root`() {
        let study = InformationModel.studyRoot.keys(at: .study)
        for key in InformationModel.patientRoot.keys(at: .patient) {
            #expect(study.contains { $0.tag == key.tag && $0.path == key.path })
        }
    }

    @Test func `a level that a model lacks has no keys`() {
        #expect(InformationModel.studyRoot.keys(at: .patient).isEmpty)
        #expect(InformationModel.patientStudyOnly.keys(at: .series).isEmpty)
        #expect(InformationModel.patientStudyOnly.keys(at: .image).isEmpty)
    }

    @Test func `a worklist has its required keys in the step and the patient`() {
        let keys = InformationModel.modalityWorklist.keys(at: .study)
        let required = keys.filter { $0.kind == .required }
        #expect(
            keywords(required) == [
                "ScheduledProcedureStepSequence", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate",
                "ScheduledProcedureStepStartTime", "Modality", "ScheduledPerformingPhysicianName", "PatientName",
                "PatientID",
            ])
        #expect(required[1...5].allSatisfy { $0.path == [.scheduledProcedureStepSequence] })
        #expect(required.map { $0.returnType?.rawValue } == ["1", "1", "1", "1", "1", "2", "1", "1"])
        #expect(keys.allSatisfy { $0.returnType != nil && $0.kind != .unique })
        #expect(
            keys.contains {
                $0.path == [DICOM.Tag(0x0040_0100), DICOM.Tag(0x0040_0008)] && $0.tag == DICOM.Tag(0x0008_0100)
            })
        #expect(QueryLevel.allCases.allSatisfy { InformationModel.modalityWorklist.keys(at: $0) == keys })
    }

    private func keywords(_ keys: [KeyAttribute]) -> [String] {
        keys.map { DataDictionary.entry(for: $0.tag)?.keyword ?? "?" }
    }
}
