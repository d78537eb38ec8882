import DICOM
import DICOMNode
import DICOMProtocol

/// Retrieves one target: lists what should come, asks for it, compares, and asks again for what is missing.
final class TargetRetrieval {
    private let session: RetrievalSession
    private let target: RetrievalTarget
    private var options: RetrieveOptions { session.options }
    private var network: Network { session.network }
    private var outcome: TargetOutcome
    /// Said at once when another attempt follows, and as errors when none does.
    private var problems: [(code: ExitCode, message: Message)] = []

    /// A server that fails something each time is asked again as long as each attempt brings something, and no more often than this.
    private static let maximumRounds = 20
    /// Attempts in a row that may bring nothing: a server may be short of something for a moment.
    private static let maximumIdleRounds = 1

    init(_ session: RetrievalSession, _ target: RetrievalTarget) {
        self.session = session
        self.target = target
        outcome = TargetOutcome(target: target)
    }

    func perform() -> TargetOutcome {
        do throws(AssociationError) {
            let expected = try expectation()
            let journal = session.reception?.journal
            let ledger = InstanceLedger(
                expected: session.reception == nil ? nil : expected.uids, held: { journal?.holds($0) == true })
            outcome.heldBefore = ledger.now.held
            session.reception?.expect(ledger.expectedCount.map { $0 - outcome.heldBefore })
            let isDone = outcome.heldBefore > 0 && outcome.heldBefore == ledger.expectedCount
            if !isDone { retrieve(expected, ledger) }
            settle(expected, ledger)
        } catch {
            problems.append((ExitCode(for: error), network.message(error)))
            outcome.missing = .whole
        }
        report()
        return outcome
    }

    private func expectation() throws(AssociationError) -> ExpectedInstances {
        network.diagnostics.redaction.learn(target.identifier)
        if options.isChecked {
            let expected = try ExpectedInstances.list(network, options.query.informationModel, target)
            if expected.series == nil { session.tellOfNoList() }
            return expected
        }
        return options.method == .get
            ? try ExpectedInstances.classes(network, options.query.informationModel, target) : .unknown
    }

    // MARK: Round after round

    private func retrieve(_ expected: ExpectedInstances, _ ledger: InstanceLedger) {
        var proposals = proposals(for: expected.sopClasses)
        // Some servers end a whole C-GET at the first instance that has no context: each round asks for what its contexts are for,
        // where that is known. Where it is not, the whole is asked for first: some servers take no lists of UIDs.
        let isDivided = proposals.count > 1
        var asksForAll =
            outcome.heldBefore == 0 && (!isDivided || expected.series == nil || expected.sopClasses.isEmpty)
        var idle = 0
        for number in 1...Self.maximumRounds {
            let before = ledger.now
            let storage = proposals.first ?? []
            let identifiers =
                asksForAll
                ? [target.identifier] : identifiers(expected, ledger, in: isDivided ? storage : [])
            let round = identifiers.isEmpty ? RetrievalRound() : ask(identifiers, storage, ledger)
            let now = ledger.now
            count(round, arrived: now.arrived - before.arrived)
            note(round, refusedHere: now.refusedHere - before.refusedHere)
            if round.isUnsupported, options.fallsBackToMove, !session.movesInstead {
                network.diagnostics.note(Message("\(network.peerName): no C-GET", "retrieving by C-MOVE instead"))
                session.movesInstead = true
                problems = []
                continue
            }
            guard !session.isOver, !round.isHopeless else { return }
            let missing = expected.series.map { ledger.missing(of: $0, toAskAgain: true) }
            guard missing.map({ !$0.isEmpty }) ?? (round.failed > 0 && proposals.count > 1) else { return }
            // Another round of presentation contexts may bring what had none in this one.
            if proposals.count > 1, round.error == nil {
                // What was asked for as a whole is asked for by name first, in the same contexts.
                if !(asksForAll && missing != nil) { proposals.removeFirst() }
            } else {
                idle = ledger.now.held > before.held ? 0 : idle + 1
                guard missing != nil, idle <= Self.maximumIdleRounds, number < Self.maximumRounds else { return }
                proposals = self.proposals(for: expected.sopClasses)
            }
            asksForAll = missing == nil
            let count = missing.map { $0.reduce(0) { $0 + $1.sopInstanceUIDs.count } } ?? round.failed
            warnOfProblems()
            network.diagnostics.verbose("\(network.peerName): \(target.name): asking again for \(count) instances")
        }
    }

