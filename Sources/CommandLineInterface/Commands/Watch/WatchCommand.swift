import DICOM
import DICOMNode
import DICOMProtocol
import System

/// `--watch`: listens at our port until the first request to stop, and tells who calls, how, and what for.
final class WatchCommand {
    private let options: WatchOptions
    private let network: Network
    private let outcome: RunOutcome
    private let log: WatchLog

    init(_ options: WatchOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        log = WatchLog(own: network.connection.callingAETitle, outcome, environment.standardOutput)
    }

    func perform() {
        do throws(FileProblem) {
            let folder: OutputFolder? = if let path = options.outputDirectory { try OutputFolder(path) } else { nil }
            let watch = Stopwatch()
            guard let port = network.connection.receiverPort,
                let server = Receiver.start(
                    network, outcome, port: port, services: [WatchSCP(log: log, folder: folder)], titles: nil,
                    isAccepting: false, narrates: false, watch: { [log] in log.record($0) })
            else { return }
            announce(server.port)
            guard Receiver.accept(server, outcome) else { return }
            let end = network.connection.totalTimeout.map { Deadline.after(seconds: $0) } ?? .never
            _ = network.cancellation.wait(until: end)
            server.stop()
            try folder?.sync()
            conclude(server.port, seconds: watch.seconds)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
        if let error = log.outputError { outcome.failOutput(error) }
    }

    private func announce(_ port: UInt16) {
        let kept = options.outputDirectory.map { "instances are kept in \($0.displayed)" }
        outcome.diagnostics.note(
            Message(
                "watching port \(port); \(network.authenticationOfCallers)",
                kept ?? "nothing is kept: who sends is told to try again later (\(OptionName.output) keeps it)"))
    }

    private func conclude(_ port: UInt16, seconds: Double) {
        let (callers, requests) = log.counts
        outcome.summary.set(.associations, callers)
        outcome.summary.set(.count, requests)
        guard !log.isUntouched else {
            return outcome.diagnostics.warning(
                Message(
                    "nobody has connected to port \(port) in \(Decimal.text(seconds, digits: 0)) s",
                    "is the address that the sender has one of this machine, is its port \(port), and does the firewall let it in?"
                ))
        }
        outcome.diagnostics.note(
            Message(
                "port \(port)",
                "\(Quantity.count(callers, "association")) and \(Quantity.count(requests, "request")) seen"))
    }
}

/// Takes every presentation context that is proposed, and answers so that nobody gives up for good and nobody believes
/// that something was done: C-ECHO with success, a C-STORE where it is kept, all else as a lack of resources, which is a
/// reason to try again.
struct WatchSCP: ServiceClass {
    let log: WatchLog
    /// Where instances are kept; nil: nowhere.
    let folder: OutputFolder?

    func supports(_ abstractSyntax: UID) -> Bool { true }

    /// Instances in the syntax that the peer likes best; what is shown, in one that can be read.
    func choose(from transferSyntaxes: [UID], for abstractSyntax: UID, roles: RoleSelection?) -> UID? {
        let native = [TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid]
        let isService =
            UIDRegistry.name(of: abstractSyntax) != nil
            && !UIDRegistry.storageSOPClasses.contains(abstractSyntax)
        return (isService ? native.first { transferSyntaxes.contains($0) } : nil) ?? transferSyntaxes.first
    }

    func grant(_ selection: RoleSelection) -> RoleSelection? { selection }

    func session(on association: Association) -> any ServiceSession {
        let peer = "\(association.request.callingAETitle)@\(association.peerDescription)"
        let storage = folder.map { folder in
            StorageSCP(
                receiver: InstanceReceiver(folder: folder, naming: .standard, existing: .rename) { [log] in
                    log.record($0, from: peer)
                }
            ).session(on: association)
        }
        return Session(association, peer, log, storage)
    }

    private final class Session: ServiceSession {
        private let association: Association
        private let peer: String
        private let log: WatchLog
        private let storage: (any ServiceSession)?

