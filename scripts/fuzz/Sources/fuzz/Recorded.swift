import DICOM
import DICOMProtocol

/// What good peers say, for mutation to begin with.
enum Recorded {
    static let storageClass: UID = "1.2.840.10008.5.1.4.1.1.2"
    static let findClass: UID = "1.2.840.10008.5.1.4.1.2.2.1"

    static var proposals: [PresentationContextProposal] {
        let classes: [UID] = [
            "1.2.840.10008.1.1", findClass, "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3",
            "1.2.840.10008.1.20.1", storageClass,
        ]
        return classes.enumerated().map { index, sopClass in
            PresentationContextProposal(
                id: UInt8(2 * index + 1), abstractSyntax: sopClass,
                transferSyntaxes: [
                    TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid,
                ])
        }
    }

    private static var title: AETitle { AETitle(wire: Array("HERE".utf8)) }

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
        let request = CommandSet.moveRequest(messageID: 1, sopClass: "1.2.840.10008.5.1.4.1.2.2.2", destination: title)
        return message(
            .moveResponse(to: request, status: .pending, counts: SuboperationCounts(remaining: 3, completed: 1)),
            context: 5)
            + message(
                .moveResponse(to: request, status: .success, counts: SuboperationCounts(completed: 4)), context: 5)
    }

    static var store: [UInt8] {
        message(
            .storeRequest(messageID: 1, sopClass: storageClass, sopInstance: "1.2.3.4"), context: 11,
            DataSetEncoder(.explicitVRLittleEndian).encode(dataSet))
    }

    static var get: [UInt8] {
        let request = CommandSet.getRequest(messageID: 1, sopClass: "1.2.840.10008.5.1.4.1.2.2.3")
        return store
            + message(
                .getResponse(to: request, status: .success, counts: SuboperationCounts(completed: 1)), context: 7)
    }

    static var stored: [UInt8] {
        message(
            .storeResponse(
                to: .storeRequest(messageID: 1, sopClass: storageClass, sopInstance: "1.2.3.4"), status: .success),
            context: 11)
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
        dataSet.set(.sopInstanceUID, "1.2.3.4")
        dataSet.set(.patientName, .PN, "Yamada^Tarou")
        dataSet.set(.patientID, .LO, "4711")
        dataSet.set(.studyInstanceUID, "1.2.3")
        dataSet.set(.referencedSOPSequence, items: [item, DataSet()])
        dataSet[.pixelData] = DataElement(
            tag: .pixelData, vr: .OW, value: .bytes([UInt8](repeating: 0x5A, count: 40)[...]))
        return dataSet
    }
}
