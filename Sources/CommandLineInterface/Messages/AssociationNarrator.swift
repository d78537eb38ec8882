import DICOM
import DICOMNode
import DICOMProtocol

/// Tells the story of an association: with `-V` in a dozen lines a person can read, with `-D` every PDU and message,
/// decoded. In a transcript it tells the rest, too.
final class AssociationNarrator: Sendable {
    private let diagnostics: Diagnostics
    /// True to tell what the state machine does, and what instances say.
    private let tellsAll: Bool

    init(diagnostics: Diagnostics, tellsAll: Bool = false) {
        self.diagnostics = diagnostics
        self.tellsAll = tellsAll
    }

    func narrate(_ event: AssociationEvent) {
        switch event {
        case .connecting(let endpoint): diagnostics.verbose("connecting to \(endpoint)")
        case .connected(let peer, let local, let security):
            diagnostics.verbose("connected \(local) - \(peer)" + (security.map { ", \($0)" } ?? ""))
        case .sent(let pdu): narrate(pdu, "->")
        case .received(let pdu): narrate(pdu, "<-")
        case .sentMessage(let command, let contextID): narrate(command, contextID, "->")
        case .receivedMessage(let command, let contextID): narrate(command, contextID, "<-")
        case .sentDataSet(let bytes, let syntax): narrate(bytes, syntax, "->")
        case .receivedDataSet(let bytes, let syntax): narrate(bytes, syntax, "<-")
        case .sentInstance(let bytes, let syntax): if tellsAll { narrate(bytes, syntax, "->", isWhole: false) }
        case .receivedInstance(let bytes, let syntax): if tellsAll { narrate(bytes, syntax, "<-", isWhole: false) }
        case .changed(let transition):
            if tellsAll, !transition.isOrdinaryData { diagnostics.debug("\(transition)") }
        case .sentData(let data): narrate(data, "->")
        case .receivedData(let data): narrate(data, "<-")
        case .closed: diagnostics.verbose("connection closed")
        }
    }

    // MARK: PDUs

    private func narrate(_ pdu: PDU, _ arrow: String) {
        switch pdu {
        case .associateRequest(let request):
            let count = request.presentationContexts.count
            diagnostics.verbose(
                "\(arrow) A-ASSOCIATE-RQ: \(request.callingAETitle) calls \(request.calledAETitle), proposes "
                    + Quantity.count(count, "presentation context")
                    + Self.identity(request.userInformation))
            detail(AssociationDetail.lines(request))
        case .associateAccept(let accept):
            let accepted = accept.presentationContexts.count { $0.result == .acceptance }
            diagnostics.verbose(
                "\(arrow) A-ASSOCIATE-AC: \(accepted) of \(accept.presentationContexts.count) accepted"
                    + Self.identity(accept.userInformation))
            detail(AssociationDetail.lines(accept))
        case .associateReject(let reject): diagnostics.verbose("\(arrow) A-ASSOCIATE-RJ: \(reject)")
        case .releaseRequest: diagnostics.verbose("\(arrow) A-RELEASE-RQ")
        case .releaseResponse: diagnostics.verbose("\(arrow) A-RELEASE-RP")
        case .abort(let abort): diagnostics.verbose("\(arrow) A-ABORT: \(abort)")
        }
    }

    private func narrate(_ data: PresentationDataSummary, _ arrow: String) {
        diagnostics.debug(
            "\(arrow) P-DATA-TF: context \(data.contextID), \(data.isCommand ? "command" : "data set"), \(data.length) bytes"
                + (data.isLast ? ", last" : ""))
    }

    private static func identity(_ information: UserInformation) -> String {
        var parts: [String] = []
        if let length = information.maximumLength {
            parts.append("PDUs up to \(length == 0 ? "any length" : "\(length) bytes")")
        }
        if let name = information.implementationVersionName { parts.append(name) }
        return parts.isEmpty ? "" : " (" + parts.joined(separator: ", ") + ")"
    }

    // MARK: Messages

    private func narrate(_ command: CommandSet, _ contextID: UInt8, _ arrow: String) {
        // A story in a dozen lines leaves out what comes once for each match or instance.
        let isOneOfMany =
            command.commandField == .cStoreRQ || command.commandField == .cStoreRSP
            || command.status?.kind == .pending
        let level: Diagnostics.Level = isOneOfMany ? .debug : .verbose
        diagnostics.report(level, Message("\(arrow) \(MessageDetail.summary(command))"))
        guard diagnostics.isEnabled(.debug) else { return }
        var shown = command
        // Whose data it may hold is known to those who asked: they show it with that hidden.
        shown.errorComment = command.errorComment.map {
            diagnostics.redaction.isOn ? "of \(Quantity.count($0.count, "character")), see the messages" : $0
        }
        detail(MessageDetail.lines(shown, contextID: contextID))
    }

