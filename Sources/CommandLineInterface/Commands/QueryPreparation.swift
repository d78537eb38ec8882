import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The identifier of a query or retrieval and, where asked for, its copy in a file: made before anything is sent.
struct QueryPreparation {
    let identifier: DataSet
    let sopClass: UID
    let model: InformationModel
    let level: QueryLevel

    /// The one query of an operation that takes no more. Nil: it could not be made; reported.
    init?(
        _ options: QueryOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment, sopClass: UID?,
        purpose: QueryBuilder.Purpose
    ) {
        let operation = network.operation
        guard let sopClass else {
            outcome.fail(.usage, Message("\(operation.option)", "the information model has no such operation"))
            return nil
        }
        guard let all = Self.all(options, network, outcome, environment, purpose: purpose, sopClass: { _ in sopClass })
        else { return nil }
        guard all.count == 1 else {
            outcome.fail(
                .usage,
                Message(
                    "--query \(options.queryPath ?? "")",
                    "\(all.count) queries, and \(operation.option) takes one"))
            return nil
        }
        self = all[0]
    }

    private init(identifier: DataSet, sopClass: UID, model: InformationModel, level: QueryLevel) {
        self.identifier = identifier
        self.sopClass = sopClass
        self.model = model
        self.level = level
    }

    /// All queries of the run, in their order. Nil: one of them could not be made; reported, and none may be sent.
    static func all(
        _ options: QueryOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        purpose: QueryBuilder.Purpose, sopClass: (InformationModel) -> UID
    ) -> [QueryPreparation]? {
        do throws(UsageError) {
            guard let sources = try sources(options, outcome, environment) else { return nil }
            var queries: [QueryPreparation] = []
            for source in sources {
                queries.append(
                    try QueryAssembly(options, network, outcome, environment, purpose: purpose).query(
                        from: source, sopClass: sopClass))
            }
            for query in queries { outcome.diagnostics.redaction.learn(query.identifier) }
            return store(queries, options, network, outcome) ? queries : nil
        } catch {
            outcome.fail(.usage, Message(error))
            return nil
        }
    }

    static func query(
        _ identifier: DataSet, sopClass: UID, model: InformationModel, level: QueryLevel
    ) -> QueryPreparation {
        QueryPreparation(identifier: identifier, sopClass: sopClass, model: model, level: level)
    }

    /// What `--query` names, or a query of keys alone. Nil: it cannot be read; reported.
    private static func sources(
        _ options: QueryOptions, _ outcome: RunOutcome, _ environment: Environment
    ) throws(UsageError) -> [QuerySource.Content]? {
        guard let path = options.queryPath else { return [.keys([])] }
        let isStandardInput = path == "-"
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = isStandardInput ? try environment.readStandardInput() : try FileInput.read(path)
        } catch {
            outcome.fail(
                .localFiles,
                Message("cannot read the query from \(isStandardInput ? "standard input" : path)", error.reason))
            return nil
        }
        return try QuerySource.parse(
            bytes, name: isStandardInput ? "standard input" : path, encoding: environment.localeEncoding)
    }

    /// Writes the query that is about to be sent to the file of `--store-query`. False: it cannot be written; reported.
    private static func store(
        _ queries: [QueryPreparation], _ options: QueryOptions, _ network: Network, _ outcome: RunOutcome
    ) -> Bool {
        guard let path = options.storeQueryPath else { return true }
        guard let query = queries.first, queries.count == 1 else {
            outcome.fail(.usage, Message("--store-query \(path)", "\(queries.count) queries do not fit into one file"))
            return false
        }
        let bytes = QueryFile.encode(query.identifier, sopClass: query.sopClass, instance: network.newUID())
        do throws(SystemError) {
            try FileSink.write(bytes, to: path)
            return true
        } catch {
            outcome.fail(.localFiles, Message("cannot write the query to \(path)", error.reason))
            return false
        }
    }
}
