import DICOM
import DICOMProtocol
import TestSupport

@testable import DICOMNode

/// The scripts of servers that serve an operation up to some point, and then do one thing.
enum ScriptedServer {
    /// Accepts the association with every context and role.
    static let accepts = PeerStep.answerRequest { PDU.associateAccept($0.fullAcceptance()).encode() }

    /// Accepts the association without any context.
    static let refusesContexts = PeerStep.answerRequest { heard in
        var accept = heard.fullAcceptance()
        accept.presentationContexts = heard.request.presentationContexts.map {
            PresentationContextResult(
                id: $0.id, result: .abstractSyntaxNotSupported, transferSyntax: $0.transferSyntaxes[0])
        }
        return PDU.associateAccept(accept).encode()
    }

    static func rejects(_ reject: AssociateReject) -> [PeerStep] {
        PeerStep.answerRequest { _ in PDU.associateReject(reject).encode() } + [.hearAll]
    }

    static let aborts: [PeerStep] = [.send(PeerBytes.pdu(7, [0, 0, 0, 0])), .hearAll]

    /// Answers every request with a status, and A-RELEASE as it should be.
    static func answers(_ status: DIMSEStatus, counts: SuboperationCounts = SuboperationCounts()) -> PeerStep {
        .serve { response(to: $0, status, counts) }
    }

    static func response(
        to heard: Heard, _ status: DIMSEStatus, _ counts: SuboperationCounts = SuboperationCounts()
    ) -> [UInt8] {
        guard var response = CommandSet.failureResponse(to: heard.command, status: status) else { return [] }
        if heard.command.commandField == .cGetRQ || heard.command.commandField == .cMoveRQ {
            response.suboperationCounts = counts
        }
        return PeerBytes.message(response, context: heard.contextID)
    }

    /// Sends one instance as a sub-operation of a C-GET, and reads the response.
    static let instance: [PeerStep] = [
        .reply { heard in
            let context = heard.request.presentationContexts.first {
                $0.abstractSyntax == SampleInstance.sopClassUID
                    && $0.transferSyntaxes[0] == TransferSyntax.explicitVRLittleEndian.uid
            }
            return PeerBytes.message(
                .storeRequest(
                    messageID: 1, sopClass: SampleInstance.sopClassUID, sopInstance: SampleInstance.sopInstanceUID),
                context: context?.id ?? 1,
                dataSet: DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet()))
        }, .hearMessage,
    ]

    /// The final response of the first C-GET of an association.
    static func got(_ status: DIMSEStatus, _ counts: SuboperationCounts) -> PeerStep {
        .reply { heard in
            let sopClass = InformationModel.studyRoot.getSOPClass ?? ""
            let context = heard.request.presentationContexts.first { $0.abstractSyntax == sopClass }
            return PeerBytes.message(
                .getResponse(to: .getRequest(messageID: 1, sopClass: sopClass), status: status, counts: counts),
                context: context?.id ?? 1)
        }
    }

    /// A match of a query, as a response to the last request.
    static func match(_ elements: DataSet, status: DIMSEStatus = .pending) -> PeerStep {
        .reply { heard in
            PeerBytes.message(
                .findResponse(to: heard.command, status: status, hasIdentifier: true), context: heard.contextID,
                dataSet: DataSetEncoder(.explicitVRLittleEndian).encode(elements))
        }
    }
}
