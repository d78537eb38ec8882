import DICOM
package import DICOMNode
import DICOMProtocol
package import System

/// Stores instances by STOW-RS (PS3.18 10.5), a few in each request: one worker's part of a run.
///
/// What became of an instance is what the answer says of it, whatever the status: an instance that is in none of its sequences is not
/// stored. Used by one thread.
package final class WebStorage: InstanceSender {
    package struct Options: Sendable {
        /// True if UIDs that a data set lacks may be those of group 0002.
        package var assumesMeta = false
        /// What the server speaks.
        package var interface = WebAddress.Interface.dicomWeb
        package var retry = RetryPolicy()

        package init() {}
    }

    private let options: Options
    private let makeSession: () throws(AssociationError) -> WebSession
    private let cancellation: Cancellation
    private let delegate: any StorageDelegate
    private let meter: LoadMeter
    private var session: WebSession?
    private var waiting: ArraySlice<PendingInstance> = []
    private var later: LaterAttempts
    /// Instances in one request at most.
    package static let mostInOneRequest = 10
    /// Fewer once a server has refused so many at a time.
    private var maximumCount = mostInOneRequest
    private var failuresInARow = 0
    /// Fingerprints of the instances that the server has said to have: that one of them is listed says nothing of another file of the
    /// same UID.
    private var answered: Set<UInt32> = []

    /// Bytes of the files in one request, beyond which a file goes alone.
    private static let maximumLength: UInt64 = 10 << 20
    /// Requests in a row that were lost, after which the peer is given up.
    private static let maximumLost = 3

    /// - Parameters:
    ///   - meter: is told what the server does.
    ///   - makeSession: opens the session of this worker.
    package init(
        _ options: Options, cancellation: Cancellation, delegate: any StorageDelegate, meter: LoadMeter = LoadMeter(),
        makeSession: @escaping () throws(AssociationError) -> WebSession
    ) {
        self.options = options
        self.cancellation = cancellation
        self.delegate = delegate
        self.meter = meter
        self.makeSession = makeSession
        later = LaterAttempts(options.retry)
        // Orthanc's own interface takes one instance a request.
        if options.interface == .orthanc { maximumCount = 1 }
    }

    package var isIdle: Bool { waiting.isEmpty && later.isEmpty }

    package var nextAttempt: Deadline { later.next }

    /// Opens nothing: a connection is made with the first request.
    ///
    /// - Throws: nothing.
    package func prepare() throws(AssociationError) {}

    /// Ends nothing: a connection that is kept closes by itself.
    ///
    /// - Throws: nothing.
    package func release() throws(AssociationError) { session = nil }

    /// Sends what waits for another attempt.
    ///
    /// - Throws: the error that ended the work with the peer for good.
    package func finishAttempts() throws(AssociationError) { try store([], waitsForRetries: true) }

    package func takeUnfinished() -> [PendingInstance] {
        defer { waiting = [] }
        return later.takeAll() + waiting
    }

    /// Sends the files, attempt after attempt; each is reported once.
    ///
    /// - Throws: the error that ended the work with the peer for good. What was not sent is in ``takeUnfinished()``.
    package func store(_ files: [PendingInstance], waitsForRetries: Bool) throws(AssociationError) {
        waiting += files
        while !delegate.shouldStop {
            waiting += later.takeDue()
            if waiting.isEmpty {
                guard let end = later.pause(isLast: waitsForRetries) else { return }
                try pause(until: end)
                continue
            }
            if cancellation.isRaised { throw .interrupted(cancellation.level) }
            try send(nextBatch())
        }
    }

    /// What goes into one request: never two of one UID, of which the answer could not tell which it means.
    private func nextBatch() -> [PendingInstance] {
        var batch: [PendingInstance] = []
        var length: UInt64 = 0
        while let next = waiting.first, batch.count < maximumCount {
            guard batch.isEmpty || length + next.file.size <= Self.maximumLength,
                !batch.contains(where: { $0.file.sopInstanceUID == next.file.sopInstanceUID })
            else { break }
            length += next.file.size
            batch.append(next)
            waiting.removeFirst()
        }
        return batch
    }

    private func pause(until deadline: Deadline) throws(AssociationError) {
        guard let seconds = deadline.secondsLeft, seconds > 0 else { return }
        delegate.willPause(seconds: seconds, instances: later.count, cause: nil)
        if cancellation.wait(until: deadline) { throw .interrupted(cancellation.level) }
    }

    // MARK: One request

    private func opened() throws(AssociationError) -> WebSession {
        if let session { return session }
        let opened = try makeSession()
        session = opened
        meter.opened(0)
        return opened
    }

    private func send(_ batch: [PendingInstance]) throws(AssociationError) {
        var parts: [(pending: PendingInstance, part: OutgoingPart)] = []
        for var pending in batch {
            if try isHeldAfterLoss(pending) { continue }
            pending.attempts += 1
            do throws(FileProblem) {
                let head = options.interface == .orthanc ? [] : MultipartBody.partHead
                parts.append((pending, try OutgoingPart(pending.file, head: head, assumesMeta: options.assumesMeta)))
            } catch {
                conclude(pending, .unreadable(error))
            }
        }
        guard let first = parts.first else { return }
        let body: any InstancesBody =
            options.interface == .orthanc ? FileBody(first.part) : MultipartBody(parts.map(\.part))
        let answer: HTTPAnswer
        do throws(AssociationError) {
            answer = try opened().store(body)
            failuresInARow = 0
        } catch .sourceCutShort(let reason) {
            // The fault of one file; the request was given up, and nothing of the others is stored.
            for (index, one) in parts.enumerated().reversed() {
                if index == body.current {
                    conclude(one.pending, .unreadable(FileProblem(one.pending.file.path, reason)))
                } else {
                    putBack(one.pending)
                }
            }
            return
        } catch {
            return try lose(parts.map(\.pending), because: error)
        }
        let said =
            options.interface == .orthanc
            ? StoreAnswer(ofOrthanc: answer.body, about: first.pending.file.sopInstanceUID) : StoreAnswer(answer.body)
        try settle(parts, said, answer)
    }

    /// The whole request failed without an answer.
    private func lose(_ pending: [PendingInstance], because error: AssociationError) throws(AssociationError) {
        failuresInARow += 1
        meter.failed()
        // The server has closed the connection that it kept, before the request or after it: what it lacks is sent again.
        if session?.client.hasLostWholeBody == true, failuresInARow < Self.maximumLost {
            waiting = pending.map { Self.inDoubt($0, error) }[...] + waiting
            return
        }
        // Nothing had left, or nothing may be tried again.
        switch error {
        case .interrupted:
            for one in pending { conclude(one, .unanswered(error)) }
            throw error
        case .web(let reason) where reason.code == .incomplete:
            for one in pending { conclude(one, .unanswered(error)) }
            guard failuresInARow < max(options.retry.retries, Self.maximumLost) else { throw error }
        case .unreachable, .web:
            guard error.isTransient, options.retry.allowsAttempt(after: failuresInARow) else {
                waiting = pending.map(Self.withoutAttempt)[...] + waiting
                throw error
            }
            waiting = pending.map(Self.withoutAttempt)[...] + waiting
            try pause(after: failuresInARow, because: error)
        default:
            for one in pending { conclude(one, .unanswered(error)) }
            guard failuresInARow < max(options.retry.retries, Self.maximumLost) else { throw error }
        }
    }

    private func pause(after failures: Int, because error: AssociationError) throws(AssociationError) {
        let seconds = options.retry.pause(after: failures)
        delegate.willPause(seconds: seconds, instances: waiting.count, cause: error)
        if cancellation.wait(until: .after(seconds: seconds)) { throw .interrupted(cancellation.level) }
    }

    private static func withoutAttempt(_ pending: PendingInstance) -> PendingInstance {
        var pending = pending
        pending.attempts -= 1
        return pending
    }

    private static func inDoubt(_ pending: PendingInstance, _ error: AssociationError) -> PendingInstance {
        var pending = withoutAttempt(pending)
        pending.lastOutcome = .unanswered(error)
        return pending
    }

    private func putBack(_ pending: PendingInstance) { waiting.insert(Self.withoutAttempt(pending), at: 0) }

    /// Takes for each instance what the answer says of it.
    private func settle(
        _ parts: [(pending: PendingInstance, part: OutgoingPart)], _ said: StoreAnswer, _ answer: HTTPAnswer
    ) throws(AssociationError) {
        var silent: [PendingInstance] = []
        for (pending, part) in parts {
            if let refusal = said.refusal, answer.isSuccess {
                conclude(pending, .refused(WebError(.notStored, "not stored: the server answers \(refusal)")))
            } else if let status = said.status(of: pending.file.sopInstanceUID) {
                if status.kind != .failure { answered.insert(Self.fingerprint(pending.file)) }
                conclude(pending, .answered(Self.response(pending.file, status), part.changes))
            } else {
                silent.append(pending)
            }
        }
        guard !silent.isEmpty else { return }
        let request = try opened().storageRequest
        guard !answer.isSuccess else { return try ask(about: silent, of: parts.count, request) }
        let error = try opened().failure(answer, request)
        // Refused as a whole: that is no matter of its instances.
        if error.isTooLate || (said.isEmpty && [401, 403, 404, 405, 406, 415, 501].contains(answer.head.status)) {
            waiting = silent.map(Self.withoutAttempt)[...] + waiting
            throw .web(error)
        }
        guard parts.count > 1, !error.isTransient || answer.head.status == 500 || answer.head.status == 507 else {
            for one in silent { conclude(one, .refused(error)) }
            return
        }
        divide(silent, of: parts.count)
    }

    /// Sends instances again in smaller requests.
    private func divide(_ pending: [PendingInstance], of count: Int) {
        maximumCount = max(1, count / 2)
        waiting = pending.map(Self.withoutAttempt)[...] + waiting
    }

    /// The answer is one of success and does not name these: they count as stored only where a query finds them.
    private func ask(
        about pending: [PendingInstance], of count: Int, _ request: HTTPRequest
    ) throws(AssociationError) {
        var missing: [PendingInstance] = []
        for one in pending {
            if try isListed(one.file) {
                conclude(one, .answered(Self.response(one.file, .success), InstanceFile.Changes()))
            } else {
                missing.append(one)
            }
        }
        guard !missing.isEmpty else { return }
        if count > 1 { return divide(missing, of: 2) }
        let error = WebError(.unreliable, "the answer does not say that it was stored", request: request.name)
        for one in missing { conclude(one, .refused(error)) }
    }

    /// After an answer was lost: concludes an instance that the server has meanwhile, which need not be sent again.
    private func isHeldAfterLoss(_ pending: PendingInstance) throws(AssociationError) -> Bool {
        guard case .unanswered? = pending.lastOutcome, try isListed(pending.file) else { return false }
        conclude(pending, .answered(Self.response(pending.file, .success), InstanceFile.Changes()))
        return true
    }

    private static func fingerprint(_ file: InstanceFile) -> UInt32 {
        UInt32(truncatingIfNeeded: file.sopInstanceUID.hashValue)
    }

    /// True if the server lists the instance, which it has from this file then. Returns false, too, where the server cannot be asked.
    private func isListed(_ file: InstanceFile) throws(AssociationError) -> Bool {
        guard !answered.contains(Self.fingerprint(file)) else { return false }
        var keys = DataSet()
        keys.set(.queryRetrieveLevel, .CS, QueryLevel.image.rawValue)
        if let study = file.studyInstanceUID { keys.set(.studyInstanceUID, study) }
        if let series = file.seriesInstanceUID { keys.set(.seriesInstanceUID, series) }
        keys.set(.sopInstanceUID, file.sopInstanceUID)
        var isListed = false
        do throws(AssociationError) {
            _ = try opened().find(
                sopClass: InformationModel.studyRoot.findSOPClass, identifier: keys, priority: .medium,
                beforeBlockingRead: nil
            ) { match in
                let uid = (try? match.identifier())?.uid(.sopInstanceUID)
                isListed = isListed || uid == file.sopInstanceUID
                return isListed ? .cancel : .goOn
            }
        } catch .interrupted(let level) {
            throw .interrupted(level)
        } catch {
            return false
        }
        if isListed { answered.insert(Self.fingerprint(file)) }
        return isListed
    }

    private static func response(_ file: InstanceFile, _ status: DIMSEStatus) -> CommandSet {
        let request = CommandSet.storeRequest(
            messageID: 1, sopClass: file.sopClassUID, sopInstance: file.sopInstanceUID)
        return .storeResponse(to: request, status: status)
    }

    // MARK: Results

    /// Reports the outcome of a file, or keeps it for another attempt.
    private func conclude(_ pending: PendingInstance, _ outcome: StoreResult.Outcome) {
        let result = StoreResult(file: pending.file, outcome: outcome, attempts: pending.attempts)
        let wanted: Double? = if case .refused(let error) = outcome { error.retryAfter } else { nil }
        switch outcome {
        case .answered(let response, _) where response.status?.isTransient != true:
            meter.answered(pending.file.dataSetLength)
        case .answered: meter.failed()
        case .refused where result.isTransient: meter.failed()
        default: break
        }
        guard !delegate.shouldStop, later.keep(pending, after: result, wanted: wanted) else {
            return delegate.report(result)
        }
    }
}

