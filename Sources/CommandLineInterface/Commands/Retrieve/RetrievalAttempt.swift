import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

/// The requests of an attempt, each for the association that is free first.
final class RetrievalRequests: Sendable {
    private let identifiers: Locked<ArraySlice<DataSet>>
    /// True once more has come than they ask for: what is under way is to be cancelled then, and nothing else is requested.
    let isExceeded: @Sendable () -> Bool

    init(_ identifiers: [DataSet], isExceeded: @escaping @Sendable () -> Bool) {
        self.identifiers = Locked(identifiers[...])
        self.isExceeded = isExceeded
    }

    func next() -> DataSet? { isExceeded() ? nil : identifiers.withLock { $0.popFirst() } }

    /// Leaves one, that nobody has begun to answer, to another association.
    func giveBack(_ identifier: DataSet) { identifiers.withLock { $0 = [identifier] + $0 } }

    /// True if there is none to be requested, or none is to be any more.
    var isEmpty: Bool { isExceeded() || identifiers.withLock { $0.isEmpty } }
}

/// One attempt of a retrieval: an association, or several that share it, and the requests on it.
struct RetrievalAttempt {
    /// The presentation contexts that an attempt needs for what comes back.
    struct Contexts {
        let storage: StorageProposals.Round
        /// The transfer syntaxes that the server names for the instances of a class.
        let named: [UID: Set<UID>]
        let mayBeWidened: Bool
        /// True if no association will do that was used before.
        let isFresh: Bool
    }

    /// Instances that the server says it has sent; nil where it does not say, or its final response never came.
    private(set) var sent: Int?
    /// Sub-operations that the server says have failed.
    private(set) var failed = 0
    private(set) var warnings = 0
    private(set) var failedUIDs: [UID] = []
    private(set) var wasInterrupted = false
    /// True if we asked for an end before the server had sent all.
    private(set) var wasCancelled = false
    /// The reason why the server can send nothing by C-GET; nil if it can.
    private(set) var storageRefusal: Hint?
    /// The first final response without success, or the last of all.
    private(set) var response: CommandSet?
    /// The error that ended the association before all was answered.
    private(set) var error: AssociationError?
    /// Our end of the association.
    private(set) var localAddress: String?
    /// True once a request was answered to its end.
    private var hasResult = false
    /// True once the server has begun to work on a request.
    private var isUnderWay = false

    var status: DIMSEStatus? { response?.status }

    private mutating func add(_ result: ExchangeResult) {
        let isFirst = !hasResult
        hasResult = true
        let counts = result.final?.command.suboperationCounts
        if counts?.completed == nil, counts?.warning == nil {
            sent = nil
        } else if isFirst || sent != nil {
            sent = (sent ?? 0) + (counts?.completed ?? 0) + (counts?.warning ?? 0)
        }
        failed += counts?.failed ?? 0
        warnings += counts?.warning ?? 0
        wasInterrupted = wasInterrupted || result.wasInterrupted
        wasCancelled = wasCancelled || result.wasCancelled
        if response == nil || status?.kind == .success { response = result.final?.command }
        failedUIDs += Self.failedUIDs(result)
    }

    /// Failed SOP Instance UID List (0008,0058).
    private static func failedUIDs(_ result: ExchangeResult) -> [UID] {
        guard let bytes = result.final?.dataSet else { return [] }
        do throws(DataSetError) {
            return try DataSetDecoder(result.transferSyntax, limits: .identifier).decode(bytes[...]).uids(
                .failedSOPInstanceUIDList)
        } catch {
            // The list is a courtesy; what is missing is found without it.
            return []
        }
    }

    /// True if the server was lost, busy or silent, so that another attempt may succeed after a pause.
    var isTransient: Bool { error?.isTransient ?? (isRefused && status?.isTransient == true) }

