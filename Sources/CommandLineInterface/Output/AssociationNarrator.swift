import DICOM
import DICOMNode
import DICOMProtocol

/// Tells the story of an association: with `-V` in a dozen lines a person can read, with `-D` every PDU and message, decoded.
final class AssociationNarrator: Sendable {
    private let diagnostics: Diagnostics

    init(diagnostics: Diagnostics) { self.diagnostics = diagnostics }

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
                    + (count == 1 ? "1 presentation context" : "\(count) presentation contexts")
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
            command.command == .cStoreRQ || command.command == .cStoreRSP
            || command.status?.kind == .pending
        let level: Diagnostics.Level = isOneOfMany ? .debug : .verbose
        diagnostics.report(level, Message("\(arrow) \(MessageDetail.summary(command))"))
        guard diagnostics.isEnabled(.debug) else { return }
        var shown = command
        shown.errorComment = command.errorComment.map { diagnostics.redaction.peerText($0) }
        detail(MessageDetail.lines(shown, contextID: contextID))
    }

    private func narrate(_ bytes: [UInt8], _ syntax: TransferSyntax, _ arrow: String) {
        guard diagnostics.isEnabled(.debug) else { return }
        do throws(DataSetError) {
            let dataSet = try DataSetDecoder(syntax).decode(bytes[...])
            var text: [UInt8] = []
            DataSetText.appendLines(diagnostics.redaction.isOn ? dataSet.hidingPatientData : dataSet, to: &text)
            diagnostics.debug("\(arrow) data set of \(bytes.count) bytes, \(AssociationDetail.name(syntax.uid))")
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