        init(_ association: Association, _ peer: String, _ log: WatchLog, _ storage: (any ServiceSession)?) {
            self.association = association
            self.peer = peer
            self.log = log
            self.storage = storage
        }

        var expectsInstances: Bool { storage?.expectsInstances ?? false }

        func destination(of command: CommandSet, in context: NegotiatedContexts.Accepted) -> DataSetDestination {
            guard command.commandField == .cStoreRQ else { return .memory }
            return storage?.destination(of: command, in: context) ?? .discard
        }

        func answer(_ message: DIMSEMessage, in context: NegotiatedContexts.Accepted) throws(AssociationError) {
            if message.command.commandField == .cStoreRQ, let storage {
                return try storage.answer(message, in: context)
            }
            if message.command.commandField == .cEchoRQ {
                log.record(message, in: context, from: peer, answer: .success)
                return try association.send(.echoResponse(to: message.command), contextID: context.id)
            }
            let status = message.command.outOfResources
            log.record(message, in: context, from: peer, answer: status)
            try association.refuse(message, status: status)
        }

        func end() { storage?.end() }
    }
}

/// Writes what happens at the port: a line for each event, or an object of JSON.
final class WatchLog: Sendable {
    private let own: AETitle
    private let outcome: RunOutcome
    private let output: any ByteSink
    private let state = Locked(State())

    private struct State {
        var callers = 0
        var requests = 0
        var strangers = 0
        var titles: [String: String] = [:]
        var outputError: ByteSinkError?
    }

    /// Lines of a data set that are shown.
    private static let maximumLines = 60

    init(own: AETitle, _ outcome: RunOutcome, _ output: any ByteSink) {
        self.own = own
        self.outcome = outcome
        self.output = output
    }

    var counts: (callers: Int, requests: Int) { state.withLock { ($0.callers, $0.requests) } }
    /// True if nothing has connected at all.
    var isUntouched: Bool { state.withLock { $0.callers + $0.strangers == 0 } }
    var outputError: ByteSinkError? { state.withLock { $0.outputError } }

    // MARK: Associations

    func record(_ event: AssociationServer.Event) {
        switch event {
        case .accepted(let request, _, let peer):
            let name = "\(request.callingAETitle)@\(peer)"
            state.withLock { state in
                state.callers += 1
                state.titles[peer] = name
            }
            call(name, request)
        case .rejected(let request, let reject, let peer):
            state.withLock { $0.callers += 1 }
            write(
                .call, "\(request.callingAETitle)@\(peer)", "calls \(request.calledAETitle), rejected: \(reject.reason)"
            )
        case .stranger(let peer, let error):
            state.withLock { $0.strangers += 1 }
            let why =
                if case .protocolViolation(let violation) = error { violation.message } else {
                    ServerNarrator.text(error)
                }
            write(.call, peer, "connected and did not associate: \(why)")
        case .ended(let peer): write(.call, forget(peer), "released")
        case .failed(let peer, let error):
            write(.call, forget(peer), "association ended: \(ServerNarrator.text(error))")
        case .turnedAway(let peer): write(.call, peer, "turned away: too many connections")
        case .refusedForMemory(let request, let peer):
            state.withLock { $0.requests += 1 }
            let peer = state.withLock { $0.titles[peer] } ?? peer
            write(
                .request, peer, "\(MessageDetail.summary(request)): refused, all callers together send too much at once"
            )
        }
    }

    private func forget(_ peer: String) -> String { state.withLock { $0.titles.removeValue(forKey: peer) } ?? peer }

    private func call(_ peer: String, _ request: AssociateRequest) {
        let other = request.calledAETitle == own ? "" : " (our AE title is \(own); any is taken here)"
        let count = Quantity.count(request.presentationContexts.count, "presentation context")
        let contexts = request.presentationContexts.map { context in
            JSONValue.object([
                ("id", .number(Int(context.id))), ("abstractSyntax", .string(context.abstractSyntax.string)),
                ("transferSyntaxes", .array(context.transferSyntaxes.map { .string($0.string) })),
            ])
        }
        let data = JSONValue.object([
            ("callingAETitle", .string(request.callingAETitle.string)),
            ("calledAETitle", .string(request.calledAETitle.string)), ("contexts", .array(contexts)),
        ])
        write(
            .call, peer, "calls \(request.calledAETitle)\(other), proposes \(count)",
            details: outcome.diagnostics.isEnabled(.verbose)
                ? AssociationDetail.lines(request) : AssociationDetail.summary(request)
        ) { $0.set(.data, data) }
    }

