package import DICOM
package import DICOMProtocol
import System

/// Queries in parts where a server gives no more than so many matches: what it cuts short is asked again by halves of the span of
/// days, then of the day, then by modality, until each part is whole. Each match is passed on once.
///
/// A list is cut short if it ends with a status that says so (A700H, a warning, FE00H that was not asked for, a failure after
/// matches), or, since many servers say nothing, if it has a round number of matches: its halves show whether there are more.
package final class WholeListSession: QuerySession {
    /// The parts that a query is asked in from the beginning.
    package enum Steps: Sendable, Equatable {
        /// The query as it is.
        case whole
        case days(Int)
        case hours
    }

    /// What is told of the queries that were made.
    package enum Event: Sendable {
        /// A list was cut short after so many matches, with this status, and is asked for in parts.
        case cutShort(DIMSEStatus, matches: Int)
        /// A part was cut short and cannot be divided: there may be more matches.
        case doubtful(part: String, matches: Int)
        /// A list was asked for in parts, and matches without a date or time are in none of them. There may be more than the number
        /// that was seen, which may be 0.
        case undated(matches: Int)
        /// A part was asked for by modality: matches of rare modalities beyond its end are in none of its parts.
        case byModality(part: String)
        /// The server sent so many matches, again and again the same or more than any archive has, that the list is given up.
        case givenUp(matches: Int)
        /// A query ended, after so many requests.
        case ended(requests: Int)
    }

    private let session: any QuerySession
    private let steps: Steps
    private let today: CalendarDate
    private let combinesDateAndTime: Bool
    private let maximumMatches: Int
    private let report: (Event) -> Void

    /// More than any archive has.
    package static let standardMaximumMatches = 20_000_000

    /// - Parameters:
    ///   - combinesDateAndTime: True if that was negotiated.
    ///   - maximumMatches: The number of different matches at which a list is given up, and nearly that of repeated ones.
    ///   - report: Told what happens to each query.
    package init(
        _ session: any QuerySession, steps: Steps, today: CalendarDate, combinesDateAndTime: Bool,
        maximumMatches: Int = standardMaximumMatches, report: @escaping (Event) -> Void
    ) {
        self.session = session
        self.steps = steps
        self.today = today
        self.combinesDateAndTime = combinesDateAndTime
        self.maximumMatches = maximumMatches
        self.report = report
    }

    package func grantedNegotiation(for sopClass: UID) -> QueryNegotiation {
        session.grantedNegotiation(for: sopClass)
    }

    /// - Throws: as the session does whose queries are divided.
    package func release() throws(AssociationError) { try session.release() }

    package func abort() { session.abort() }

    /// As ``QuerySession/find(sopClass:identifier:priority:beforeBlockingRead:onMatch:)``; a list that was made whole ends with success.
    ///
    /// - Throws: the error that ended one of the queries.
    package func find(
        sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
        onMatch: @escaping (FindSCU.Match) -> ExchangeControl
    ) throws(AssociationError) -> ExchangeResult {
        guard let level = identifier.string(.queryRetrieveLevel).flatMap({ QueryLevel(rawValue: $0) }) else {
            return try session.find(
                sopClass: sopClass, identifier: identifier, priority: priority,
                beforeBlockingRead: beforeBlockingRead, onMatch: onMatch)
        }
        let list = DividedList(
            session, sopClass, level, priority, today: today, maximumMatches: maximumMatches,
            beforeBlockingRead: beforeBlockingRead, onMatch: onMatch,
            report: report)
        let whole = QueryPart(identifier, level: level, combinesDateAndTime: combinesDateAndTime)
        defer { report(.ended(requests: list.requests)) }
        return try list.ask(whole, in: steps)
    }
}

/// The matches of one query, which is asked in parts where it has to be.
private final class DividedList {
    private let session: any QuerySession
    private let sopClass: UID
    private let level: QueryLevel
    private let priority: Priority
    private let today: CalendarDate
    private let maximumMatches: Int
    private let beforeBlockingRead: (() -> Void)?
    private let onMatch: (FindSCU.Match) -> ExchangeControl
    private let report: (WholeListSession.Event) -> Void