    /// Lists of what is missing, and may come in these contexts.
    private func identifiers(
        _ expected: ExpectedInstances, _ ledger: InstanceLedger, in storage: StorageProposals.Round
    ) -> [DataSet] {
        let classes = Set(storage.map(\.abstractSyntax))
        let missing = ledger.missing(of: expected.series ?? [], toAskAgain: true).filter { series in
            storage.isEmpty || !series.tellsClasses || !series.sopClassUIDs.isDisjoint(with: classes)
        }
        return ExpectedInstances.identifiers(for: missing, like: target.identifier)
    }

    private func proposals(for classes: [UID]) -> [StorageProposals.Round] {
        guard options.method == .get else { return [] }
        return StorageProposals.rounds(for: classes, preferring: options.preferredSyntaxes)
    }

    private func ask(
        _ identifiers: [DataSet], _ storage: StorageProposals.Round, _ ledger: InstanceLedger
    ) -> RetrievalRound {
        if options.method == .move || session.movesInstead {
            return .move(identifiers, session, ledger)
        }
        return .get(identifiers, storage: storage, session, ledger)
    }

    private func count(_ round: RetrievalRound, arrived: Int) {
        // Counts have 16 bits: of more than those the server cannot tell.
        if let told = round.told, arrived <= Int(UInt16.max) {
            outcome.told += told
            outcome.arrivedOfTold += arrived
            outcome.tells = true
        }
        outcome.rounds += 1
        outcome.failedLast = round.failed
        outcome.failedUIDs = round.failedUIDs
        outcome.warnings += round.warnings
        outcome.wasInterrupted = outcome.wasInterrupted || round.wasInterrupted
        outcome.localAddress = round.localAddress ?? outcome.localAddress
        outcome.lastStatus = round.status ?? outcome.lastStatus
    }

    /// - Parameter refusedHere: instances that we could not keep: the server only passes on what we told it, and we say why.
    private func note(_ round: RetrievalRound, refusedHere: Int) {
        if let error = round.error {
            if case .interrupted = error { outcome.wasInterrupted = true }
            problems.append((ExitCode(for: error), network.message(error)))
        }
        guard !round.wasInterrupted, let response = round.decisive, let status = response.status else { return }
        if status == .moveDestinationUnknown { session.destinationIsUnknown = true }
        guard refusedHere == 0 || round.failed > refusedHere else { return }
        let isMove = options.method == .move || session.movesInstead
        let service: ServiceKind = isMove ? .move : .get
        switch status.kind {
        case .failure:
            let operation = isMove ? "C-MOVE" : "C-GET"
            problems.append(
                (
                    .failureStatus,
                    Message(
                        refusal: response, of: operation, by: network.peerName, service: service,
                        hint: missingKeys(status) ?? (isMove ? hint(for: round) : nil))
                ))
        case .success, .warning, .cancel, .pending:
            guard round.failed > 0 else { return }
            problems.append(
                (
                    .incomplete,
                    Message(
                        "\(network.peerName): \(round.failed) sub-operations failed", status.meaning(for: service),
                        code: status.description, hint: isMove ? hint(for: round) : nil)
                ))
        }
    }

    /// Without relational retrieval each level above needs its unique key, PS3.4 C.4.2.2.1.
    private func missingKeys(_ status: DIMSEStatus) -> Hint? {
        guard status == .identifierDoesNotMatchSOPClass else { return nil }
        let missing = QueryIdentifier.missingUniqueKeys(
            of: target.identifier, model: options.query.informationModel, level: target.level)
        return missing.isEmpty ? nil : .uniqueKeysAbove(names: missing.map { DataDictionary.keyword(of: $0) })
    }

    /// What the server's administrator has to know when nothing comes.
    private func hint(for round: RetrievalRound) -> Hint? {
        guard (round.told ?? 0) == 0 else { return nil }
        let title = options.moveDestination.string
        let isUnknown = round.status == .moveDestinationUnknown || (round.status?.kind == .failure && round.failed == 0)
        if isUnknown {
            return .moveDestinationUnknown(
                aeTitle: title, host: session.server == nil ? nil : round.localAddress, port: session.server?.port)
        }
        return neverCalled(round.localAddress)
    }

    private func neverCalled(_ address: String?) -> Hint? {
        guard let server = session.server, session.callbackCount == 0 else { return nil }
        return .noIncomingAssociation(
            aeTitle: options.moveDestination.string, host: address, port: server.port)
    }

    // MARK: The comparison

