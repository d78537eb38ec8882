import DICOM
import DICOMNode
import DICOMProtocol
import System

/// What comes to our port while the server is asked to call back. Instances are accepted, and nothing of them is kept.
final class CallBackReceiver: Sendable {
    let ledger: CommitmentLedger
    private let server: AssociationServer
    private let calls = Calls()

    private final class Calls: Sendable {
        let events = Locked<[AssociationServer.Event]>([])
        let instances = Locked(0)
    }

    /// The instances that came.
    var instanceCount: Int { calls.instances.withLock { $0 } }

    /// - Throws: `TransportError` if the port cannot be listened at.
    init(_ network: Network, port: UInt16) throws(TransportError) {
        do throws(SystemError) { ledger = try CommitmentLedger() } catch { throw .system(error) }
        let (ledger, calls) = (ledger, calls)
        server = try Receiver.open(
            network, port: port,
            services: [
                VerificationSCP(), CommitmentReportSCU(ledger: ledger, report: { _ in }),
                DiscardingStorageSCP(report: { calls.instances.withLock { $0 += 1 } }),
            ],
            watch: { event in
                calls.events.withLock { if $0.count < 100 { $0.append(event) } }
                ledger.announce()
            })
    }

    func stop() { server.stop() }

    /// The association that came, if one was accepted.
    var caller: (request: AssociateRequest, peer: String)? {
        for case .accepted(let request, _, let peer) in calls.events.withLock({ $0 }) { return (request, peer) }
        return nil
    }

    /// The association that was rejected.
    var rejected: (request: AssociateRequest, peer: String)? {
        for case .rejected(let request, _, let peer) in calls.events.withLock({ $0 }) { return (request, peer) }
        return nil
    }

    /// Something that connected and was no DICOM peer.
    var stranger: String? {
        for case .stranger(let peer, _) in calls.events.withLock({ $0 }) { return peer }
        return nil
    }
}

extension Examination {
    func checkReceiver() -> DoctorFinding {
        guard let port = network.connection.receiverPort else {
            return .skipped(.receiver, "no port of ours was given (\(OptionName.portSCP))")
        }
        do throws(TransportError) {
            receiver = try CallBackReceiver(network, port: port)
            return DoctorFinding(
                .receiver, .passed,
                "port \(port) of this machine is listened at as \(network.connection.callingAETitle)")
        } catch {
            var finding = DoctorFinding(.receiver, .failed, "cannot listen at port \(port): \(error)")
            finding.cause = .cannotListen
            if case .portInUse = error { finding.remedy = Hint.receiverPortTaken(port: port).text }
            finding.exitCode = ExitCode(listening: error)
            return finding
        }
    }

    /// The server is asked for what it answers on an association of its own: first a commitment report on an instance that does not
    /// exist, else a C-MOVE of one instance, which is accepted here and not kept.
    func checkCallBack() -> DoctorFinding {
        guard let receiver else {
            return .skipped(.callBack, "needs our own port (\(OptionName.portSCP)), known to the server")
        }
        endAssociation()
        do throws(AssociationError) {
            if services?.contains(StorageCommitmentRequest.sopClass) == true {
                if let finding = try requestReport(receiver) { return finding }
            }
            return try moveOne(receiver)
        } catch {
            if let found = seen(receiver, waited: nil) { return found }
            guard case .abortedByPeer = error else { return failure(.callBack, error) }
            // Orthanc does so if it does not know where to send the report.
            return notCalled(
                "the server aborted our request to call back: it does not know \(network.connection.callingAETitle)",
                receiver)
        }
    }

    /// Nil: the server does not take the request.
    private func requestReport(_ receiver: CallBackReceiver) throws(AssociationError) -> DoctorFinding? {
        let association = try associate(for: StorageCommitmentSCU.needs)
        defer { try? network.release(association) }
        let service = try StorageCommitmentSCU(on: association, ledger: receiver.ledger, report: { _ in })
        let request = StorageCommitmentRequest(
            transactionUID: network.newUID(),
            references: [
                SOPInstanceReference(sopClassUID: StorageClassName.uid("CT") ?? "", sopInstanceUID: network.newUID())
            ])
        let peer = CommitmentTransaction.Peer(
            calledAETitle: network.connection.calledAETitle.string,
            callingAETitle: network.connection.callingAETitle.string, endpoint: network.endpoint,
            address: service.peerAddress)
        // Without a file there is nothing to fail.
        try? receiver.ledger.register(request, with: peer)
        let response = try service.request(request)
        guard response.status?.kind != .failure else { return nil }
        let end = Deadline.after(seconds: options.wait)
        while !end.isPast, seen(receiver, waited: nil) == nil, !receiver.ledger.isSettled {
            var patience = CommitmentPatience(seconds: 0.2, ledger: receiver.ledger)
            do throws(AssociationError) {
                _ = try service.wait(&patience)
            } catch {
                // The server may end our association and report on its own.
                _ = try receiver.ledger.wait(&patience, cancellation: network.cancellation)
            }
        }
        if seen(receiver, waited: nil) == nil, receiver.ledger.isSettled {
            return DoctorFinding(
                .callBack, .passed, "the commitment report came on our own association; nothing connected to our port")
        }
        return seen(receiver, waited: options.wait)
    }

