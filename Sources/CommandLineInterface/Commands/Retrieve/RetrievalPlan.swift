import DICOM
import DICOMNode
import DICOMProtocol
import System

/// One thing to be retrieved by one request: a patient, studies, series, or instances of a series.
struct RetrievalTarget: Sendable {
    /// The identifier of the C-MOVE or C-GET: level and unique keys, PS3.4 C.4.2.2.1.
    var identifier: DataSet
    let level: QueryLevel
    /// The lines of a list that asked for it.
    var rows: [Row] = []
    /// The values by which targets are sorted.
    var order = DataSet()
    /// True if the keys name it by its unique keys, so that no query has shown that it exists.
    var isUnconfirmed = false

    struct Row: Sendable {
        struct Value: Sendable {
            let tag: Tag
            let text: String

            var name: String { DataDictionary.keyword(of: tag) }
        }

        /// The place among the rows of the list, from 1.
        let number: Int
        let line: Int
        /// The instance that the row names, where its series is requested with others.
        var sopInstanceUID: UID?
        /// The series that the row names, where it is requested with others of its study.
        var seriesInstanceUID: UID?
        /// What the row says.
        var values: [Value]

        init(number: Int, line: Int, keys: [QueryKey]) {
            self.number = number
            self.line = line
            values = keys.map { Value(tag: $0.tag, text: $0.value) }
        }

        /// The row by its values, for messages; nil if the target that it asks for is named by the same.
        func name(_ redaction: Redaction) -> String? {
            if let sopInstanceUID { return "instance \(sopInstanceUID)" }
            if let seriesInstanceUID { return "series \(seriesInstanceUID)" }
            let telling = values.filter { DataDictionary.vr(of: $0.tag) != .UI }.prefix(3)
            guard !telling.isEmpty else { return nil }
            return telling.map { "\($0.name) \(redaction.shown($0.text, of: $0.tag))" }.joined(separator: ", ")
        }
    }

    init(identifier: DataSet, level: QueryLevel, rows: [Row] = [], order: DataSet = DataSet()) {
        self.identifier = identifier
        self.level = level
        self.rows = rows
        self.order = order
    }

    /// The name for messages, which never identifies a patient.
    var name: String {
        let key = InformationModel.uniqueKey(of: level)
        // A message for each row of a list names its target, and a target may have hundreds of UIDs.
        let count = identifier.uidCount(key)
        let uid = count == 1 ? identifier.uids(key).first?.string ?? "" : ""
        switch (level, count) {
        case (.patient, _): return rows.isEmpty ? "patient" : "patient of line \(rows[0].line)"
        case (.study, 1): return "study \(uid)"
        case (.study, let count): return "\(count) studies"
        case (.series, 1): return "series \(uid)"
        case (.series, let count): return "\(count) series"
        case (.image, 1): return "instance \(uid)"
        case (.image, let count): return "\(count) instances"
        }
    }

    /// The UID by which targets are divided into shares.
    var shardKey: UID {
        identifier.uid(.studyInstanceUID) ?? identifier.uid(.seriesInstanceUID) ?? identifier.uid(.sopInstanceUID)
            ?? UID(identifier.string(.patientID) ?? "")
    }

    /// One target for each UID of the level, so that they can be divided.
    var parts: [RetrievalTarget] {
        let key = InformationModel.uniqueKey(of: level)
        let uids = identifier.uids(key)
        guard level != .patient, level != .image, uids.count > 1 else { return [self] }
        return uids.map { uid in
            var part = self
            part.identifier.set(key, uid)
            part.rows = rows.filter { $0.seriesInstanceUID == nil || $0.seriesInstanceUID == uid }
            return part
        }
    }
}

/// The targets of a run of move or get, in the order in which they are requested.
struct RetrievalPlan {
    private(set) var targets: [RetrievalTarget]

    /// Rows of a list that give no target: they cannot be read, or the server has nothing that matches.
    private(set) var rowFailures: [(row: RetrievalTarget.Row, result: RetrievalRows.Result)] = []
    /// True if the targets come from a list.
    let isList: Bool
    /// True if matches contradicted keys, which is reported with its remedy.
    private(set) var hasLeftOut = false
    /// True if the server could not be asked for all rows of the list, which is reported: nothing is to be retrieved.
    private(set) var isAbandoned = false

