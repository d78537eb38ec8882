import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Retrieves one target: lists the instances that it has, requests them, compares, and requests again what is missing.
final class TargetRetrieval {
    private let context: RetrievalContext
    private let lists: StudyLists
    private let target: RetrievalTarget
    private let destination: ExistingInstances?
    private let forwarder: (any InstanceForwarder)?
    private let held: (([InstanceListing.Series]) -> Set<UID>)?
    private var options: RetrieveOptions { context.options }
    private var network: Network { context.network }
    private var outcome: TargetOutcome
    /// Reported as warnings when another attempt follows, and as errors when none does.
    private var problems: [RetrievalProblem] = []
    /// The problems of attempts before the last one, which are told at the end if it was not theirs as well.
    private var earlier: [String] = []
    /// True if a problem was told as a warning.
    private var hasWarned = false
    /// True if the server may still be at work on a C-MOVE for parts that it did not answer.
    private var mayBeAtWork = false

    /// What has become of the parts of the target that several associations requested in the place of the whole.
    private enum Parts {
        case notRequested
        /// The identifiers that have not brought all that they name, of those that were requested last.
        case requested(left: [DataSet])
        /// Nothing has come by them.
        case withoutResult
        /// Instances have come more than once: the server does not keep to parts.
        case exceeded
    }

    /// A server that fails something each time is asked again as long as each attempt brings something, but not more often,
    /// unless there is more to propose.
    private static let maximumAttempts = 20
    /// Attempts in a row that may bring nothing: a server may be short of something for a moment.
    private static let maximumIdleAttempts = 1

    /// - Parameters:
    ///   - lists: those of the studies of the run.
    ///   - destination: asks the third party for what it got, if that is wanted.
    ///   - forwarder: takes over what comes, if it does not stay here.
    ///   - held: tells which of the listed instances need not be retrieved; nil: the journal does.
    init(
        _ target: RetrievalTarget, context: RetrievalContext, lists: StudyLists, destination: ExistingInstances? = nil,
        forwarder: (any InstanceForwarder)? = nil, held: (([InstanceListing.Series]) -> Set<UID>)? = nil
    ) {
        self.held = held
        self.context = context
        self.lists = lists
        self.destination = destination
        self.forwarder = forwarder
        self.target = target
        outcome = TargetOutcome(target: target)
    }

    func perform() -> TargetOutcome {
        do throws(AssociationError) {
            var expected = try listExpected()
            // To read files that are here takes time, too.
            let isOld = expected.isRecentUntil.isPast
            var instances = instances(of: expected)
            // Who tells what is held tells it once.
            if held == nil, isOld, needsRecentList(instances),
                let renewed = try lists.renewed(expected, of: target, needsClasses: options.method == .get)
            {
                expected = renewed
                instances = self.instances(of: expected)
            }
            outcome.presentBefore = instances.counts.present
            if let series = expected.series, !series.isEmpty { outcome.studies = Set(series.map(\.studyInstanceUID)) }
            context.reception?.expect(instances.listedCount.map { $0 - outcome.presentBefore })
            if !isComplete(instances) { retrieve(expected, instances) }
            // What is on its way at an interrupt may still come, and belongs to it.
            if !outcome.wasInterrupted { context.reception?.end(instances) }
            finish(expected, instances)
        } catch {
            problems.append(.listing(error))
            outcome.missing = .whole
        }
        report()
        return outcome
    }

    private func listExpected() throws(AssociationError) -> ExpectedInstances {
        network.diagnostics.redaction.learn(target.identifier)
        let isNeeded = target.needsList(over: network)
        guard options.isChecked || isNeeded else { return .unknown }
        if let failure = context.listFailure {
            guard !isNeeded else { throw failure }
            return .unknown
        }
        let expected = try lists.expected(of: target, needsClasses: options.method == .get)
        switch expected.failure {
        case .timedOut?, .noPresentationContext?: context.listFailure = expected.failure
        default: break
        }
        // A request that nothing tells the path of cannot be made.
        if isNeeded, let failure = expected.failure { throw failure }
        return expected
    }

    private func instances(of expected: ExpectedInstances) -> RetrievedInstances {
        let journal = context.reception?.journal
        let held = held?(expected.series ?? [])
        return RetrievedInstances(
            listed: context.reception == nil ? nil : expected.uids,
            asked: RequestedEntities(target, listed: expected.series ?? []), forwarder: forwarder,
            isPresent: { held?.contains($0) ?? (journal?.holds($0) == true) })
    }

