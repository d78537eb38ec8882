import DICOM
import DICOMNode
import DICOMProtocol

/// One operation on its way: what was asked, where results and messages go, and the worst that has happened so far.
///
/// Several threads may work on one operation and report what happens to it.
final class CommandRun: Sendable {
    let invocation: Invocation
    let environment: Environment
    let diagnostics: Diagnostics
    /// Certificates, keys and secrets, read before anything is sent.
    let security: RunSecurity
    /// Where the objects of `--format jsonl` go; nil for a query, whose objects are its answers, and for other formats.
    let events: EventWriter?
    private let start = ContinuousClock.now
    private let end: Deadline
    private let state = Locked(State())

    private struct State {
        var exitCode = ExitCode.success
        var summary = RunEvent(.summary)
    }

    init(invocation: Invocation, environment: Environment, diagnostics: Diagnostics, security: RunSecurity) {
        self.security = security
        self.invocation = invocation
        self.environment = environment
        self.diagnostics = diagnostics
        end = invocation.totalTimeout.map { .after(seconds: $0) } ?? .never
        let writesEvents = invocation.format == .jsonl && !invocation.operation.isQuery
        let writer = EventWriter(
            output: environment.standardOutput, escapesNonASCII: environment.localeEncoding != nil)
        events = writesEvents ? writer : nil
    }

    /// Writes the summary of `--format jsonl`, once everything else is done.
    func finish() {
        guard let events else { return }
        summary.set(.operation, invocation.operation.rawValue)
        summary.set(.peer, peerName)
        summary.set(.seconds, ContinuousClock.now - start)
        // An output that takes no more lines is a cause of its own, and the summary may still get through.
        if let failure = events.failure { fail(.localFiles, Message("standard output", failure.description)) }
        // As the process ends: which signal it was is part of it.
        summary.set(.exitCode, Int(exitCode == .interrupted ? SignalThread.exitCode : exitCode.rawValue))
        let failed = events.failure != nil
        events.write(summary)
        if !failed, let failure = events.failure { fail(.localFiles, Message("standard output", failure.description)) }
    }

    var exitCode: ExitCode { state.withLock { $0.exitCode } }

    /// The last object of `--format jsonl`: operations put their counts here, once their threads have ended.
    var summary: RunEvent {
        get { state.withLock { $0.summary } }
        set { state.withLock { $0.summary = newValue } }
    }

    var output: any ByteSink { environment.standardOutput }
    var cancellation: Cancellation? { environment.cancellation }

    /// The peer as it is named in messages: our name for it and where it is.
    var peerName: String {
        // Whoever only listens has called nobody.
        invocation.peer.host.isEmpty ? "any server" : "\(invocation.calledAETitle)@\(invocation.peer)"
    }

    var endpoint: Endpoint { invocation.peer }

    /// Reports what went wrong and remembers its exit code.
    func fail(_ code: ExitCode, _ message: Message) {
        let line = message.line(diagnostics.redaction)
        state.withLock {
            $0.exitCode = $0.exitCode.worst(code)
            $0.summary.set(.error, line)
        }
        diagnostics.error(message)
    }

    func fail(_ error: AssociationError) {
        fail(ExitCode(for: error), message(error))
    }

    /// The message for an association that failed.
    func message(_ error: AssociationError) -> Message { Message(error, calling: server) }

    /// The server as messages name it.
    private var server: CalledServer {
        CalledServer(
            endpoint: endpoint, calledAETitle: invocation.calledAETitle, callingAETitle: invocation.callingAETitle,
            service: invocation.operation.serviceName, usesTLS: invocation.tls != nil,
            hasCertificate: invocation.tls?.configuration.certificate != nil, receiverPort: invocation.receiverPort)
    }

    /// Reports a problem with one of the files given.
    func report(_ problem: FileProblem) { fail(.incomplete, Message(problem)) }

    /// Reports a finding among the files given that is not an instance.
    func report(_ note: InstanceBatches.Note) {
        switch note {
        case .passedOver(let path, let reason):
            diagnostics.note(Message("\(path)", "skipped: \(reason.rawValue)"))
        case .notAnInstance(let problem):
            diagnostics.note(Message("\(problem.path)", "skipped: \(problem.code.rawValue)"))
        case .problem(let problem):
            report(problem)
        }
    }

    /// A problem that was already reported.
    func note(_ code: ExitCode) { state.withLock { $0.exitCode = $0.exitCode.worst(code) } }

