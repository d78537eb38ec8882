import DICOM
import DICOMNode
import DICOMProtocol

/// Tells the story of an association: with `-V` in a dozen lines a person can read, with `-D` every message.
final class AssociationNarrator: Sendable {
    private let diagnostics: Diagnostics

    init(diagnostics: Diagnostics) { self.diagnostics = diagnostics }

    func narrate(_ event: AssociationEvent) {
        switch event {
        case .connected(let peer, let local, let security):
            diagnostics.verbose("connected \(local) - \(peer)" + (security.map { ", \($0)" } ?? ""))
        case .sent(let pdu): narrate(pdu, isOurs: true)
        case .received(let pdu): narrate(pdu, isOurs: false)
        case .sentMessage(let command, let contextID): diagnostics.debug("-> \(Self.line(command, contextID))")
        case .receivedMessage(let command, let contextID): diagnostics.debug("<- \(Self.line(command, contextID))")
        case .closed: diagnostics.verbose("connection closed")
        }
    }

    private func narrate(_ pdu: PDU, isOurs: Bool) {
        let arrow = isOurs ? "->" : "<-"
        switch pdu {
        case .associateRequest(let request):
            diagnostics.verbose(
                "\(arrow) A-ASSOCIATE-RQ \(request.callingAETitle) calls \(request.calledAETitle), "
                    + "\(request.presentationContexts.count) presentation contexts"
                    + Self.identity(request.userInformation))
            for context in request.presentationContexts {
                diagnostics.debug(
                    "   context \(context.id): \(Self.name(context.abstractSyntax)) in "
                        + context.transferSyntaxes.map(Self.name).joined(separator: ", "))
            }
        case .associateAccept(let accept):
            let accepted = accept.presentationContexts.filter { $0.result == .acceptance }
            diagnostics.verbose(
                "\(arrow) A-ASSOCIATE-AC \(accepted.count) of \(accept.presentationContexts.count) presentation contexts"
                    + Self.identity(accept.userInformation))
            for context in accept.presentationContexts {
                let syntax = context.transferSyntax.map(Self.name)
                diagnostics.debug("   context \(context.id): \(context.result)" + (syntax.map { " in \($0)" } ?? ""))
            }
        case .associateReject(let reject): diagnostics.verbose("\(arrow) A-ASSOCIATE-RJ \(reject)")
        case .releaseRequest: diagnostics.verbose("\(arrow) A-RELEASE-RQ")
        case .releaseResponse: diagnostics.verbose("\(arrow) A-RELEASE-RP")
        case .abort(let abort): diagnostics.verbose("\(arrow) A-ABORT \(abort)")
        }
    }

    private static func identity(_ information: UserInformation) -> String {
        var parts: [String] = []
        if let length = information.maximumLength { parts.append("maximum length \(length)") }
        if let name = information.implementationVersionName { parts.append(name) }
        return parts.isEmpty ? "" : " (" + parts.joined(separator: ", ") + ")"
    }

    private static func name(_ uid: UID) -> String { UIDRegistry.name(of: uid) ?? uid.string }

    private static func line(_ command: CommandSet, _ contextID: UInt8) -> String {
        var text = command.command.map { "\($0)" } ?? "command \(command.commandField ?? 0)"
        if let id = command.messageID ?? command.messageIDBeingRespondedTo { text += " \(id)" }
        text += ", context \(contextID)"
        if let status = command.status { text += ", status \(status)" }
        if let sopClass = command.sopClassUID { text += ", \(name(sopClass))" }
        return text
    }
}