    /// True if all of it is here from an earlier run.
    private func isComplete(_ instances: RetrievedInstances) -> Bool {
        instances.counts.present > 0 && instances.counts.present == instances.listedCount
    }

    /// True if the instances are going to be requested by their list, and not as the whole.
    private func needsRecentList(_ instances: RetrievedInstances) -> Bool {
        guard !isComplete(instances), let count = instances.listedCount else { return false }
        return instances.counts.present > 0 || (mayShare && count >= Self.fewestShared && context.jobs.share > 1)
    }

    private var mayShare: Bool { !isOverHTTP && !context.sharesNothing }

    private var isOverHTTP: Bool { network.connection.web != nil }

    private var isMove: Bool { options.method == .move || context.movesInstead }

    // MARK: Attempts

    /// Requests parts at once where associations are free; a server that does not bring by parts what it lists is asked for the whole.
    private func retrieve(_ expected: ExpectedInstances, _ instances: RetrievedInstances) {
        let parts = request(expected, instances, mayShare: mayShare)
        if case .exceeded = parts {
            network.diagnostics.verbose(
                "\(network.peerName): \(target.name): the server sends more than parts of it; from here on the whole is requested"
            )
            context.sharesNothing = true
        }
        guard mayComeWhole(parts, expected, instances) else { return }
        let remedy = outcome.presentBefore == 0 ? "the whole is requested" : "they are requested on one association"
        network.diagnostics.verbose(
            "\(network.peerName): \(target.name): not all comes by requests for parts of it; \(remedy)")
        // What was said of parts is not said of the whole.
        (problems, earlier) = ([], [])
        let (before, isByMove) = (instances.counts.present, isMove)
        _ = request(expected, instances, mayShare: false)
        // Where it is no better, the parts were not the cause.
        if instances.counts.present > before, isByMove == isMove { context.sharesNothing = true }
    }

    /// True if parts have not brought all, and the whole may bring the rest.
    private func mayComeWhole(
        _ parts: Parts, _ expected: ExpectedInstances, _ instances: RetrievedInstances
    ) -> Bool {
        guard !context.shouldStop, !outcome.wasInterrupted, !mayBeAtWork,
            !instances.missing(of: expected.series ?? [], toRequest: true).isEmpty
        else { return false }
        switch parts {
        case .notRequested: return false
        case .withoutResult, .exceeded: return true
        // A server that has brought all of a list as long as these does not have what is missing.
        case .requested(let left): return left.contains { ($0.instanceCount ?? .max) > context.longestWholeList }
        }
    }

    /// Notes the lists of instances that have brought all that they name; returns the other identifiers.
    private func left(of identifiers: [DataSet], _ instances: RetrievedInstances) -> [DataSet] {
        identifiers.filter { identifier in
            guard let count = identifier.instanceCount, instances.holds(identifier.uids(.sopInstanceUID)) else {
                return true
            }
            context.noteWholeList(of: count)
            return false
        }
    }