    /// - Parameter isWhole: False for the beginning of an instance, which is shown up to its pixels.
    private func narrate(_ bytes: [UInt8], _ syntax: TransferSyntax, _ arrow: String, isWhole: Bool = true) {
        guard diagnostics.isEnabled(.debug) else { return }
        do throws(DataSetError) {
            let decoder = DataSetDecoder(syntax, limits: .identifier)
            let dataSet =
                isWhole ? try decoder.decode(bytes[...]) : try decoder.decodePrefix(bytes[...], through: .beforePixels)
            var text: [UInt8] = []
            DataSetText.appendLines(
                diagnostics.redaction.isOn ? dataSet.hidingPatientData : dataSet, to: &text, lengthsOf: dataSet)
            let size = isWhole ? " of \(bytes.count) bytes" : " up to its pixels"
            diagnostics.debug("\(arrow) data set\(size), \(UIDRegistry.displayName(of: syntax.uid))")
            detail(String(decoding: text, as: UTF8.self).split(separator: "\n").map { String($0) })
        } catch {
            diagnostics.debug("\(arrow) data set of \(bytes.count) bytes that cannot be read: \(error)")
        }
    }

    private func detail(_ lines: @autoclosure () -> [String]) {
        guard diagnostics.isEnabled(.debug) else { return }
        for line in lines() { diagnostics.debug("   \(line)") }
    }
}

extension Tag {
    /// No element: all groups before that of the pixels are in front of it.
    fileprivate static let beforePixels = Tag(0x7FDF_FFFF)
}

/// Returns the content of an A-ASSOCIATE PDU, line by line; secrets of a user identity are never shown.
enum AssociationDetail {
    static func lines(_ request: AssociateRequest) -> [String] {
        request.presentationContexts.map { context in
            "context \(context.id): \(UIDRegistry.displayName(of: context.abstractSyntax)) in "
                + context.transferSyntaxes.map(UIDRegistry.displayName).joined(separator: ", ")
        } + lines(request.userInformation)
    }

    /// SOP classes that a line names.
    private static let namedClasses = 6

    /// The SOP classes that are proposed, a line for all that have the same transfer syntaxes, and the rest of the request.
    static func summary(_ request: AssociateRequest) -> [String] {
        var syntaxes: [(sopClass: UID, transferSyntaxes: [UID])] = []
        for context in request.presentationContexts {
            if let index = syntaxes.firstIndex(where: { $0.sopClass == context.abstractSyntax }) {
                for syntax in context.transferSyntaxes where !syntaxes[index].transferSyntaxes.contains(syntax) {
                    syntaxes[index].transferSyntaxes.append(syntax)
                }
            } else {
                syntaxes.append((context.abstractSyntax, context.transferSyntaxes))
            }
        }
        var groups: [(transferSyntaxes: [UID], sopClasses: [UID])] = []
        for entry in syntaxes {
            if let index = groups.firstIndex(where: { $0.transferSyntaxes == entry.transferSyntaxes }) {
                groups[index].sopClasses.append(entry.sopClass)
            } else {
                groups.append((entry.transferSyntaxes, [entry.sopClass]))
            }
        }
        return groups.map { group in
            let named = group.sopClasses.prefix(namedClasses).map(UIDRegistry.displayName).joined(separator: ", ")
            let more = group.sopClasses.count - namedClasses
            return named + (more > 0 ? " and \(more) more" : "") + " in "
                + group.transferSyntaxes.map(UIDRegistry.displayName).joined(separator: ", ")
        } + lines(request.userInformation, withRoles: false)
    }

    static func lines(_ accept: AssociateAccept) -> [String] {
        accept.presentationContexts.map { context in
            let syntax = context.transferSyntax.map(UIDRegistry.displayName)
            return "context \(context.id): \(context.result.description)"
                + (context.result == .acceptance ? syntax.map { " in \($0)" } ?? "" : "")
        } + lines(accept.userInformation)
    }