    private func moveOne(_ receiver: CallBackReceiver) throws(AssociationError) -> DoctorFinding {
        let model = InformationModel.studyRoot
        guard let moveClass = model.moveSOPClass, services?.isSuperset(of: [model.findSOPClass, moveClass]) == true
        else {
            return .skipped(.callBack, "neither storage commitment nor C-MOVE is accepted")
        }
        let association = try associate(for: FindSCU.needs(model.findSOPClass) + MoveSCU.needs(moveClass))
        defer { try? network.release(association) }
        guard let identifier = try oneInstance(on: association, model) else {
            return .skipped(.callBack, "the server has no instance that a C-MOVE could send")
        }
        let result = try MoveSCU.move(
            on: association, sopClass: moveClass, identifier: identifier,
            destination: network.connection.callingAETitle, onProgress: { _ in .goOn })
        if let found = seen(receiver, waited: nil) { return found }
        if let response = result.final?.command, response.status == .moveDestinationUnknown {
            var finding = refused(
                .callBack, Message(refusal: response, of: "C-MOVE", by: network.peerName, service: .move))
            finding.cause = .destinationUnknown
            finding.remedy = registration
            return finding
        }
        let end = Deadline.after(seconds: options.wait)
        while !end.isPast, seen(receiver, waited: nil) == nil {
            if network.cancellation.wait(until: Deadline.after(seconds: 0.1).earlier(end)) { break }
        }
        return seen(receiver, waited: options.wait) ?? .skipped(.callBack, "interrupted")
    }

    /// The identifier of the first instance of the first study.
    private func oneInstance(
        on association: Association, _ model: InformationModel
    ) throws(AssociationError) -> DataSet? {
        var identifier = DataSet()
        for level in [QueryLevel.study, .series, .image] {
            let key = InformationModel.uniqueKey(of: level)
            identifier.set(.queryRetrieveLevel, .CS, level.rawValue)
            identifier.setEmpty(key, .UI)
            var value: String?
            _ = try association.find(
                sopClass: model.findSOPClass, identifier: identifier,
                onMatch: { match in
                    value = value ?? (try? match.identifier())?.string(key)
                    return .cancel
                })
            guard let value, !value.isEmpty else { return nil }
            identifier.set(key, .UI, value)
        }
        return identifier
    }

    private var registration: String {
        Hint.moveDestinationUnknown(
            aeTitle: network.connection.callingAETitle.string, host: ownHost, port: network.connection.receiverPort
        ).text
    }

    /// What has come to our port.
    ///
    /// - Parameter waited: the time that was waited, in seconds; nil to return nil while nothing has come.
    private func seen(_ receiver: CallBackReceiver, waited: Double?) -> DoctorFinding? {
        if let (request, peer) = receiver.caller {
            var finding = DoctorFinding(
                .callBack, .passed,
                "\(request.callingAETitle) called \(request.calledAETitle) from \(peer)")
            let instances = receiver.instanceCount
            if instances > 0 {
                finding.text += ", and sent \(Quantity.count(instances, "instance")), which is not kept"
                finding.set("instances", .number(instances))
            }
            finding.set("callingAETitle", .string(request.callingAETitle.string))
            finding.set("from", .string(peer))
            return finding
        }
        if let (request, peer) = receiver.rejected {
            let (called, ours) = (request.calledAETitle.string, network.connection.callingAETitle.string)
            var finding = DoctorFinding(
                .callBack, .failed,
                "\(request.callingAETitle) called \"\(called)\" from \(peer), and our AE title is \"\(ours)\"")
            finding.cause = .otherAETitleCalled
            finding.remedy = Hint.commitment(.calledByOtherAETitle(called, ours: ours)).text
            finding.exitCode = .association
            return finding
        }
        guard let waited else { return nil }
        return notCalled("nothing connected to our port within \(Decimal.text(waited, digits: 0)) s", receiver)
    }

    private func notCalled(_ what: String, _ receiver: CallBackReceiver) -> DoctorFinding {
        var finding = DoctorFinding(
            .callBack, .noted,
            what
                + (receiver.stranger.map { ", but for something that is no DICOM peer, from \($0)" } ?? ""))
        finding.cause = .noCallBack
        finding.remedy = registration + "; and a firewall must let it in"
        return finding
    }
}