    /// True if another attempt would end the same way.
    ///
    /// - Parameter mayPause: whether the server is given time before another attempt.
    func isHopeless(mayPause: Bool) -> Bool {
        if wasInterrupted { return true }
        switch error {
        case .connectionLost, .abortedByPeer, .releasedByPeer, .protocolViolation: return false
        // What failed for the whole may succeed for each instance: one that cannot be read spoils its study.
        case .web(let error)
        where [.incomplete, .unexpected, .status(400), .status(406), .status(500)].contains(error.code):
            return false
        case .some(let error): return !(mayPause && error.isTransient)
        case nil: break
        }
        guard let status, status.kind == .failure else { return false }
        switch status {
        case .moveDestinationUnknown, .sopClassNotSupported, .notAuthorized, .unrecognizedOperation,
            .identifierDoesNotMatchSOPClass:
            return true
        default: return false
        }
    }

    /// True if what was wrong may be that parts were requested, and not the whole.
    var mayBeOfParts: Bool {
        localAddress != nil && !wasInterrupted && error?.isInterruption != true && status != .moveDestinationUnknown
    }

    /// True if the server does not offer the service.
    var isUnsupported: Bool {
        if case .noPresentationContext = error { return true }
        return status == .sopClassNotSupported || status == .unrecognizedOperation
    }

    /// Adds what another association has brought of the same attempt.
    private mutating func add(_ other: RetrievalAttempt) {
        if other.hasResult {
            // One that does not count leaves the sum unknown.
            sent = hasResult && sent == nil ? nil : other.sent.map { $0 + (sent ?? 0) }
            hasResult = true
        }
        failed += other.failed
        warnings += other.warnings
        failedUIDs += other.failedUIDs
        wasInterrupted = wasInterrupted || other.wasInterrupted
        wasCancelled = wasCancelled || other.wasCancelled
        storageRefusal = storageRefusal ?? other.storageRefusal
        if response == nil || status?.kind == .success { response = other.response ?? response }
        error = error ?? other.error
        localAddress = localAddress ?? other.localAddress
    }

    // MARK: Performing

    /// Makes the requests over several associations at once.
    ///
    /// A server that takes fewer of them is no failure: the others make its requests.
    ///
    /// - Parameters:
    ///   - count: the most associations that there may be, that of the retrieval among them.
    ///   - perform: makes requests on an association of its own, as long as there are any. One that yields makes no further ones once
    ///     fewer associations may be in use.
    static func shared(
        among count: Int, _ requests: RetrievalRequests, _ context: RetrievalContext,
        perform: @escaping @Sendable (RetrievalRequests, _ yields: Bool) -> RetrievalAttempt
    ) -> RetrievalAttempt {
        let attempts = Locked<[RetrievalAttempt]>([])
        // Those at work; the first one begins at once, and the others while any is.
        let working = Locked(1)
        let jobs = context.jobs
        let work: @Sendable (Int) -> Void = { worker in
            guard worker > 0 else {
                let attempt = perform(requests, false)
                attempts.withLock { $0.append(attempt) }
                working.withLock { $0 -= 1 }
                return jobs.lookAgain()
            }
            while jobs.take(
                beside: { working.withLock { $0 } }, while: { !requests.isEmpty && working.withLock { $0 > 0 } })
            {
                working.withLock { $0 += 1 }
                let attempt = perform(requests, true)
                attempts.withLock { $0.append(attempt) }
                working.withLock { $0 -= 1 }
                jobs.giveBack()
                context.associations.releaseIdle(beyond: jobs.limit)
                guard attempt.isWholeSuccess else { return }
            }
        }
        do throws(SystemError) {
            try WorkerThreads(count: count, name: "retrieve", body: work).join()
        } catch {
            work(0)
        }
        let all = attempts.withLock { $0 }
        let opened = all.filter { $0.localAddress != nil }
        var sum = RetrievalAttempt()
        for attempt in opened.isEmpty || !requests.isEmpty ? all : opened { sum.add(attempt) }
        // Of an association that was lost the server has not said how many it sent.
        if opened.contains(where: { $0.error != nil }) { sum.sent = nil }
        return sum
    }

