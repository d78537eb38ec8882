import DICOM
import DICOMProtocol

/// What an A-ASSOCIATE PDU holds, line by line; secrets of a user identity are never shown.
enum AssociationDetail {
    static func lines(_ request: AssociateRequest) -> [String] {
        request.presentationContexts.map { context in
            "context \(context.id): \(name(context.abstractSyntax)) in "
                + context.transferSyntaxes.map(name).joined(separator: ", ")
        } + lines(request.userInformation)
    }

    static func lines(_ accept: AssociateAccept) -> [String] {
        accept.presentationContexts.map { context in
            let syntax = context.transferSyntax.map(name)
            return "context \(context.id): \(context.result.description)"
                + (context.result == .acceptance ? syntax.map { " in \($0)" } ?? "" : "")
        } + lines(accept.userInformation)
    }

    private static func lines(_ information: UserInformation) -> [String] {
        var lines: [String] = []
        if let length = information.maximumLength { lines.append("maximum length \(length)") }
        if let uid = information.implementationClassUID { lines.append("implementation class \(uid)") }
        if let name = information.implementationVersionName { lines.append("implementation version \(name)") }
        if let window = information.asynchronousOperationsWindow {
            lines.append("asynchronous operations: invokes \(window.invoked), performs \(window.performed)")
        }
        for role in information.roleSelections {
            lines.append("role of \(name(role.sopClass)): SCU \(role.scu ? 1 : 0), SCP \(role.scp ? 1 : 0)")
        }
        for item in information.extendedNegotiations {
            let bytes = item.information.map { String($0, radix: 16) }.joined(separator: " ")
            lines.append("extended negotiation of \(name(item.sopClass)): \(bytes)")
        }
        if information.userIdentityRequest != nil { lines.append("user identity, not shown") }
        if information.userIdentityResponse != nil { lines.append("user identity confirmed") }
        return lines
    }

    static func name(_ uid: UID) -> String { UIDRegistry.name(of: uid) ?? uid.string }
}

/// What a command set holds, by the names of PS3.7.
enum MessageDetail {
    /// On one line: what it is, about what, and how it went.
    static func summary(_ command: CommandSet) -> String {
        var text = command.command.map { "\($0)" } ?? "command \(command.commandField ?? 0)"
        if let id = command.messageID ?? command.messageIDBeingRespondedTo { text += " \(id)" }
        if let sopClass = command.sopClassUID { text += ", \(AssociationDetail.name(sopClass))" }
        if let destination = command.moveDestination { text += ", to \(destination)" }
        if let status = command.status { text += ", status \(status) \(word(status))" }
        return text
    }

    private static func word(_ status: DIMSEStatus) -> String {
        switch status.kind {
        case .success: "success"
        case .pending: "pending"
        case .cancel: "cancel"
        case .warning: "warning"
        case .failure: "failure"
        }
    }

    static func lines(_ command: CommandSet, contextID: UInt8) -> [String] {
        var lines = ["presentation context \(contextID)"]
        func add(_ name: String, _ value: (some CustomStringConvertible)?) {
            if let value { lines.append("\(name) \(value)") }
        }
        add("affected SOP class", command.affectedSOPClassUID)
        add("requested SOP class", command.requestedSOPClassUID)
        add("message id", command.messageID)
        add("message id being responded to", command.messageIDBeingRespondedTo)
        add("affected SOP instance", command.affectedSOPInstanceUID)
        add("requested SOP instance", command.requestedSOPInstanceUID)
        add("priority", command.priority)
        add("move destination", command.moveDestination)
        add("move originator", command.moveOriginatorAETitle)
        add("move originator message id", command.moveOriginatorMessageID)
        add("event type", command.eventTypeID)
        add("action type", command.actionTypeID)
        add("remaining sub-operations", command.numberOfRemainingSuboperations)
        add("completed sub-operations", command.numberOfCompletedSuboperations)
        add("failed sub-operations", command.numberOfFailedSuboperations)
        add("sub-operations with warnings", command.numberOfWarningSuboperations)
        add("status", command.status)
        if !command.offendingElements.isEmpty {
            add("offending elements", command.offendingElements.map { QueryKeyParser.name($0) }.joined(separator: ", "))
        }
        add("error comment", command.errorComment)
        add("error id", command.errorID)
        lines.append(command.hasDataSet ? "a data set follows" : "no data set")
        return lines
    }
}