    /// - Parameter mayShare: whether several associations may request parts of it at once.
    private func request(_ expected: ExpectedInstances, _ instances: RetrievedInstances, mayShare: Bool) -> Parts {
        var parts = Parts.notRequested
        var proposals = ProposalRounds(expected, options, proposes: !isMove && !isOverHTTP)
        // Some servers end a whole C-GET at the first instance that has no context: each attempt requests the instances that its
        // contexts are for, where they are known. Where they are not, the whole is requested first: some servers take no lists
        // of UIDs.
        let isDivided = proposals.isDivided
        var requestsAll = outcome.presentBefore == 0 && (!isDivided || expected.series == nil)
        var idleAttempts = 0
        // Of the whole, as the server has counted it first; without a list it shows what is still missing.
        var total: Int?
        let retries = network.retry.retries
        let maximum = max(Self.maximumAttempts, proposals.count) + retries
        for number in 1...maximum {
            let before = instances.counts
            let storage = proposals.current
            let identifiers =
                requestsAll
                ? [target.identifier] : identifiers(expected, instances, storage: isDivided ? storage : [])
            let shares = isDivided || !mayShare ? nil : shares(of: expected, instances, isWhole: requestsAll)
            if shares != nil {
                instances.share()
                parts = .requested(left: [])
            }
            let attempt =
                identifiers.isEmpty
                ? RetrievalAttempt()
                : request(
                    shares?.identifiers ?? identifiers, expected,
                    RetrievalAttempt.Contexts(
                        storage: storage, named: expected.transferSyntaxes,
                        mayBeWidened: number == 1 && proposals.mayBeWidened, isFresh: number > 1),
                    instances, among: shares?.associations ?? 1)
            let now = instances.counts
            if case .requested = parts {
                // A-ABORT does not end what a server has begun for a C-MOVE: the whole would come beside it.
                if isMove, case .timedOut? = attempt.error { mayBeAtWork = true }
                if number == 1, attempt.mayBeOfParts, now.attempted == 0, !context.shouldStop, !mayBeAtWork {
                    return .withoutResult
                }
                parts = .requested(left: left(of: shares?.identifiers ?? identifiers, instances))
            }
            total = total ?? (attempt.sent ?? 0) + attempt.failed
            // A server that is asked for the whole again fails, for want of a context, also what it has sent before.
            let isRepeated = expected.series == nil && number > 1 && attempt.error == nil && attempt.failed > 0
            let failed = isRepeated ? max(0, (total ?? 0) - now.present) : attempt.failed
            outcome.add(attempt, received: now.received - before.received, failed: failed)
            note(
                attempt, of: expected, failed: failed, notStored: now.notStored - before.notStored,
                isRepeated: isRepeated, about: instances.lastPath)
            if attempt.isUnsupported, options.fallsBackToMove, !context.movesInstead {
                network.diagnostics.note(Message("\(network.peerName): no C-GET", "retrieving by C-MOVE instead"))
                context.movesInstead = true
                problems = []
                continue
            }
            if case .requested = parts, instances.hasExcess { return .exceeded }
            guard !context.shouldStop, !attempt.isHopeless(mayPause: retries > 0) else { return parts }
            // Lists that bring some of what they name, as if that were all, would bring the rest little by little.
            if number > 1, attempt.error == nil, attempt.failed == 0, now.present > before.present,
                mayComeWhole(parts, expected, instances)
            {
                return parts
            }
            let pauses =
                retries > 0 && attempt.isTransient
                && network.retry.leavesTime(forPauseAfter: max(idleAttempts, 1), wanted: attempt.error?.retryAfter)
            let missing = expected.series.map { instances.missing(of: $0, toRequest: true) }
            guard missing.map({ !$0.isEmpty }) ?? (pauses || (failed > 0 && proposals.hasMore)) else { return parts }
            let count = missing.map { $0.reduce(0) { $0 + $1.sopInstanceUIDs.count } } ?? failed
            if proposals.hasMore, attempt.error == nil, !pauses {
                // The next presentation contexts may bring what had none in these. What was requested as a whole is requested by
                // name first, in the same contexts, if the server did not come to its end.
                if !requestsAll || missing == nil || (!proposals.knowsClasses && attempt.failed >= count) {
                    guard proposals.next(seen: instances.sopClasses, byName: missing != nil) else { return parts }
                }
                // What is said of the last of them is the cause.
                problems = []
            } else {
                idleAttempts = now.present > before.present ? 0 : idleAttempts + 1
                guard missing != nil || pauses, number < maximum,
                    idleAttempts <= (pauses ? retries : proposals.knowsClasses ? Self.maximumIdleAttempts : 0)
                else { return parts }
                proposals.restart(seen: instances.sopClasses)
            }
            requestsAll = missing == nil
            // Before a pause a person wants to know what for.
            if pauses { warnOfProblems() } else { keepProblems() }
            if pauses, !pause(after: max(idleAttempts, 1), wanted: attempt.error?.retryAfter) { return parts }
            network.diagnostics.verbose(
                "\(network.peerName): \(target.name): requesting \(Quantity.count(count, "instance")) again")
        }
        return parts
    }

    /// Gives the server time; the cause was reported. Returns false if the run was interrupted meanwhile.
    private func pause(after failures: Int, wanted: Double?) -> Bool {
        do throws(AssociationError) {
            try network.pause(after: failures, because: nil, wanted: wanted)
            return true
        } catch {
            outcome.wasInterrupted = true
            return false
        }
    }

    /// The instances that are missing and may come in these contexts, as identifiers of requests.
    private func identifiers(
        _ expected: ExpectedInstances, _ instances: RetrievedInstances, storage: StorageProposals.Round
    ) -> [DataSet] {
        let classes = Set(storage.map(\.abstractSyntax))
        let missing = instances.missing(of: expected.series ?? [], toRequest: true).filter { series in
            storage.isEmpty || !series.tellsClasses || !classes.isDisjoint(with: series.transferSyntaxes.keys)
        }
        return ExpectedInstances.identifiers(for: missing, like: target.identifier)
    }