    /// Makes the requests by C-MOVE; returns when the instances that the server says it sent are here, or do not
    /// come.
    ///
    /// - Parameters:
    ///   - waitsForRest: True to wait, after the last request, for all that is listed, too: no other association brings any of it.
    ///   - yields: True to make no further request once fewer associations may be in use.
    static func move(
        _ requests: RetrievalRequests, _ contexts: Contexts, to instances: RetrievedInstances,
        context: RetrievalContext, waitsForRest: Bool = true, yields: Bool = false
    ) -> RetrievalAttempt {
        let sopClass = context.options.query.informationModel.moveSOPClass
        return perform(requests, sopClass, contexts, to: instances, context, yields: yields) {
            association, sopClass, identifier, attempt throws(AssociationError) in
            let id = context.nextMoveMessageID()
            let before = instances.counts.attempted
            context.reception?.begin(instances, moveMessageID: id)
            let result = try MoveSCU.move(
                on: association, sopClass: sopClass, identifier: identifier,
                destination: context.options.moveDestination, messageID: id,
                priority: context.options.query.priority, onSent: context.acceptCallers,
                elsewhere: context.server,
                onProgress: { counts in
                    attempt.isUnderWay = true
                    return showProgress(counts, of: "C-MOVE", request: Int(id), requests, context)
                })
            attempt.add(result)
            if attempt.isTransient { context.jobs.failed() }
            let counts = result.final?.command.suboperationCounts
            if context.reception == nil, let counts, counts.completed != nil {
                context.environment.progress?.update(context.movedElsewhere(counts, by: Int(id)))
            }
            if result.wasInterrupted || attempt.isRefused { return false }
            let announced = before + (counts?.completed ?? 0) + (counts?.warning ?? 0)
            // What is listed may still come, whatever the server has counted; what it says has failed does not.
            let isLast = waitsForRest && requests.isEmpty
            let failed = attempt.failed
            context.waitWithinGrace {
                instances.counts.attempted >= announced && !(isLast && instances.outstandingCount > failed)
            }
            return true
        }
    }

    /// Waits until all that is listed is here, but for what the server says has failed, or nothing more comes.
    func waitForRest(of instances: RetrievedInstances, _ context: RetrievalContext) {
        guard !wasInterrupted, !isRefused else { return }
        context.waitWithinGrace { instances.outstandingCount <= failed }
    }

    /// Makes the requests by C-GET.
    ///
    /// - Parameter yields: True to make no further request once fewer associations may be in use.
    static func get(
        _ requests: RetrievalRequests, _ contexts: Contexts, to instances: RetrievedInstances,
        context: RetrievalContext, yields: Bool = false
    ) -> RetrievalAttempt {
        guard let receiver = context.reception?.receiver(for: instances) else { return RetrievalAttempt() }
        let sopClass = context.options.query.informationModel.getSOPClass
        return perform(requests, sopClass, contexts, to: instances, context, yields: yields) {
            association, sopClass, identifier, attempt throws(AssociationError) in
            let result = try GetSCU.get(
                on: association, sopClass: sopClass, identifier: identifier,
                priority: context.options.query.priority, receiver: receiver,
                onProgress: { counts in
                    attempt.isUnderWay = true
                    return showProgress(counts, of: "C-GET", request: 0, requests, context)
                })
            attempt.add(result)
            if attempt.isTransient { context.jobs.failed() }
            // The failure of one list is not that of another, unless the service fails.
            return !attempt.isHopeless(mayPause: false)
        }
    }

