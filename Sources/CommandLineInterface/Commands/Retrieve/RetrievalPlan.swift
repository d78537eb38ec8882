import DICOM
import DICOMNode
import DICOMProtocol
import System

/// One thing to be retrieved by one request: a patient, studies, series, or instances of a series.
struct RetrievalTarget: Sendable {
    /// The identifier of the C-MOVE or C-GET: level and unique keys, PS3.4 C.4.2.2.1.
    let identifier: DataSet
    let level: QueryLevel
    /// The lines of a list that asked for it.
    var rows: [Row] = []

    struct Row: Sendable {
        let line: Int
        /// The instance that the line names, where it names one.
        let sopInstanceUID: UID?
    }

    init(identifier: DataSet, level: QueryLevel, rows: [Row] = []) {
        self.identifier = identifier
        self.level = level
        self.rows = rows
    }

    /// The name for messages, which never identifies a patient.
    var name: String {
        let uids = identifier.uids(InformationModel.uniqueKey(of: level))
        switch (level, uids.count) {
        case (.patient, _): return rows.isEmpty ? "patient" : "patient of line \(rows[0].line)"
        case (.study, 1): return "study \(uids[0])"
        case (.study, let count): return "\(count) studies"
        case (.series, 1): return "series \(uids[0])"
        case (.series, let count): return "\(count) series"
        case (.image, 1): return "instance \(uids[0])"
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
            var part = identifier
            part.set(key, uid)
            return RetrievalTarget(identifier: part, level: level, rows: rows)
        }
    }
}

/// The targets of a run of move or get, in the order in which they are requested.
struct RetrievalPlan {
    private(set) var targets: [RetrievalTarget]

    /// Lines of a list for which the server has nothing.
    private var unmatchedLines: [Int] = []

    /// Returns nil if it cannot be made, which is reported.
    init?(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        let model = options.query.informationModel
        let sopClass = options.method == .move ? model.moveSOPClass : model.getSOPClass
        let resolver = RetrievalResolver(options.query, network, outcome)
        defer { resolver.close() }
        targets = []
        do throws(RetrievalResolver.Failure) {
            if let path = options.listPath {
                guard let list = RetrievalList(options.query, outcome, environment, path: path)
                else { return nil }
                for entry in list.entries {
                    let found: [RetrievalTarget]
                    do throws(RetrievalResolver.Failure) {
                        found = try resolver.targets(for: Self.divisible(entry.identifier, options))
                    } catch .unconfirmed(let problem) {
                        // The other lines may name their entities by keys that the server knows.
                        outcome.fail(.failureStatus, problem)
                        continue
                    }
                    if found.isEmpty { unmatchedLines += entry.rows.map(\.line) }
                    targets += found.map {
                        RetrievalTarget(identifier: $0.identifier, level: $0.level, rows: entry.rows)
                    }
                }
            } else {
                let query: Query
                do throws(RunFailure) {
                    query = try QueryPreparation(options.query, network, environment).query(for: sopClass)
                } catch {
                    outcome.fail(error)
                    return nil
                }
                targets = try resolver.targets(for: Self.divisible(query.identifier, options))
            }
        } catch {
            switch error {
            case .association(let error): outcome.fail(error, calling: network.server(asked: .find))
            case .unconfirmed(let problem): outcome.fail(.failureStatus, problem)
            case .refused(let command):
                outcome.fail(
                    .failureStatus, Message(refusal: command, of: "C-FIND", by: network.peerName, service: .find))
            }
            return nil
        }
        divide(options, outcome)
    }

    func reportUnmatchedLines(to outcome: RunOutcome) {
        for line in unmatchedLines {
            outcome.fail(.incomplete, Message("line \(line)", "nothing on the server matches"))
        }
    }

    /// Shares are made of studies, so that a patient is looked up study by study.
    private static func divisible(_ identifier: DataSet, _ options: RetrieveOptions) -> DataSet {
        guard options.shard != nil,
            identifier.string(.queryRetrieveLevel) == QueryLevel.patient.rawValue
        else { return identifier }
        var studies = identifier
        studies.set(.queryRetrieveLevel, .CS, QueryLevel.study.rawValue)
        studies.setEmpty(.studyInstanceUID, .UI)
        return studies
    }

    private mutating func divide(_ options: RetrieveOptions, _ outcome: RunOutcome) {
        if options.jobs > 1 || options.shard != nil || options.isDryRun { targets = targets.flatMap(\.parts) }
        guard let shard = options.shard else { return }
        let all = targets.count
        targets = targets.filter { shard.contains($0.shardKey) }
        outcome.diagnostics.note(
            Message("share \(shard.number) of \(shard.count): \(targets.count) of \(all) to be retrieved"))
    }
}

/// `--dry-run`: shows what would be retrieved, with the number of instances, in a form that `--from-list` takes.
final class RetrievalPreview {
    private let options: RetrieveOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func show(_ plan: RetrievalPlan) {
        let columns = options.query.informationModel.levels.map(InformationModel.uniqueKey(of:))
        var total = 0
        var isWhole = true
        do throws(ByteSinkError) {
            if outcome.events == nil {
                try environment.standardOutput.write(
                    CSVText.line(columns.map(DataDictionary.keyword) + [Self.countColumn]))
            }
            for target in plan.targets {
                let count = count(target)
                total += count ?? 0
                isWhole = isWhole && count != nil
                if let events = outcome.events {
                    write(target, count, events)
                } else {
                    let values = columns.map { target.identifier.strings($0).joined(separator: "\\") }
                    try environment.standardOutput.write(CSVText.line(values + [count.map { String($0) } ?? ""]))
                }
                if network.cancellation.isRaised { break }
            }
        } catch {
            return outcome.fail(.localFiles, Message("standard output", error.description))
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

    /// For people; ignored by `--from-list`, which needs the unique keys alone.
    private static let countColumn = "NumberOfStudyRelatedInstances"

    private func count(_ target: RetrievalTarget) -> Int? {
        do throws(AssociationError) {
            return try ExpectedInstances.list(network, options.query.informationModel, target).uids?.count
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