    private(set) var requests = 0
    /// Digests of the unique keys that were passed on.
    private var seen = DigestTable()
    /// All matches of all requests.
    private var received = 0
    private var modalities: [String] = []
    private var undated = 0
    private var untimed = 0
    /// The numbers of matches that were a limit of the server, and those that were not.
    private var limits: Set<Int> = []
    private var chances: Set<Int> = []
    /// Parts that cannot be divided, with round numbers of matches of which nothing is known yet.
    private var unproven: [(part: String, matches: Int)] = []
    private var wholeParts = 0
    private var doubtfulInARow = 0
    private var hasToldCut = false

    init(
        _ session: any QuerySession, _ sopClass: UID, _ level: QueryLevel, _ priority: Priority, today: CalendarDate,
        maximumMatches: Int, beforeBlockingRead: (() -> Void)?, onMatch: @escaping (FindSCU.Match) -> ExchangeControl,
        report: @escaping (WholeListSession.Event) -> Void
    ) {
        self.session = session
        self.sopClass = sopClass
        self.level = level
        self.priority = priority
        self.today = today
        self.maximumMatches = maximumMatches
        self.beforeBlockingRead = beforeBlockingRead
        self.onMatch = onMatch
        self.report = report
    }

    /// A server that refuses so many parts in a row, however small, has another reason than their length.
    private static let maximumDoubtfulInARow = 10

    // MARK: Parts

    private enum Answer {
        /// All matches of a part, so many.
        case whole(Int)
        /// The query ends here: with a failure, or since no more is wanted.
        case ended(ExchangeResult)
    }

    func ask(_ query: QueryPart, in steps: WholeListSession.Steps) throws(AssociationError) -> ExchangeResult {
        var parts = [query]
        do throws(Stop) {
            if steps != .whole { parts = try self.parts(of: query, steps) }
        } catch {
            switch error {
            case .association(let error): throw error
            case .ended(let result): return result
            }
        }
        for part in parts {
            if case .ended(let result) = try ask(part, isFirst: parts.count == 1) { return result }
        }
        try askUndated(query, isDivided: parts.count > 1 || hasToldCut)
        // What was learnt of the server's limit later is true of the parts before.
        for (part, matches) in unproven where limits.contains(matches) {
            report(.doubtful(part: part, matches: matches))
        }
        return .ofQuery(sopClass)
    }

    /// The reason why nothing more is asked.
    private enum Stop: Error {
        case association(AssociationError)
        case ended(ExchangeResult)
    }

    /// The parts of a query that is asked in steps. One with an open end is asked as it is first: its list may be whole, and shows matches
    /// without a date. What lies before and after the days that have matches stays open.
    private func parts(of query: QueryPart, _ steps: WholeListSession.Steps) throws(Stop) -> [QueryPart] {
        if query.isOpen {
            let (result, count): (ExchangeResult, Int)
            do throws(AssociationError) { (result, count) = try matches(of: query) } catch { throw .association(error) }
            guard let status = result.status, !result.wasInterrupted, !result.wasCancelled else { throw .ended(result) }
            let isCut = isCutShort(status, count)
            guard isCut || status.kind == .success, isCut || isSuspicious(count) else { throw .ended(result) }
            if isCut { noteCut(status, count) }
        }
        let closed = try query.closed(today: today) { (part) throws(Stop) in try hasMatches(part) }
        guard let closed else { return [query] }
        let days = if case .days(let days) = steps { days } else { 1 }
        var parts = closed.steps(days: days)
        if steps == .hours { parts = parts.flatMap(\.hours) }
        return parts + query.outside(of: closed)
    }

