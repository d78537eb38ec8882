import DICOM
import DICOMProtocol

/// What good peers say, for mutation to begin with.
enum Recorded {
    static let storageClass: UID = "1.2.840.10008.5.1.4.1.1.2"
    static let findClass: UID = "1.2.840.10008.5.1.4.1.2.2.1"
    static let moveClass: UID = "1.2.840.10008.5.1.4.1.2.2.2"
    static let getClass: UID = "1.2.840.10008.5.1.4.1.2.2.3"
    static let instanceUID: UID = "1.2.3.4"
    static let studyUID: UID = "1.2.3"

    static var proposals: [PresentationContextProposal] {
        let classes: [UID] = [
            "1.2.840.10008.1.1", findClass, moveClass, getClass, StorageCommitmentRequest.sopClass, storageClass,
        ]
        return classes.enumerated().map { index, sopClass in
            PresentationContextProposal(
                id: UInt8(2 * index + 1), abstractSyntax: sopClass,
                transferSyntaxes: [
                    TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid,
                ])
        }
    }

    static var title: AETitle { AETitle(wire: Array("FUZZ".utf8)) }
    static var destination: AETitle { AETitle(wire: Array("DEST".utf8)) }

    static var requestValue: AssociateRequest {
        var information = UserInformation()
        information.maximumLength = 16_384
        information.implementationClassUID = "1.2.3"
        information.roleSelections = [RoleSelection(sopClass: storageClass, scu: true, scp: true)]
        information.asynchronousOperationsWindow = AsynchronousOperationsWindow(invoked: 4, performed: 1)
        return AssociateRequest(
            calledAETitle: title, callingAETitle: title, presentationContexts: proposals, userInformation: information)
    }

    static var request: [UInt8] { PDU.associateRequest(requestValue).encode() }

    static var acceptance: [UInt8] {
        var information = UserInformation()
        information.maximumLength = 16_384
        information.roleSelections = [RoleSelection(sopClass: storageClass, scu: true, scp: true)]
        return PDU.associateAccept(
            AssociateAccept(
                answering: requestValue,
                presentationContexts: proposals.map {
                    PresentationContextResult(id: $0.id, result: .acceptance, transferSyntax: $0.transferSyntaxes[0])
                }, userInformation: information)
        ).encode()
    }

    static var release: [UInt8] { PDU.releaseResponse.encode() }
    static var releaseRequest: [UInt8] { PDU.releaseRequest.encode() }
    static var abort: [UInt8] { PDU.abort(Abort(source: 2, reason: 1)).encode() }
    static var reject: [UInt8] { PDU.associateReject(.calledAETitleNotRecognized).encode() }

    static func message(_ command: CommandSet, context: UInt8, _ dataSet: [UInt8]? = nil) -> [UInt8] {
        data(context, 3, command.encode()) + (dataSet.map { data(context, 2, $0) } ?? [])
    }

