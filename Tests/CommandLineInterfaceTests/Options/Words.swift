import DICOMNode
import DICOMProtocol
import Testing

@testable import CommandLineInterface

/// Splits a command line as a shell does, as far as tests need: at spaces, with single and double quotes.
func words(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
        if let open = quote {
            if character == open { quote = nil } else { word = (word ?? "") + String(character) }
        } else if character == "'" || character == "\"" {
            quote = character
            word = word ?? ""
        } else if character == " " {
            if let word { words.append(word) }
            word = nil
        } else {
            word = (word ?? "") + String(character)
        }
    }
    if let word { words.append(word) }
    return words
}

/// What a command line that is good asks for; of two peers the first one.
func invocation(
    _ line: String, environment root: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Invocation {
    let parsed = try CommandLineParser(rootUIDFromEnvironment: root).parse(words(line))
    if case .performEach(let pair) = parsed, pair.count == 2, pair[0].operation.takesTwoPeers { return pair[0] }
    guard case .perform(let invocation) = parsed else {
        Issue.record("\(line) asks for no operation", sourceLocation: sourceLocation)
        throw UsageError(.noArguments, option: "", problem: "no operation")
    }
    return invocation
}

/// What is wrong with a command line.
func usageError(
    _ line: String, environment root: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) throws -> UsageError {
    try #require(
        throws: UsageError.self, "\(line) is accepted", sourceLocation: sourceLocation,
        performing: { _ = try CommandLineParser(rootUIDFromEnvironment: root).parse(words(line)) })
}

/// The options of a request, where a test knows the operation; of another they are those that nobody gave.
extension Invocation {
    var peer: Endpoint { connection.peer }
    var callingAETitle: AETitle { connection.callingAETitle }
    var calledAETitle: AETitle { connection.calledAETitle }

    var echo: EchoOptions { if case .echo(let options) = request { options } else { EchoOptions() } }
    var store: StoreOptions { if case .store(let options) = request { options } else { StoreOptions() } }
    var find: FindOptions { if case .find(let options) = request { options } else { FindOptions() } }
    var retrieve: RetrieveOptions? { if case .retrieve(let options) = request { options } else { nil } }
    var commit: StorageCommitmentOptions {
        if case .commit(let options) = request { options } else { StorageCommitmentOptions() }
    }

    /// The query of a find or of a retrieval.
    var query: QueryOptions { retrieve?.query ?? find.query }

    /// The files of a store or of storage commitment.
    var input: InputFiles {
        if case .commit(let options) = request { options.input } else { store.input }
    }
}