    private static func lines(_ information: UserInformation, withRoles: Bool = true) -> [String] {
        var lines: [String] = []
        if let length = information.maximumLength { lines.append("maximum length \(length)") }
        if let uid = information.implementationClassUID { lines.append("implementation class \(uid)") }
        if let name = information.implementationVersionName { lines.append("implementation version \(name)") }
        if let window = information.asynchronousOperationsWindow {
            lines.append("asynchronous operations: invokes \(window.invoked), performs \(window.performed)")
        }
        for role in information.roleSelections where withRoles {
            lines.append(
                "role of \(UIDRegistry.displayName(of: role.sopClass)): SCU \(role.scu ? 1 : 0), SCP \(role.scp ? 1 : 0)"
            )
        }
        for item in information.extendedNegotiations {
            let bytes = item.information.map { String($0, radix: 16) }.joined(separator: " ")
            lines.append("extended negotiation of \(UIDRegistry.displayName(of: item.sopClass)): \(bytes)")
        }
        if information.userIdentityRequest != nil { lines.append("user identity, not shown") }
        if information.userIdentityResponse != nil { lines.append("user identity confirmed") }
        return lines
    }
}

/// Returns the content of a command set, by the names of PS3.7.
enum MessageDetail {
    /// On one line: what it is, about what, and how it went.
    static func summary(_ command: CommandSet) -> String {
        var text = command.commandField.map { "\($0)" } ?? "no command field"
        if let id = command.messageID ?? command.messageIDBeingRespondedTo { text += " \(id)" }
        if let sopClass = command.sopClassUID { text += ", \(UIDRegistry.displayName(of: sopClass))" }
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
        // The command and the kind of data set are in other lines.
        let elements = command.described.filter { !$0.name.hasPrefix("command") }
        return ["presentation context \(contextID)"] + elements.map { "\($0.name) \($0.value)" }
            + [command.hasDataSet ? "a data set follows" : "no data set"]
    }
}

/// Tells what happens at the receiver's port: strangers are told apart from peers, and neither is an error of ours.
struct ServerNarrator: Sendable {
    private let diagnostics: Diagnostics

    init(diagnostics: Diagnostics) { self.diagnostics = diagnostics }

    var narrate: @Sendable (AssociationServer.Event) -> Void {
        { [diagnostics] event in
            switch event {
            case .accepted(let request, _, let peer):
                diagnostics.verbose("\(request.callingAETitle)@\(peer) associates to send")
                if request.surplusContextCount > 0 {
                    diagnostics.note(
                        Message(
                            "\(request.callingAETitle)@\(peer) proposes more presentation contexts than there are ids for",
                            "the last \(request.surplusContextCount) of them are ignored"))
                }
            case .rejected(let request, let reject, let peer):
                diagnostics.note(
                    Message(
                        "\(request.callingAETitle)@\(peer) called \(request.calledAETitle) and was rejected",
                        "\(reject.reason)"))
            case .stranger(let peer, .protocolViolation(let violation)):
                diagnostics.note(
                    Message("\(peer): its request was not understood", violation.message, code: violation.section))
            case .stranger(let peer, let error):
                diagnostics.note(Message("\(peer) connected and did not associate", Self.text(error)))
            case .ended(let peer): diagnostics.verbose("\(peer) released its association")
            case .failed(let peer, .interrupted):
                diagnostics.verbose("association with \(peer) ended with the operation")
            case .failed(let peer, let error):
                diagnostics.warning(Message("association with \(peer) ended", Self.text(error)))
            case .turnedAway(let peer): diagnostics.warning(Message("\(peer) turned away", "too many connections"))
            case .refusedForMemory(let request, let peer):
                diagnostics.warning(
                    Message(
                        "\(MessageDetail.summary(request)) of \(peer) refused",
                        "all callers together send too much at once", code: "\(request.outOfResources)"))
            }
        }
    }

    /// Why an association ended, or did not come about.
    static func text(_ error: AssociationError) -> String {
        switch error {
        case .connectionLost(let reason), .unreachable(let reason): reason.description
        case .abortedByPeer(let abort): "aborted by the peer: \(abort)"
        case .releasedByPeer: "released"
        case .protocolViolation(let violation): violation.description
        case .timedOut(let awaited): "time limit passed while waiting for \(awaited)"
        case .interrupted: "ended with the operation"
        case .rejected(let reject): "\(reject)"
        case .identityUnconfirmed, .noPresentationContext, .sourceUnreadable, .sourceCutShort, .unsendable, .web:
            "\(error)"
        }
    }
}