    /// Fetches what each identifier names by WADO-RS.
    ///
    /// - Parameter listed: the instances that the server lists, which tell the studies and series of what identifiers do not.
    static func fetch(
        _ identifiers: [DataSet], listed: [InstanceListing.Series], to instances: RetrievedInstances,
        context: RetrievalContext
    ) -> RetrievalAttempt {
        var attempt = RetrievalAttempt()
        guard let reception = context.reception else { return attempt }
        let receiver = reception.receiver(for: instances)
        do throws(AssociationError) {
            let resources = WebResource.all(identifiers, listed: listed)
            let session = try context.network.webSession()
            context.jobs.opened()
            // There is no association whose address would be told.
            attempt.localAddress = ""
            for resource in resources where !context.shouldStop {
                do throws(AssociationError) {
                    try session.retrieve(
                        resource, into: receiver, preferring: context.options.preferredSyntaxes,
                        mayGoOn: { !reception.diskIsFullOrReadOnly })
                } catch .web(let error) where resource.instance != nil && resources.count > 1 {
                    // The failure of one instance is not that of another, unless the service fails.
                    guard error.code.isOfOneResource else { throw .web(error) }
                    attempt.error = attempt.error ?? .web(error)
                }
            }
        } catch {
            attempt.error = error
            if case .interrupted = error { attempt.wasInterrupted = true }
            // What is wrong with one study says nothing of the others.
            if error.isTransient { context.jobs.failed() }
        }
        if context.network.cancellation.isRaised { attempt.wasInterrupted = true }
        return attempt
    }

    /// - Parameter perform: makes one request; returns false if no other is to follow.
    private static func perform(
        _ requests: RetrievalRequests, _ sopClass: UID?, _ contexts: Contexts, to instances: RetrievedInstances,
        _ context: RetrievalContext, yields: Bool,
        _ perform: (Association, UID, DataSet, inout RetrievalAttempt) throws(AssociationError) -> Bool
    ) -> RetrievalAttempt {
        var attempt = RetrievalAttempt()
        guard let sopClass else { return attempt }
        let associations = context.associations
        var isFresh = contexts.isFresh
        associations: while true {
            do throws(AssociationError) {
                let lent = try associations.forRetrieval(
                    sopClass, storage: contexts.storage, named: contexts.named, mayBeWidened: contexts.mayBeWidened,
                    isFresh: isFresh)
                let association = lent.association
                attempt.localAddress = host(of: association.localDescription)
                attempt.storageRefusal = storageRefusal(contexts.storage, association)
                while !(yields && context.jobs.areTooMany), let identifier = requests.next() {
                    let before = instances.counts.attempted
                    do throws(AssociationError) {
                        guard try perform(association, sopClass, identifier, &attempt) else { break }
                    } catch {
                        associations.drop(lent)
                        // A second C-MOVE would bring all again, if the first is still at work.
                        guard !attempt.hasResult, !attempt.isUnderWay, instances.counts.attempted == before,
                            associations.isDisappointed(by: lent, error, repeatsUnanswered: !contexts.storage.isEmpty)
                        else { throw error }
                        requests.giveBack(identifier)
                        isFresh = true
                        continue associations
                    }
                }
                if attempt.isWholeSuccess { associations.keep(lent) } else { associations.release(lent) }
            } catch {
                attempt.error = error
                if error.isTransient { context.jobs.failed() }
            }
            return attempt
        }
    }

    /// True if all was answered, and nothing failed: the association is fit for other work.
    private var isWholeSuccess: Bool {
        error == nil && !wasInterrupted && !wasCancelled && failed == 0 && (!hasResult || status?.kind == .success)
    }

    private static func storageRefusal(_ storage: StorageProposals.Round, _ association: Association) -> Hint? {
        let classes = Set(storage.map(\.abstractSyntax))
        guard !classes.isEmpty else { return nil }
        guard classes.contains(where: { !association.contexts.contexts(for: $0).isEmpty }) else {
            return .storageContextsRefused(
                proposed: association.request.presentationContexts.count { classes.contains($0.abstractSyntax) })
        }
        // Without an answer we stay SCU, PS3.7 D.3.3.4.
        let roles = association.accept.userInformation.roleSelections
        return roles.contains { $0.scp && classes.contains($0.sopClass) } ? nil : .storageRoleRefused
    }

