import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import System
import Testing

@testable import PracticeArchive

/// What the archive has to answer by the standard, asked over associations.
@Suite struct ServiceRulesTests {
    private let archive: PracticeArchive
    private let studies: [GeneratedStudy]
    private let path: FilePath

    init() throws {
        var template = Array("/tmp/dcmscu-rules-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made)
        path = FilePath(bytes: template.map { UInt8(bitPattern: $0) })
        let folder = try OutputFolder(path, syncing: .none)
        studies = try GeneratedStudy.all(in: folder)
        archive = try PracticeArchive(
            folder: folder, listener: try TCPListener(port: 0, bind: "127.0.0.1"),
            options: PracticeArchive.Options(
                title: try #require(AETitle("PRACTICE")),
                destinations: Destinations([:], limits: AssociationLimits())), report: { _ in })
        archive.readFolder(problem: { _ in })
        try archive.start()
    }

    /// Ends the archive and leaves nothing behind.
    private func end() throws {
        try archive.stop()
        for file in studies.flatMap(\.files) { unlink(file.path.text) }
        rmdir(path.text)
    }

    private func associate(
        _ needs: [PresentationContextPlan.Need], roles: [RoleSelection] = []
    ) throws -> Association {
        var parameters = AssociationParameters(
            calledAETitle: try #require(AETitle("PRACTICE")), callingAETitle: try #require(AETitle("RULES")),
            presentationContexts: PresentationContextPlan(needs: needs).associations[0])
        parameters.roleSelections = roles
        parameters.limits.association = 60
        return try Association.request(parameters, at: Endpoint(host: "127.0.0.1", port: archive.port))
    }

    @Test(arguments: Priority.allCases)
    func `the sub-operations of a C-GET have its priority, PS3_4 C_4_3_1_2`(_ priority: Priority) throws {
        let sopClass = try #require(InformationModel.studyRoot.getSOPClass)
        let storage = [PresentationContextPlan.Need("1.2.840.10008.5.1.4.1.1.4", FindSCU.transferSyntaxes)]
        let association = try associate(
            GetSCU.needs(sopClass, storage: storage), roles: GetSCU.roleSelections(for: storage))
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, .CS, "STUDY")
        identifier.set(.studyInstanceUID, try #require(studies.first { $0.modality == "MR" }).studyInstanceUID)
        var priorities: [UInt16?] = []
        let result = try association.exchange(
            .getRequest(messageID: 1, sopClass: sopClass, priority: priority),
            in: try association.context(for: sopClass), identifier: identifier, onPending: { _ in .goOn },
            destination: { command, _ in command.isResponse ? .memory : .discard },
            onRequest: { message throws(AssociationError) in
                priorities.append(message.command.priority)
                try association.send(
                    .storeResponse(to: message.command, status: .success), contextID: message.contextID)
            })
        #expect(result.status == .success)
        #expect(priorities == [UInt16?](repeating: priority.rawValue, count: 4))
        try association.release()
        try end()
    }

    /// Instance, references, and the status of the response.
    private static let commitments: [(UID, [SOPInstanceReference], DIMSEStatus)] = [
        ("1.2.3", [SOPInstanceReference(sopClassUID: "1.2", sopInstanceUID: "1.2.4")], 0x0112),
        (StorageCommitmentRequest.sopInstance, [], 0x0115),
        (
            StorageCommitmentRequest.sopInstance,
            [SOPInstanceReference(sopClassUID: "1.2", sopInstanceUID: "1.2.4")], 0x0000
        ),
    ]

    @Test(arguments: commitments)
    func `a commitment is of the well-known instance and has a reference, PS3_4 table J_3-1 and J_3_5`(
        instance: UID, references: [SOPInstanceReference], status: DIMSEStatus
    ) throws {
        let association = try associate(StorageCommitmentSCU.needs)
        let context = try association.context(for: StorageCommitmentRequest.sopClass)
        let request = StorageCommitmentRequest(transactionUID: "1.2.5", references: references)
        let command = CommandSet.actionRequest(
            messageID: 1, sopClass: StorageCommitmentRequest.sopClass, sopInstance: instance, actionTypeID: 1)
        try association.send(
            command, contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(request.dataSet))
        #expect(try association.receive().command.status == status)
        association.abort()
        try end()
    }

    @Test(arguments: ["*", "SELFTEST-?", "SELF*"])
    func `a retrieval takes no wildcard for the patient that it names, PS3_4 C_4_2_1_4_1`(_ patient: String) throws {
        for (level, model) in [("PATIENT", InformationModel.patientRoot), ("STUDY", .patientRoot)] {
            var identifier = DataSet()
            identifier.set(.queryRetrieveLevel, .CS, level)
            identifier.set(.patientID, .LO, patient)
            identifier.set(.studyInstanceUID, studies[0].studyInstanceUID)
            let refusal = #expect(throws: ArchiveQuery.Refusal.self) {
                try ArchiveQuery.retrieval(identifier, model: model, title: "X")
            }
            #expect(refusal?.status == .identifierDoesNotMatchSOPClass)
            #expect(refusal?.offendingElement == .patientID)
        }
        try end()
    }
}