    private static func data(_ context: UInt8, _ control: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: PresentationDataHeader.length)
        bytes.withUnsafeMutableBytes {
            PresentationDataHeader.write(
                into: $0, contextID: context, isCommand: control & 1 != 0, isLast: control & 2 != 0,
                payloadLength: payload.count)
        }
        return bytes + payload
    }

    static var echo: [UInt8] { message(.echoResponse(to: .echoRequest(messageID: 1)), context: 1) }

    static var find: [UInt8] {
        let request = CommandSet.findRequest(messageID: 1, sopClass: findClass)
        let answer = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
        return message(.findResponse(to: request, status: .pending, hasIdentifier: true), context: 3, answer)
            + message(.findResponse(to: request, status: .success, hasIdentifier: false), context: 3)
    }

    static var move: [UInt8] {
        let request = CommandSet.moveRequest(messageID: 1, sopClass: moveClass, destination: destination)
        return message(
            .moveResponse(to: request, status: .pending, counts: SuboperationCounts(remaining: 3, completed: 1)),
            context: 5)
            + message(
                .moveResponse(to: request, status: .success, counts: SuboperationCounts(completed: 4)), context: 5)
    }

    static var store: [UInt8] {
        message(
            .storeRequest(messageID: 1, sopClass: storageClass, sopInstance: instanceUID), context: 11,
            DataSetEncoder(.explicitVRLittleEndian).encode(dataSet))
    }

    static var get: [UInt8] {
        let request = CommandSet.getRequest(messageID: 1, sopClass: getClass)
        return store
            + message(
                .getResponse(to: request, status: .success, counts: SuboperationCounts(completed: 1)), context: 7)
    }

    static var stored: [UInt8] {
        message(
            .storeResponse(
                to: .storeRequest(messageID: 1, sopClass: storageClass, sopInstance: instanceUID), status: .success),
            context: 11)
    }

    static let commitmentRequest = StorageCommitmentRequest(
        transactionUID: "1.2.9.1",
        references: [
            SOPInstanceReference(sopClassUID: storageClass, sopInstanceUID: instanceUID),
            SOPInstanceReference(sopClassUID: storageClass, sopInstanceUID: "1.2.3.5"),
        ])

    /// The answer to an N-ACTION, and the report on the same association.
    static var commitment: [UInt8] {
        message(.actionResponse(to: StorageCommitmentRequest.command(messageID: 1), status: .success), context: 9)
            + report
    }

    static var report: [UInt8] {
        let result = StorageCommitmentResult(
            transactionUID: commitmentRequest.transactionUID,
            committed: [StorageCommitmentResult.Committed(reference: commitmentRequest.references[0])],
            failed: [
                StorageCommitmentResult.Failed(
                    reference: commitmentRequest.references[1], reason: .noSuchObjectInstance)
            ])
        return message(
            .eventReportRequest(
                messageID: 7, sopClass: StorageCommitmentRequest.sopClass,
                sopInstance: StorageCommitmentRequest.sopInstance, eventTypeID: 2),
            context: 9, DataSetEncoder(.explicitVRLittleEndian).encode(result.dataSet))
    }

    // What a peer asks the practice archive.
    static var findRequest: [UInt8] {
        message(.findRequest(messageID: 1, sopClass: findClass), context: 3, encoded(query))
    }

    static var getRequest: [UInt8] {
        message(.getRequest(messageID: 1, sopClass: getClass), context: 7, encoded(selection)) + stored
    }

    static var moveRequest: [UInt8] {
        message(
            .moveRequest(messageID: 1, sopClass: moveClass, destination: destination), context: 5, encoded(selection))
    }

    static var commitmentAction: [UInt8] {
        message(StorageCommitmentRequest.command(messageID: 1), context: 9, encoded(commitmentRequest.dataSet))
    }

    private static func encoded(_ dataSet: DataSet) -> [UInt8] {
        DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
    }

    /// What a C-FIND asks for.
    static var query: DataSet {
        var query = DataSet()
        query.set(.queryRetrieveLevel, .CS, "STUDY")
        query.set(.patientName, .PN, "")
        query.set(.patientID, .LO, "")
        query.set(.studyInstanceUID, .UI, "")
        return query
    }

    /// What a C-MOVE or C-GET asks for.
    static var selection: DataSet {
        var selection = DataSet()
        selection.set(.queryRetrieveLevel, .CS, "STUDY")
        selection.set(.studyInstanceUID, studyUID)
        return selection
    }

    static var file: [UInt8] { file(.explicitVRLittleEndian) }

    static func file(_ syntax: TransferSyntax) -> [UInt8] {
        FileMetaInformation(
            mediaStorageSOPClassUID: storageClass, mediaStorageSOPInstanceUID: instanceUID, transferSyntax: syntax
        ).encode() + DataSetEncoder(syntax).encode(dataSet)
    }

    /// A data set with everything that a decoder has to tell apart.
    static var dataSet: DataSet {
        var inner = DataSet()
        inner.set(.referencedSOPInstanceUID, "1.2.3.9")
        var item = DataSet()
        item.set(.referencedSOPSequence, items: [inner])
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO 2022 IR 6\\ISO 2022 IR 87")
        dataSet.set(.sopClassUID, storageClass)
        dataSet.set(.sopInstanceUID, instanceUID)
        dataSet.set(.patientName, .PN, "Yamada^Tarou")
        dataSet.set(.patientID, .LO, "4711")
        dataSet.set(.studyInstanceUID, studyUID)
        dataSet.set(.seriesInstanceUID, "1.2.3.1")
        dataSet.set(.referencedSOPSequence, items: [item, DataSet()])
        dataSet[.pixelData] = DataElement(
            tag: .pixelData, vr: .OW, value: .bytes([UInt8](repeating: 0x5A, count: 40)[...]))
        return dataSet
    }
}