extension WebSession {
    static let storePath = "/studies"

    fileprivate var storageRequest: HTTPRequest {
        interface == .orthanc
            ? HTTPRequest(.post, "/instances", accept: "application/json")
            : HTTPRequest(.post, Self.storePath, at: bases.storage, accept: Self.json)
    }

    /// Stores by STOW-RS, or as Orthanc takes it; the answer of any status is for the caller to read.
    ///
    /// - Throws: the error by which no answer came.
    fileprivate func store(_ body: any InstancesBody) throws(AssociationError) -> HTTPAnswer {
        var request = storageRequest
        request.headers.append(("Content-Type", body.mediaType))
        request.body = body
        request.isRepeatable = false
        let reader = AnswerCollector(request)
        let answer = try perform(request, reader: reader)
        for warning in answer.head.fields("warning") { noteWarning(warning) }
        return answer.isSuccess ? answer.with(body: reader.body) : answer
    }
}

/// Keeps the body of an answer, up to a limit: one about ten instances is short.
final class AnswerCollector: ResponseReader {
    private(set) var body: [UInt8] = []
    private let request: HTTPRequest
    static let maximumLength = 16 << 20

    init(_ request: HTTPRequest) { self.request = request }

    func begin(_ head: HTTPHead) throws(AssociationError) {}

    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        guard bytes.count <= Self.maximumLength - body.count else {
            throw .web(
                WebError(
                    .unexpected, "the answer is longer than \(Self.maximumLength >> 20) MB", request: request.name))
        }
        body.append(contentsOf: bytes)
    }
}

