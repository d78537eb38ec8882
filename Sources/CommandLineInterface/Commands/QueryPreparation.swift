import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Prepares the queries of a run before anything is sent: reads the query file, assembles the queries, warns of misplaced keys, and
/// writes the copy of `--store-query`.
struct QueryPreparation {
    private let options: QueryOptions
    private let network: Network
    private let environment: Environment

    init(_ options: QueryOptions, _ network: Network, _ environment: Environment) {
        self.options = options
        self.network = network
        self.environment = environment
    }

    /// What the peer and the locale make of keys.
    var assembly: QueryAssembly {
        QueryAssembly(
            options: options, negotiation: network.connection.queryNegotiation, today: environment.today,
            localeCharacterSet: QueryCharacterSet.definedTerm(forCodeset: environment.codeset),
            asksEachValue: network.connection.web != nil)
    }

    /// All queries of the run, in their order.
    ///
    /// - Throws: ``RunFailure`` if a file cannot be read, or a query cannot be made; then none may be sent.
    func queries() throws(RunFailure) -> [Query] {
        let assembly = assembly
        var queries: [Query] = []
        for content in try contents() {
            do throws(UsageError) { queries.append(try assembly.query(from: content)) } catch {
                throw RunFailure(error)
            }
        }
        for query in queries { network.diagnostics.redaction.learn(query.identifier) }
        return queries
    }

    /// Warns of misplaced keys, and writes the copy, before anything is sent.
    ///
    /// - Parameter sopClass: the SOP class for an information model, for the copy.
    /// - Throws: ``RunFailure`` if the copy cannot be written.
    func prepare(_ queries: [Query], _ sopClass: (InformationModel) -> UID) throws(RunFailure) {
        for key in options.keys where key.isNamed && key.isBlank && isUniqueKey(key.tag) {
            network.diagnostics.warning(
                Message("\(key.name) has no value, and matches everything", "an empty variable?"))
        }
        for query in queries {
            for key in query.complaints { network.diagnostics.warning(Message(key.name, key.why)) }
        }
        try store(queries, sopClass)
    }

    /// True for the attributes that name an entity: nobody asks for one of them with an empty value in earnest.
    private func isUniqueKey(_ tag: Tag) -> Bool {
        QueryLevel.allCases.contains { InformationModel.uniqueKey(of: $0) == tag }
    }

    /// The query of a retrieval, which takes only one.
    ///
    /// - Parameter sopClass: of the operation; nil if the information model does not have it.
    /// - Throws: ``RunFailure`` as ``queries()`` does, if there are several queries or no SOP class, and if a key would retrieve
    ///   more than it says.
    func query(for sopClass: UID?) throws(RunFailure) -> Query {
        let operation = network.operation
        try refuseBlankKeys()
        guard let sopClass else {
            throw RunFailure(.usage, Message("\(operation.option)", "the information model has no such operation"))
        }
        let queries = try queries()
        guard queries.count == 1, let query = queries.first else {
            throw RunFailure(
                .usage,
                Message(
                    "\(OptionName.query) \(options.queryPath?.displayed ?? "")",
                    "\(queries.count) queries, and \(operation.option) takes one"))
        }
        if !options.trustsServer, let widening = WideningKey(in: query.identifier, query.model, query.level) {
            let why = widening.why(operation == .compare ? "compared" : "retrieved")
            throw RunFailure(.usage, Message(widening.name, why, hint: widening.hint))
        }
        try prepare([query.ofRetrieval], { _ in sopClass })
        return query
    }

    /// A variable of a script that is empty must not retrieve everybody's images. A tag without a value is gdcmscu's way to ask for
    /// an attribute, and only warned of.
    private func refuseBlankKeys() throws(RunFailure) {
        let verb = network.operation == .compare ? "compare" : "retrieve"
        for key in options.keys where key.isBlank {
            let message = Message(
                "\(key.name) has no value, and matches everything",
                "an empty variable? To \(verb) whatever it is, leave the key out")
            if key.isNamed || !key.value.isEmpty { throw RunFailure(.usage, message) }
            network.diagnostics.warning(message)
        }
    }

    /// The queries of the query file; without one a query of the options alone.
    private func contents() throws(RunFailure) -> [QueryFile.Content] {
        guard let path = options.queryPath else { return [.keys([])] }
        let isStandardInput = path == "-"
        let name = isStandardInput ? "standard input" : path.displayed
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = isStandardInput ? try environment.readStandardInput() : try FileInput.read(path)
        } catch {
            throw RunFailure(.localFiles, Message("cannot read the query from \(name)", error.reason))
        }
        do throws(UsageError) {
            return try QueryFile.parse(bytes, name: name, encoding: environment.localeEncoding)
        } catch {
            throw RunFailure(error)
        }
    }

    /// Writes the copy of the query, if one is asked for.
    private func store(_ queries: [Query], _ sopClass: (InformationModel) -> UID) throws(RunFailure) {
        guard let path = options.storeQueryPath else { return }
        guard let query = queries.first, queries.count == 1 else {
            throw RunFailure(
                .usage,
                Message(
                    "\(OptionName.storeQuery) \(path.displayed)", "\(queries.count) queries do not fit into one file"))
        }
        let bytes = QueryFile.encode(
            query.identifier, sopClass: sopClass(query.model), instance: network.newUID())
        do throws(FileProblem) {
            try RecordFile(path, .query).replaceContent(bytes)
        } catch {
            throw RunFailure(.localFiles, Message("cannot write the query to \(path.displayed)", error.cause))
        }
    }
}