    /// An error that was already reported, for the summary of `--format jsonl`.
    func remember(_ error: String) { state.withLock { $0.summary.set(.error, error) } }

    func newUID() -> UID { UIDGenerator(root: invocation.uidRoot).makeUID(from: environment.randomBytes()) }

    /// Sets the exit code to what the whole comes to, after its parts have been counted.
    func settle(_ code: ExitCode) { state.withLock { $0.exitCode = code } }

    // MARK: Associations

    var limits: AssociationLimits {
        var limits = AssociationLimits()
        limits.connect = invocation.connectTimeout
        limits.inactivity = invocation.inactivityTimeout
        // Whoever asks for less patience with silence asks for it everywhere.
        if let inactivity = limits.inactivity {
            limits.association = limits.association.map { min($0, inactivity) }
            limits.release = limits.release.map { min($0, inactivity) }
        }
        limits.end = end
        return limits
    }

    func parameters(_ contexts: [PresentationContextProposal]) -> AssociationParameters {
        var parameters = AssociationParameters(
            calledAETitle: invocation.calledAETitle, callingAETitle: invocation.callingAETitle,
            presentationContexts: contexts)
        parameters.extendedNegotiations = contexts.map(\.abstractSyntax).reduce(into: []) { items, sopClass in
            guard let item = invocation.negotiation.item(for: sopClass), !items.contains(item) else { return }
            items.append(item)
        }
        parameters.maximumPDULength = invocation.maximumPDULength
        parameters.limits = limits
        parameters.userIdentity = security.userIdentity
        return parameters
    }

    func associate(_ parameters: AssociationParameters) throws(AssociationError) -> Association {
        try associate(parameters, cancellation: cancellation)
    }

    /// - Parameter cancellation: what ends this association, where that is not only the end of the run.
    func associate(
        _ parameters: AssociationParameters, cancellation: Cancellation?
    ) throws(AssociationError) -> Association {
        let association = try Association.request(
            parameters, at: endpoint, connector: security.connector, cancellation: cancellation, observer: observer)
        if let warning = association.securityWarning { security.warn(warning, diagnostics) }
        if parameters.userIdentity != nil, association.accept?.userInformation.userIdentityResponse == nil,
            !invocation.acceptsUnconfirmedIdentity
        {
            association.abort()
            throw .identityUnconfirmed
        }
        noteNegotiation(parameters.extendedNegotiations, association)
        return association
    }

    /// Says what the server grants of what was negotiated: it changes what the answers mean.
    private func noteNegotiation(_ items: [SOPClassExtendedNegotiation], _ association: Association) {
        let answers = association.accept?.userInformation.extendedNegotiations ?? []
        for item in items {
            let answer = answers.first { $0.sopClass == item.sopClass }
            let asked = QueryNegotiation(granted: item)
            let granted = answer.map { QueryNegotiation(granted: $0).intersection(asked) } ?? []
            let refused = asked.subtracting(granted)
            if !granted.isEmpty { diagnostics.note(Message("\(peerName) grants \(granted.words)")) }
            if !refused.isEmpty {
                let why = answer == nil ? "it does not answer the negotiation" : nil
                diagnostics.note(Message("\(peerName) does not grant \(refused.words)", why))
            }
        }
    }

    /// Opens an association with the contexts of these needs, as far as one association has room for them.
    func associate(for needs: [PresentationContextPlan.Need]) throws(AssociationError) -> Association {
        try associate(parameters(PresentationContextPlan(needs: needs).associations.first ?? []))
    }

    /// Narrates associations when somebody listens; costs nothing when nobody does.
    var observer: AssociationObserver? {
        guard diagnostics.isEnabled(.verbose) else { return nil }
        let narrator = AssociationNarrator(diagnostics: diagnostics)
        return { narrator.narrate($0) }
    }

    /// Runs the body on an association, and releases it afterwards; reports what goes wrong with either. False: something did.
    @discardableResult
    func withAssociation(
        for needs: [PresentationContextPlan.Need], roleSelections: [RoleSelection] = [],
        _ body: (Association) throws(AssociationError) -> Void
    ) -> Bool {
        do throws(AssociationError) {
            var parameters = parameters(PresentationContextPlan(needs: needs).associations.first ?? [])
            parameters.roleSelections = roleSelections
            let association = try associate(parameters)
            do throws(AssociationError) {
                try body(association)
            } catch {
                if error.leavesAssociationUsable { try association.release() }
                throw error
            }
            try association.release()
            return true
        } catch {
            fail(error)
            return false
        }
    }
}