/// What the body of an answer says of each instance (PS3.18 I.2).
struct StoreAnswer {
    private var statuses: [UID: DIMSEStatus] = [:]
    private static let warningReason = Tag(0x0008_1196)

    /// The word by which Orthanc says that it has not stored the instance.
    private(set) var refusal: String?

    /// What Orthanc's own interface answers: one word about one instance.
    init(ofOrthanc body: [UInt8], about instance: UID) {
        switch JSONObject.members(body)?["Status"] {
        case "Success", "AlreadyStored": statuses[instance] = .success
        case let word?: refusal = String(word.prefix(40))
        case nil: break
        }
    }

    /// Anything that is no data set says nothing.
    init(_ body: [UInt8]) {
        guard let dataSets = try? DICOMJSON.parse(body) else { return }
        for dataSet in dataSets {
            for item in dataSet.items(.referencedSOPSequence) ?? [] {
                guard let uid = item.uid(.referencedSOPInstanceUID) else { continue }
                let warning = item.uint16(Self.warningReason).map { DIMSEStatus(rawValue: $0) }
                statuses[uid] = warning.flatMap { $0.kind == .warning ? $0 : nil } ?? .success
            }
            // A failure outweighs what else is said of the same instance.
            for item in dataSet.items(.failedSOPSequence) ?? [] {
                guard let uid = item.uid(.referencedSOPInstanceUID) else { continue }
                let reason = item.uint16(.failureReason).map { DIMSEStatus(rawValue: $0) }
                statuses[uid] = reason.flatMap { $0.kind == .failure ? $0 : nil } ?? .processingFailure
            }
        }
    }

    /// True if it names no instance.
    var isEmpty: Bool { statuses.isEmpty && refusal == nil }

    /// Nil if it does not name the instance.
    func status(of instance: UID) -> DIMSEStatus? { statuses[instance] }
}