    /// A retrieval of fewer instances is not shared.
    private static let fewestShared = 8

    /// What several associations request at once, if there are any that nobody uses: series, else instances. Nil: one requests all.
    private func shares(
        of expected: ExpectedInstances, _ instances: RetrievedInstances, isWhole: Bool
    ) -> (identifiers: [DataSet], associations: Int)? {
        guard let series = expected.series else { return nil }
        let missing = instances.missing(of: series, toRequest: true)
        guard missing.reduce(0, { $0 + $1.sopInstanceUIDs.count }) >= Self.fewestShared else { return nil }
        let associations = context.jobs.share
        guard associations > 1 else { return nil }
        let identifiers = ExpectedInstances.shares(
            of: missing, among: associations, isWhole: isWhole, like: target.identifier)
        return (identifiers, associations)
    }

    /// - Parameter associations: the most that make the requests.
    private func request(
        _ identifiers: [DataSet], _ expected: ExpectedInstances, _ contexts: RetrievalAttempt.Contexts,
        _ instances: RetrievedInstances, among associations: Int
    ) -> RetrievalAttempt {
        if isOverHTTP { return .fetch(identifiers, listed: expected.series ?? [], to: instances, context: context) }
        let requests = RetrievalRequests(identifiers, isExceeded: { associations > 1 && instances.hasExcess })
        let isMove = isMove
        guard associations > 1 else {
            return isMove
                ? .move(requests, contexts, to: instances, context: context)
                : .get(requests, contexts, to: instances, context: context)
        }
        let attempt = RetrievalAttempt.shared(among: associations, requests, context) { [context] requests, yields in
            isMove
                ? .move(requests, contexts, to: instances, context: context, waitsForRest: false, yields: yields)
                : .get(requests, contexts, to: instances, context: context, yields: yields)
        }
        if isMove { attempt.waitForRest(of: instances, context) }
        return attempt
    }

    /// - Parameters:
    ///   - failed: instances that the server could not send, and that are not here.
    ///   - notStored: instances that we could not store: the server only repeats what we answered, and we have said why.
    ///   - isRepeated: whether what came before was requested once more.
    ///   - path: an instance of what was asked for.
    private func note(
        _ attempt: RetrievalAttempt, of expected: ExpectedInstances, failed: Int, notStored: Int, isRepeated: Bool,
        about path: FilePath?
    ) {
        if let error = attempt.error {
            if case .interrupted = error { outcome.wasInterrupted = true }
            problems.append(.association(error))
        }
        guard !attempt.wasInterrupted, let response = attempt.response, let status = response.status else { return }
        if status == .moveDestinationUnknown { context.destinationIsUnknown = true }
        guard notStored == 0 || failed > notStored else { return }
        let service: ServiceKind = isMove ? .move : .get
        if attempt.isRefused, !isRepeated {
            let response = network.diagnostics.redaction.hidingPatientData(
                in: response, about: path.map { [InstanceFile.attributes(of: $0)] } ?? [])
            problems.append(.refused(response, service, hint: hint(for: status, service, attempt, expected)))
        } else if failed > 0 {
            let hint = isMove ? moveHint(for: attempt, expected) : attempt.storageRefusal
            problems.append(.suboperationsFailed(failed, status, service, hint: hint))
        }
    }

    // MARK: Remedies

    /// Without relational retrieval each level above needs its unique key, PS3.4 C.4.2.2.1.
    private func hintForMissingKeys(_ status: DIMSEStatus) -> Hint? {
        guard status == .identifierDoesNotMatchSOPClass else { return nil }
        let missing = QueryIdentifier.missingUniqueKeys(
            of: target.identifier, model: options.query.informationModel, level: target.level)
        return missing.isEmpty ? nil : .uniqueKeysAbove(names: missing.map { DataDictionary.keyword(of: $0) })
    }

