import DICOM
import DICOMNode
import DICOMProtocol

/// What a run of move or get is to retrieve, in the order in which it is asked for.
struct RetrievalPlan {
    private(set) var targets: [RetrievalTarget]

    /// Lines of a list for which the server has nothing.
    private(set) var unmatchedLines: [Int] = []

    /// Nil: it cannot be made; reported.
    init?(
        _ options: RetrieveOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        sopClass: UID?
    ) {
        let resolver = RetrievalResolver(options.query, network, outcome)
        defer { resolver.close() }
        targets = []
        do throws(RetrievalResolver.Failure) {
            if let path = options.listPath {
                guard let list = RetrievalList(options.query, outcome, environment, path: path) else { return nil }
                for entry in list.entries {
                    let found = try resolver.targets(for: Self.divisible(entry.identifier, options))
                    if found.isEmpty { unmatchedLines += entry.rows.map(\.line) }
                    targets += found.map {
                        RetrievalTarget(identifier: $0.identifier, level: $0.level, rows: entry.rows)
                    }
                }
            } else {
                guard
                    let query = QueryPreparation(
                        options.query, network, outcome, environment, sopClass: sopClass, purpose: .query)
                else { return nil }
                targets = try resolver.targets(for: Self.divisible(query.identifier, options))
            }
        } catch {
            switch error {
            case .association(let error): outcome.fail(error, calling: network.server)
            case .refused(let command):
                outcome.fail(
                    .failureStatus, Message(refusal: command, of: "C-FIND", by: network.peerName, service: .find))
            }
            return nil
        }
        divide(options, outcome)
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