    // MARK: Messages

    func record(
        _ message: DIMSEMessage, in context: NegotiatedContexts.Accepted, from peer: String, answer: DIMSEStatus
    ) {
        state.withLock { $0.requests += 1 }
        let isDone = answer == .success
        let what =
            MessageDetail.summary(message.command) + " in \(UIDRegistry.displayName(of: context.transferSyntax.uid))"
        write(
            .request, peer, "\(what): \(isDone ? "answered" : "told to try again later (\(answer))")",
            details: lines(message.dataSet, context.transferSyntax)
        ) { event in
            event.set(.sopClassUID, message.command.sopClassUID)
            event.set(.sopInstanceUID, message.command.sopInstanceUID)
            event.set(.transferSyntaxUID, context.transferSyntax.uid)
            event.set(.status, answer.description)
            event.set(isDone ? .done : .skipped)
        }
    }

    func record(_ instance: ReceivedInstance, from peer: String) {
        state.withLock { $0.requests += 1 }
        let what = "C-STORE-RQ, \(UIDRegistry.displayName(of: instance.sopClassUID)) in \(instance.transferSyntax)"
        let path: FilePath?
        let result: String
        switch instance.outcome {
        case .stored(let stored): (path, result) = (stored.path, "kept as \(stored.path.displayed)")
        case .failed(let problem): (path, result) = (nil, "not kept: \(problem)")
        case .cutOff: (path, result) = (nil, "cut off, not kept")
        }
        write(
            .request, peer, "\(what), \(instance.length) bytes: \(result)", details: instance.remarks.map { "\($0)" }
        ) { event in
            event.set(.sopClassUID, instance.sopClassUID)
            event.set(.sopInstanceUID, instance.sopInstanceUID)
            event.set(.transferSyntaxUID, instance.transferSyntax.uid)
            event.set(.bytes, Int(clamping: instance.length))
            event.set(.status, instance.status.description)
            if let path { event.set(path) }
            event.set(path == nil ? .failed : .done)
        }
    }

    /// The elements of a data set, without patient data.
    private func lines(_ bytes: [UInt8]?, _ syntax: TransferSyntax) -> [String] {
        guard let bytes else { return [] }
        do throws(DataSetError) {
            let dataSet = try DataSetDecoder(syntax, limits: .identifier).decode(bytes[...])
            var text: [UInt8] = []
            DataSetText.appendLines(
                outcome.diagnostics.redaction.isOn ? dataSet.hidingPatientData : dataSet, to: &text)
            let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map { String($0) }
            let more = lines.count - Self.maximumLines
            return lines.prefix(Self.maximumLines) + (more > 0 ? ["and \(more) more"] : [])
        } catch {
            return ["a data set of \(bytes.count) bytes that cannot be read: \(error)"]
        }
    }

    // MARK: Output

    private func write(
        _ name: RunEvent.Name, _ peer: String, _ text: String, details: [String] = [],
        _ complete: (inout RunEvent) -> Void = { _ in }
    ) {
        let shown = outcome.diagnostics.redaction.ownText(text)
        if let events = outcome.events {
            var event = RunEvent(name)
            event.set(.peer, peer)
            event.set(.found, shown)
            complete(&event)
            return events.write(event)
        }
        let isBrief = !outcome.diagnostics.isEnabled(.note)
        let lines = ["\(LogTime.now) \(peer) \(shown)"] + (isBrief ? [] : details.map { "    \($0)" })
        let page = lines.map { DisplayText.line($0) + "\n" }.joined()
        state.withLock { state in
            guard state.outputError == nil else { return }
            do throws(ByteSinkError) { try output.write(page) } catch { state.outputError = error }
        }
    }
}