    /// Matches without a date are in no part: a server that matches empty values has them, another one may have more than were seen.
    private func askUndated(_ query: QueryPart, isDivided: Bool) throws(AssociationError) {
        guard isDivided else { return }
        let isGranted = session.grantedNegotiation(for: sopClass).contains(.emptyValues)
        if isGranted, let part = query.undated {
            undated = 0
            if case .ended = try ask(part, isFirst: false) { report(.doubtful(part: part.name, matches: 0)) }
        }
        if undated + untimed > 0 || (query.holdsUndated && !isGranted) { report(.undated(matches: undated + untimed)) }
    }

    /// - Parameter isFirst: True for the query as it was made: where it cannot be divided, its own result is the answer.
    private func ask(_ part: QueryPart, isFirst: Bool) throws(AssociationError) -> Answer {
        let (result, count) = try matches(of: part)
        if result.wasInterrupted || result.wasCancelled { return .ended(result) }
        guard let status = result.status else { return .ended(result) }
        let isCut = isCutShort(status, count)
        if !isCut, status.kind != .success { return .ended(result) }
        guard isCut || isSuspicious(count) else { return whole(count) }

        // A number that is round by chance is seen as such at once where both parts have matches.
        let parts = part.divided(today: today, modalities: knownModalities, after: isCut ? nil : middleOfLast)
        guard !parts.isEmpty else {
            if isFirst { return isCut ? .ended(result) : whole(count) }
            guard isCut || limits.contains(count) else {
                unproven.append((part.name, count))
                return whole(count)
            }
            report(.doubtful(part: part.name, matches: count))
            doubtfulInARow += 1
            // A server that says success answers the other parts as well.
            let isHopeless =
                isCut && ((wholeParts == 0 && count == 0) || doubtfulInARow > Self.maximumDoubtfulInARow)
            return isHopeless ? .ended(result) : .whole(count)
        }
        if isCut { noteCut(status, count) }
        if isCut, parts.allSatisfy(\.isOfOneModality) { report(.byModality(part: part.name)) }
        if part.holdsUntimed, !part.holdsUndated { untimed += untimedOfLast }
        var (total, largest) = (0, 0)
        for smaller in parts {
            let answer = try ask(smaller, isFirst: false)
            guard case .whole(let count) = answer else { return answer }
            total += count
            largest = max(largest, count)
        }
        if !isCut {
            if total > count {
                limits.insert(count)
                noteCut(.success, count)
            } else if largest < count {
                // Each part has less than a limit of this number would allow.
                chances.insert(count)
            }
        }
        return .whole(max(total, count))
    }

    private func whole(_ count: Int) -> Answer {
        wholeParts += 1
        doubtfulInARow = 0
        return .whole(count)
    }

    private func noteCut(_ status: DIMSEStatus, _ count: Int) {
        guard !hasToldCut else { return }
        hasToldCut = true
        report(.cutShort(status, matches: count))
    }

    private func isCutShort(_ status: DIMSEStatus, _ count: Int) -> Bool {
        switch status.kind {
        case .warning, .cancel: true
        case .failure: status.isTransient || count > 0
        default: false
        }
    }

    /// Round numbers are limits more often than chance.
    private func isSuspicious(_ count: Int) -> Bool {
        limits.contains(count) || (ListLimits.isRound(count) && !chances.contains(count))
    }

    private var knownModalities: [String] {
        modalities + Self.usualModalities.filter { !modalities.contains($0) }
    }

    /// Those that most images have (PS3.3 C.7.3.1.1.1).
    private static let usualModalities = [
        "CT", "MR", "CR", "DX", "US", "MG", "XA", "RF", "NM", "PT", "OT", "SR", "PR", "KO", "ES", "OP", "OPT", "SC",
        "ECG", "IO",
        "PX", "IVUS", "SEG", "REG", "RTIMAGE", "RTDOSE", "RTSTRUCT", "RTPLAN", "DOC", "SM", "GM", "XC", "BI", "HC",
        "AU",
    ]

    // MARK: Requests

    /// The matches without a time in the last list.
    private var untimedOfLast = 0
    /// The dates of the matches in the last list.
    private var datesOfLast = DayCounts()