    /// The remedy for a request that was refused, by the status and by what is known of the association.
    private func hint(
        for status: DIMSEStatus, _ service: ServiceKind, _ attempt: RetrievalAttempt, _ expected: ExpectedInstances
    ) -> Hint? {
        switch status {
        case .moveDestinationUnknown where options.isDestinationNamedAsNode,
            .unableToProcess...0xCFFF where options.isDestinationNamedAsNode && isMove,
            .processingFailure where options.isDestinationNamedAsNode && isMove:
            return .nameOfNode(options.moveDestination.string)
        case .moveDestinationUnknown where isMove: return moveHint(for: attempt, expected)
        case .unableToPerformSuboperations where isMove:
            return neverCalledBack(attempt.localAddress) ?? hintForWhatFailed(attempt, expected)
        case .unableToProcess...0xCFFF where isMove, .processingFailure where isMove:
            guard case .noIncomingAssociation(let title, let host, let port)? = neverCalledBack(attempt.localAddress)
            else {
                return Hint(for: status, of: service)
            }
            return .moveFailedAndNeverCalledBack(aeTitle: title, host: host, port: port)
        case .unableToPerformSuboperations where attempt.storageRefusal != nil: return attempt.storageRefusal
        default: return hintForMissingKeys(status) ?? Hint(for: status, of: service)
        }
    }

    /// The facts that the server's administrator needs when nothing was sent.
    private func moveHint(for attempt: RetrievalAttempt, _ expected: ExpectedInstances) -> Hint? {
        guard (attempt.sent ?? 0) == 0 else { return hintForWhatFailed(attempt, expected) }
        guard attempt.status == .moveDestinationUnknown else {
            return neverCalledBack(attempt.localAddress) ?? hintForWhatFailed(attempt, expected)
        }
        return .moveDestinationUnknown(
            aeTitle: options.moveDestination.string, host: context.server == nil ? nil : attempt.localAddress,
            port: context.server?.port)
    }

    /// Where the server was able to call: a compressed transfer syntax is what most often does not arrive.
    private func hintForWhatFailed(_ attempt: RetrievalAttempt, _ expected: ExpectedInstances) -> Hint {
        let syntaxes = expected.compressedSyntaxes(of: attempt.failedUIDs).map { TransferSyntax($0).description }
        guard !options.isForThirdParty else {
            let title = options.moveDestination.string
            return (attempt.sent ?? 0) > 0
                ? .destinationTakesNotAll(aeTitle: title, syntaxes: syntaxes)
                : .destinationUnreachable(aeTitle: title, syntaxes: syntaxes)
        }
        return .serverSendsNotAll(syntaxes: syntaxes)
    }

    private func neverCalledBack(_ address: String?) -> Hint? {
        guard let server = context.server, context.callbackCount == 0 else { return nil }
        if let rejected = context.rejectedCallback { return rejected }
        return .noIncomingAssociation(aeTitle: options.moveDestination.string, host: address, port: server.port)
    }

    // MARK: The end

    private func finish(_ expected: ExpectedInstances, _ instances: RetrievedInstances) {
        let counts = instances.counts
        let isReceiver = context.reception != nil
        outcome.destination = isReceiver ? nil : options.moveDestination.string
        let staysHere = forwarder == nil
        outcome.folder =
            !staysHere ? nil : instances.folder ?? (isReceiver && counts.present > 0 ? options.outputDirectory : nil)
        outcome.listed = expected.uids.map { Set($0).count }
        outcome.mayBeAbsent = expected.mayHaveNothing
        outcome.count(instances, of: expected.series)
        if expected.series == nil || !isReceiver {
            if !outcome.failedUIDs.isEmpty {
                outcome.missing = .uids(outcome.failedUIDs)
            } else if !problems.isEmpty, !outcome.wasInterrupted || counts.present == 0 {
                outcome.missing = .whole
            }
        }
        if outcome.wasInterrupted { return }
        let isConfirmed = confirm(expected)
        if outcome.wasInterrupted { return }
        var differences = outcome.differences(
            isReceiver: isReceiver, hasProblems: !problems.isEmpty,
            neverCalledBack: neverCalledBack(outcome.localAddress))
        // What all is at the third party, whoever has sent it, is there.
        if isConfirmed {
            outcome.missing = .nothing
            warnOfProblems()
            differences.removeAll { if case .fewerSent = $0 { true } else { false } }
        } else if let problem = outcome.problemAtDestination,
            !problems.isEmpty || differences.contains(where: { if case .fewerSent = $0 { true } else { false } })
        {
            // Nobody waits for what was not sent.
            problems.append(problem)
            outcome.missing = .nothing
            outcome.giveUpConfirming()
        }
        // A server that has nothing of it may say so by any failure; that it lists nothing is the reason.
        if case .notOnServer? = differences.first { problems.removeAll(where: \.mayMeanNotFound) }
        // All that is listed is here: what went wrong in an attempt was made good. What has failed in the last attempt was not:
        // the server has more than it lists.
        if differences.allSatisfy(\.isNote), expected.series != nil, isReceiver, outcome.missing.isEmpty,
            outcome.listed != 0, outcome.failedInLastAttempt == 0
        {
            warnOfProblems()
        }
        // A list promises what its rows name.
        let mayMatchNothing = target.isUnconfirmed && target.rows.isEmpty && !options.query.failsIfNone
        for difference in differences {
            if case .notOnServer = difference, mayMatchNothing, problems.isEmpty {
                problems.append(.keysMatchNothing)
            } else {
                problems.append(difference)
            }
        }
        if !outcome.absentUIDs.isEmpty, outcome.listed != 0 {
            problems.append(.partNotOnServer(outcome.absentUIDs.count))
        }
        if outcome.warnings > 0, options.failOn == .warning {
            problems.append(.suboperationWarnings(outcome.warnings))
        }
    }