    /// Returns nil if it cannot be made, which is reported.
    ///
    /// - Parameter associations: those by which it is queried what there is.
    init?(
        _ options: RetrieveOptions, _ network: Network, _ associations: RetrievalAssociations, _ outcome: RunOutcome,
        _ environment: Environment
    ) {
        let model = options.query.informationModel
        let sopClass = options.method == .move ? model.moveSOPClass : model.getSOPClass
        let resolver = RetrievalResolver(options.query, network, associations, outcome, today: environment.today)
        defer { resolver.close() }
        targets = []
        isList = options.listPath != nil
        var unresolved: ArraySlice<RetrievalList.Entry> = []
        var query: Query?
        do throws(RetrievalResolver.Failure) {
            if let path = options.listPath {
                guard let list = RetrievalList(options, outcome, environment, path: path) else { return nil }
                Self.report(list.mistakes, path, outcome)
                rowFailures = list.mistakes.map { ($0.row, RetrievalRows.Result(outcome: .invalid, cause: $0.why)) }
                for (index, entry) in list.entries.enumerated() {
                    unresolved = list.entries[index...]
                    let found: [RetrievalTarget]
                    do throws(RetrievalResolver.Failure) {
                        found = try resolver.targets(for: Self.divisible(entry.identifier, options))
                    } catch .unconfirmed(let problem) {
                        // The other lines may name their entities by keys that the server knows.
                        outcome.fail(.failureStatus, problem)
                        let result = RetrievalRows.Result(outcome: .incomplete, cause: problem.line)
                        rowFailures += entry.rows.map { ($0, result) }
                        continue
                    }
                    if found.isEmpty {
                        let result = RetrievalRows.Result(
                            outcome: .notFound, listed: 0, received: 0, cause: Self.noMatch(of: entry.identifier))
                        rowFailures += entry.rows.map { ($0, result) }
                    }
                    targets += found.map {
                        RetrievalTarget(identifier: $0.identifier, level: $0.level, rows: entry.rows)
                    }
                }
            } else {
                let prepared: Query
                do throws(RunFailure) {
                    prepared = try QueryPreparation(options.query, network, environment).query(for: sopClass)
                } catch {
                    outcome.fail(error)
                    return nil
                }
                query = prepared
                targets = try resolver.targets(for: Self.divisible(prepared.identifier, options))
            }
        } catch {
            switch error {
            case .association(let error):
                var server = network.server(asked: .find)
                server.hasKeys = query != nil
                outcome.fail(error, calling: server)
            case .unconfirmed(let problem): outcome.fail(.failureStatus, problem)
            case .refused(let command):
                let hint = command.status.flatMap { query?.hint(for: $0) }
                outcome.fail(
                    .failureStatus,
                    Message(refusal: command, of: "C-FIND", by: network.peerName, service: .find, hint: hint))
            }
            guard isList else { return nil }
            isAbandoned = true
            let rows = targets.flatMap(\.rows) + unresolved.flatMap(\.rows)
            rowFailures += rows.map { ($0, RetrievalRows.Result(outcome: .notBegun)) }
            targets = []
        }
        hasLeftOut = resolver.hasLeftOut
        divide(options, outcome, isDivisible: network.connection.endTime != nil || network.pace != nil)
    }

    private static func noMatch(of identifier: DataSet) -> String {
        let isOfUID = !identifier.uids(.studyInstanceUID).isEmpty
        let compared = [Tag.patientID, .accessionNumber].filter { identifier[$0]?.isEmpty == false }
        guard isOfUID, !compared.isEmpty else { return "nothing on the server matches" }
        let names = compared.map { DataDictionary.keyword(of: $0) }.joined(separator: " and ")
        return "the server has no study with this UID and this \(names)"
    }

    func reportUnmatchedLines(to outcome: RunOutcome) {
        for (row, result) in rowFailures where result.outcome == .notFound {
            let name = row.name(outcome.diagnostics.redaction).map { ": \($0)" } ?? ""
            outcome.fail(.incomplete, Message("line \(row.line)\(name)", result.cause))
        }
    }

    private static func report(
        _ mistakes: [(row: RetrievalTarget.Row, why: String)], _ path: FilePath, _ outcome: RunOutcome
    ) {
        for mistake in mistakes.prefix(RetrievalList.maximumNamed) {
            outcome.fail(
                .incomplete, Message("\(path.displayed), line \(mistake.row.line): not retrieved", mistake.why))
        }
        if mistakes.count > RetrievalList.maximumNamed {
            let count = Quantity.count(mistakes.count, "row")
            outcome.fail(.incomplete, Message("\(path.displayed): \(count) not retrieved", "they are invalid"))
        }
    }

    /// Shares are made of studies, so that a patient is looked up study by study.
    private static func divisible(_ identifier: DataSet, _ options: RetrieveOptions) -> DataSet {
        guard options.shard != nil || options.takesStudies,
            identifier.string(.queryRetrieveLevel) == QueryLevel.patient.rawValue
        else { return identifier }
        var studies = identifier
        studies.set(.queryRetrieveLevel, .CS, QueryLevel.study.rawValue)
        studies.setEmpty(.studyInstanceUID, .UI)
        return studies
    }