    private func settle(_ expected: ExpectedInstances, _ ledger: InstanceLedger) {
        let tally = ledger.now
        outcome.tally = tally
        outcome.expected = expected.uids.map { Set($0).count }
        if let series = expected.series, session.reception != nil {
            let missing = ledger.missing(of: series, toAskAgain: false)
            let isUnknown = outcome.expected == 0 && tally.arrived == 0
            outcome.missing = isUnknown ? .whole : missing.isEmpty ? .nothing : .instances(missing)
        } else if !outcome.failedUIDs.isEmpty {
            outcome.missing = .uids(outcome.failedUIDs)
        } else if problems.contains(where: { $0.code != .success }), !outcome.wasInterrupted || tally.held == 0 {
            outcome.missing = .whole
        }
        if outcome.wasInterrupted { return }
        let agrees = compare(tally)
        // All that is listed is here: what went wrong on the way was made good. What has failed in the last attempt was not:
        // the server has more than it lists.
        if agrees, expected.series != nil, session.reception != nil, outcome.missing.isEmpty, outcome.expected != 0,
            outcome.failedLast == 0
        {
            warnOfProblems()
        }
        if outcome.warnings > 0, options.failOn == .warning {
            problems.append(
                (.incomplete, Message("\(network.peerName): \(outcome.warnings) sub-operations with warnings")))
        }
    }

    /// Whether expected, told and held agree; says where not.
    private func compare(_ tally: InstanceLedger.Tally) -> Bool {
        let before = problems.count
        if let expected = outcome.expected {
            if expected == 0, tally.held + tally.unlisted == 0 {
                problems.append(
                    (.incomplete, Message("\(network.peerName): \(target.name)", "the server has nothing of it")))
            } else if session.reception == nil {
                if outcome.tells, outcome.told < expected {
                    problems.append(
                        (
                            .incomplete,
                            Message(
                                "\(network.peerName): \(target.name)",
                                "the server lists \(expected) instances and says that it sent \(outcome.told)")
                        ))
                }
            } else if tally.held < expected {
                problems.append(
                    (
                        .incomplete,
                        Message(
                            "\(network.peerName): \(target.name)",
                            "\(expected - tally.held) of \(expected) instances that the server lists are missing",
                            hint: tally.arrived == 0 && session.server != nil ? neverCalled(outcome.localAddress) : nil)
                    ))
            }
            if tally.unlisted > 0 {
                problems.append(
                    (
                        .incomplete,
                        Message(
                            "\(network.peerName): \(target.name)",
                            "the server sent \(tally.unlisted) instances that it does not list; they are kept")
                    ))
            }
        }
        // Of what goes to a third party only the server's own count tells.
        let mayTell = session.reception != nil || outcome.tells
        if outcome.expected == nil, problems.isEmpty, mayTell, outcome.told == 0, tally.attempts == 0 {
            problems.append(
                (
                    .incomplete,
                    Message(
                        "\(network.peerName): \(target.name)",
                        "nothing came, and the server does not say that it sent anything",
                        hint: neverCalled(outcome.localAddress))
                ))
        }
        if session.reception != nil, outcome.tells, outcome.told != outcome.arrivedOfTold {
            problems.append(
                (
                    .incomplete,
                    Message(
                        "\(network.peerName): \(target.name)",
                        "the server says that it sent \(outcome.told) instances, but \(outcome.arrivedOfTold) came",
                        hint: tally.arrived == 0 ? neverCalled(outcome.localAddress) : nil)
                ))
        }
        if tally.refusedHere > 0 { problems.append((.incomplete, Message("", ""))) }
        return problems.count == before
    }

    /// Another attempt follows, or all came in spite of them: no remedy is needed.
    private func warnOfProblems() {
        for problem in problems where !problem.message.what.isEmpty {
            network.diagnostics.warning(Message(problem.message.line))
        }
        problems = []
    }

    private func report() {
        if outcome.wasInterrupted {
            outcome.code = .interrupted
            return
        }
        var said: Set<String> = []
        // One remedy, the first, is enough; and none of the server's where it is our own disk that is full.
        var needsHint = session.reception?.outputFailed != true
        for problem in problems {
            outcome.code = outcome.code.worst(problem.code)
            var message = problem.message
            guard !message.what.isEmpty, said.insert(message.line).inserted else { continue }
            if !needsHint { message.hint = nil }
            needsHint = needsHint && message.hint == nil
            network.diagnostics.error(message)
            outcome.error = outcome.error ?? message.line
        }
    }
}