    /// Asks the third party, if that is wanted, for what the server lists; returns true if it has all of it.
    private func confirm(_ expected: ExpectedInstances) -> Bool {
        guard let destination else { return false }
        guard let series = expected.series else {
            problems.append(.notVerifiable)
            return false
        }
        guard !series.isEmpty else { return false }
        var missing = series
        if context.destination?.isPostponed == false {
            do throws(ExistingInstances.Failure) {
                // What failed at the server may be there in part, and what is there is listed by the time that it is told.
                try destination.removeListed(from: &missing, within: problems.isEmpty ? 0 : options.grace)
            } catch {
                if context.destination?.report(error, of: destination) == true { outcome.wasInterrupted = true }
            }
        }
        outcome.recordConfirmed(of: series.reduce(0) { $0 + Set($1.sopInstanceUIDs).count }, unlisted: missing)
        return missing.isEmpty
    }

    /// Where nothing is passed on any more we refuse what the server sends: no failure of the server's.
    private func dropOwnProblems() {
        earlier = []
        problems.removeAll { if case .listing = $0 { false } else { true } }
        guard problems.isEmpty, !outcome.missing.isEmpty else { return }
        outcome.fail(
            .incomplete,
            Message(
                "\(context.copyDestination ?? network.peerName): \(target.name)",
                "not all was copied, as nothing more is sent there"))
    }

    private func message(_ problem: RetrievalProblem) -> Message {
        problem.message(target: target.name, server: network.server)
    }

    /// Another attempt follows, or all came in spite of the problems: no remedy is needed.
    private func warnOfProblems() {
        for problem in problems { warn(message(problem).line) }
        problems = []
    }

    private func warn(_ line: String) {
        network.diagnostics.warning(Message(line))
        hasWarned = true
    }

    private func keepProblems() {
        for line in problems.map({ message($0).line }) where !earlier.contains(line) { earlier.append(line) }
        problems = []
    }

    private func report() {
        if context.isEndedByCaller, !outcome.wasInterrupted { dropOwnProblems() }
        let last = Set(problems.map { message($0).line })
        for line in earlier where !last.contains(line) { warn(line) }
        if outcome.wasInterrupted {
            outcome.code = .interrupted
            return
        }
        // Who reads the warnings learns as well that they came to nothing.
        let isThere = outcome.counts.present > 0 || (outcome.destination != nil && (outcome.sent ?? 0) > 0)
        if hasWarned, outcome.attempts > 1, isThere, problems.allSatisfy(\.isNote) {
            network.diagnostics.warning(
                Message("\(network.peerName): requested \(outcome.attempts) times, and now complete", outcome.summary))
        }
        var reported: Set<String> = []
        // One remedy, the first, is enough; and none of the server's if our own disk is full.
        var needsHint = context.reception?.diskIsFullOrReadOnly != true
        for problem in problems {
            var message = message(problem)
            if problem.isNote {
                network.diagnostics.note(message)
                continue
            }
            outcome.code = outcome.code.worst(problem.exitCode)
            guard reported.insert(message.line).inserted else { continue }
            if !needsHint { message.hint = nil }
            needsHint = needsHint && message.hint == nil
            if let kind = problem.kind {
                context.outcome.report(message, kind: "requests \(kind)")
            } else {
                context.outcome.report(message)
            }
            if outcome.error == nil {
                outcome.error = message.line
                outcome.cause = message.cause ?? FailureCause(problem.exitCode)
            }
        }
    }
}

extension DataSet {
    /// The number of instances that an identifier lists; nil if it is not of their level.
    fileprivate var instanceCount: Int? {
        string(.queryRetrieveLevel) == QueryLevel.image.rawValue ? uids(.sopInstanceUID).count : nil
    }
}