    /// - Parameter isDivisible: true if the run may end between two studies or series, whatever the other options say.
    private mutating func divide(_ options: RetrieveOptions, _ outcome: RunOutcome, isDivisible: Bool) {
        if isDivisible || options.takesStudies || options.jobs != .fixed(1) || options.shard != nil || options.isDryRun
            || options.limit != nil
        {
            targets = targets.flatMap(\.parts)
        }
        targets = MatchOrder(options.query.sortKeys).sorted(targets, by: \.order)
        if let shard = options.shard {
            let all = targets.count
            targets = targets.filter { shard.contains($0.shardKey) }
            outcome.diagnostics.note(
                Message("share \(shard.number) of \(shard.count): \(targets.count) of \(all) to be retrieved"))
        }
        guard let limit = options.limit, targets.count > limit else { return }
        outcome.diagnostics.note(
            Message(
                "the first\(limit == 1 ? "" : " \(limit)") of \(targets.count) to be retrieved, as \(OptionName.limit) asks"
            ))
        targets = Array(targets.prefix(limit))
    }
}

/// `--dry-run`: shows what would be retrieved, with the number of instances, in a form that `--from-list` takes.
final class RetrievalPreview {
    private let options: RetrieveOptions
    private let network: Network
    private let associations: RetrievalAssociations
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        associations = RetrievalAssociations(network, options)
        self.outcome = outcome
        self.environment = environment
    }

    func show() {
        guard let plan = RetrievalPlan(options, network, associations, outcome, environment), !plan.isAbandoned else {
            return associations.releaseIdle()
        }
        defer { associations.releaseIdle() }
        let lists = StudyLists(plan.targets, associations, network, options.query.informationModel)
        let columns = options.query.informationModel.levels.map(InformationModel.uniqueKey(of:))
        let countColumn = Self.countColumn(plan.targets)
        var total = 0
        var isWhole = true
        do throws(ByteSinkError) {
            if outcome.events == nil {
                try environment.standardOutput.write(
                    CSVText.line((columns + [countColumn].compactMap(\.self)).map(DataDictionary.keyword)))
            }
            for target in plan.targets {
                let count = count(target, lists)
                total += count ?? 0
                isWhole = isWhole && count != nil
                if let events = outcome.events {
                    write(target, count, events)
                } else {
                    let values = columns.map { target.identifier.strings($0).joined(separator: "\\") }
                    let number = countColumn == nil ? [] : [count.map { String($0) } ?? ""]
                    try environment.standardOutput.write(CSVText.line(values + number))
                }
                if network.cancellation.isRaised { break }
            }
        } catch {
            return outcome.failOutput(error)
        }
        plan.reportUnmatchedLines(to: outcome)
        if plan.targets.isEmpty, options.query.failsIfNone, outcome.exitCode == .success {
            outcome.fail(.incomplete, Message(network.peerName, "nothing matches"))
        }
        outcome.summary.set(.expected, isWhole ? total : nil)
        outcome.diagnostics.note(
            Message(
                "\(network.peerName): \(Quantity.count(plan.targets.count, "request")) to make, "
                    + Quantity.count(total, "instance") + (isWhole ? "" : " or more; the server does not list all")))
    }

    /// The attribute for the number of instances: for people; ignored by `--from-list`, which needs the unique keys alone. Nil for
    /// instances, and for targets of several levels.
    private static func countColumn(_ targets: [RetrievalTarget]) -> Tag? {
        let levels = Set(targets.map(\.level))
        guard levels.count <= 1 else { return nil }
        return switch levels.first {
        case .patient: .numberOfPatientRelatedInstances
        case .study, nil: .numberOfStudyRelatedInstances
        case .series: .numberOfSeriesRelatedInstances
        case .image: nil
        }
    }

    private func count(_ target: RetrievalTarget, _ lists: StudyLists) -> Int? {
        do throws(AssociationError) {
            return try lists.expected(of: target, needsClasses: false).uids?.count
        } catch {
            outcome.fail(error, calling: network.server(asked: .find))
            return nil
        }
    }

    private func write(_ target: RetrievalTarget, _ count: Int?, _ events: EventWriter) {
        var event = RunEvent(.missing)
        event.set(.patientID, target.identifier.string(.patientID))
        event.set(.studyInstanceUID, target.identifier.string(.studyInstanceUID))
        event.set(.seriesInstanceUID, target.identifier.string(.seriesInstanceUID))
        event.set(.sopInstanceUID, target.identifier.strings(.sopInstanceUID).joined(separator: "\\"))
        event.set(.expected, count)
        events.write(event)
    }
}