    /// True if the final response refuses the request, or ends it otherwise than the service defines.
    var isRefused: Bool {
        switch status?.kind {
        case .failure?: true
        case .cancel?: !wasCancelled
        // 0001H, 0107H and 0116H are warnings of other services.
        case .warning?: (status?.rawValue ?? 0) < 0xB000
        case .success?, .pending?, nil: false
        }
    }

    private static func showProgress(
        _ counts: SuboperationCounts, of operation: String, request: Int, _ requests: RetrievalRequests,
        _ context: RetrievalContext
    ) -> ExchangeControl {
        context.network.diagnostics.verbose("\(operation): \(text(counts))")
        if context.reception == nil {
            context.environment.progress?.update(context.movedElsewhere(counts, by: request))
        }
        // A full disk stays full: the rest would only be refused, one by one.
        return context.reception?.diskIsFullOrReadOnly == true || requests.isExceeded() ? .cancel : .goOn
    }

    private static func text(_ counts: SuboperationCounts) -> String {
        let parts = [
            (counts.completed, "completed"), (counts.remaining, "remaining"), (counts.failed, "failed"),
            (counts.warning, "with warnings"),
        ].compactMap { count, name in count.map { "\($0) \(name)" } }
        return parts.isEmpty ? "no counts" : parts.joined(separator: ", ")
    }

    /// The host of an address such as `[::1]:4711`.
    private static func host(of address: String) -> String {
        guard let colon = address.lastIndex(of: ":") else { return address }
        return address[..<colon].filter { $0 != "[" && $0 != "]" }
    }
}

extension RetrievalTarget {
    /// True if only a list tells the studies and series that the paths of its requests name: over HTTP (PS3.18 10.4).
    func needsList(over network: Network) -> Bool {
        guard network.connection.web != nil else { return false }
        let namesStudy = identifier.uids(.studyInstanceUID).count == 1
        return switch level {
        case .patient: true
        case .study: false
        case .series: !namesStudy
        case .image: !namesStudy || identifier.uids(.seriesInstanceUID).count != 1
        }
    }
}

extension WebResource {
    /// The resources that identifiers of a retrieval name, each once.
    ///
    /// - Parameter listed: what the server lists of them, which tells the studies and series of what the identifiers do not.
    fileprivate static func all(_ identifiers: [DataSet], listed: [InstanceListing.Series]) -> [WebResource] {
        var found: [WebResource] = []
        for identifier in identifiers {
            let level = identifier.string(.queryRetrieveLevel).flatMap { QueryLevel(rawValue: $0) } ?? .study
            let (studies, series) = (identifier.uids(.studyInstanceUID), identifier.uids(.seriesInstanceUID))
            switch level {
            case .study: found += studies.map { WebResource(study: $0) }
            case .patient: found += listed.map { WebResource(study: $0.studyInstanceUID) }
            case .series where studies.count == 1: found += series.map { WebResource(study: studies[0], series: $0) }
            case .series:
                found += listed.map { WebResource(study: $0.studyInstanceUID, series: $0.seriesInstanceUID) }
            case .image:
                let instances = identifier.uids(.sopInstanceUID)
                if studies.count == 1, series.count == 1 {
                    found += instances.map { WebResource(study: studies[0], series: series[0], instance: $0) }
                } else {
                    let wanted = Set(instances)
                    found += listed.flatMap { one in
                        one.sopInstanceUIDs.filter(wanted.contains).map {
                            WebResource(study: one.studyInstanceUID, series: one.seriesInstanceUID, instance: $0)
                        }
                    }
                }
            }
        }
        var seen: Set<WebResource> = []
        return found.filter { seen.insert($0).inserted }
    }
}