    /// The last day of the earlier half of the matches in the last list; nil if they all are of one day, or do not say.
    private var middleOfLast: CalendarDate? { datesOfLast.middle }

    private func matches(of part: QueryPart) throws(AssociationError) -> (ExchangeResult, count: Int) {
        var count = 0
        var own = DigestTable()
        requests += 1
        untimedOfLast = 0
        datesOfLast = DayCounts()
        let key = InformationModel.uniqueKey(of: level)
        var isGivenUp = false
        let result = try session.find(
            sopClass: sopClass, identifier: part.identifier, priority: priority,
            beforeBlockingRead: beforeBlockingRead
        ) { [self] match in
            received += 1
            guard !isTooMuch else {
                isGivenUp = true
                return .cancel
            }
            guard let identifier = try? match.identifier(), let name = identifier.bytes(key), !name.isEmpty else {
                return onMatch(match)
            }
            let digest = name.withUnsafeBytes { SeededDigest.of($0) }
            note(identifier, part)
            let isNew = seen.insert(digest)
            // Of the first list all that was seen is its own.
            if requests == 1 ? isNew : own.insert(digest) { count += 1 }
            // What comes twice within one list is for the caller to judge.
            return isNew || requests == 1 ? onMatch(match) : .goOn
        }
        if isGivenUp { report(.givenUp(matches: received)) }
        return (result, count)
    }

    /// The parts of a list bring each match again some times, as the days, hours and modalities are halved; a server that repeats its
    /// matches without end has other reasons.
    private var isTooMuch: Bool {
        seen.count > maximumMatches || received > maximumMatches + Self.maximumRepetitions * seen.count
    }

    private static let maximumRepetitions = 30

    private func note(_ match: DataSet, _ part: QueryPart) {
        if let date = match.string(.studyDate).flatMap({ QueryPart.day(of: $0) }) { datesOfLast.add(date) }
        if part.holdsUndated, match[.studyDate]?.isEmpty == true { undated += 1 }
        if part.holdsUntimed, match[.studyTime]?.isEmpty == true { untimedOfLast += 1 }
        for value in match.strings(.modalitiesInStudy) + match.strings(.modality)
        where !value.isEmpty && !modalities.contains(value) && modalities.count < 100 {
            modalities.append(value)
        }
    }

    private func hasMatches(_ part: QueryPart) throws(Stop) -> Bool {
        var found = false
        requests += 1
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try session.find(
                sopClass: sopClass, identifier: part.identifier, priority: priority,
                beforeBlockingRead: nil
            ) { _ in
                found = true
                return .cancel
            }
        } catch {
            throw .association(error)
        }
        if result.wasInterrupted { throw .ended(result) }
        if found { return true }
        guard let status = result.status else { throw .ended(result) }
        // A refusal because of too many matches is an answer, too; any other one ends the query.
        if isCutShort(status, 0) { return true }
        guard status.kind == .success else { throw .ended(result) }
        return false
    }
}

/// Numbers of matches by their days: a list may have a million of them.
struct DayCounts {
    /// By the days since the epoch.
    private var counts: [Int: Int] = [:]
    private var total = 0

    mutating func add(_ date: CalendarDate) {
        counts[date.days(since: .epoch), default: 0] += 1
        total += 1
    }

    /// The last day of the earlier half; nil if all are of one day, or there is none.
    var middle: CalendarDate? {
        let days = counts.keys.sorted()
        guard days.count > 1 else { return nil }
        var before = 0
        for day in days.dropLast() {
            before += counts[day] ?? 0
            if before > (total - 1) / 2 { return CalendarDate.epoch.adding(days: day) }
        }
        return CalendarDate.epoch.adding(days: days[days.count - 2])
    }
}

/// Numbers of matches that look like a limit of a server.
package enum ListLimits {
    /// True for multiples of 50, and powers of two from 128 on.
    package static func isRound(_ count: Int) -> Bool {
        count >= 50 && (count % 50 == 0 || count >= 128 && count & (count - 1) == 0)
    }
}
