import DICOMNode

/// Reads an answer that is a list in JSON as it arrives: an element at a time.
final class JSONListReader: ResponseReader {
    /// Makes the error of an answer that is not what was asked for.
    typealias Failure = (_ words: String) -> AssociationError

    private let request: HTTPRequest
    private let instead: String
    private let onElement: ([UInt8], Failure) throws(AssociationError) -> Void
    private var json = JSONMatchReader()

    /// - Parameters:
    ///   - instead: what an answer in another media type is not, in words.
    ///   - onElement: called with each element as it was sent.
    init(
        _ request: HTTPRequest, insteadOf instead: String,
        onElement: @escaping ([UInt8], Failure) throws(AssociationError) -> Void
    ) {
        self.request = request
        self.instead = instead
        self.onElement = onElement
    }

    func begin(_ head: HTTPHead) throws(AssociationError) {
        let type = head.mediaType.name
        // Servers name it in many ways; HTML is of a web server, and XML cannot be read.
        guard !type.contains("html"), !type.contains("xml"), !type.hasPrefix("multipart/") else {
            throw failure("the answer is \(type), and \(instead)")
        }
    }

    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        try json.read(bytes, problem: { self.failure($0.words) }) { element throws(AssociationError) in
            try onElement(element, failure)
        }
    }

    /// The answer has come to its end.
    ///
    /// - Throws: `.web` with `.incomplete` if the list has not.
    func finish() throws(AssociationError) {
        do throws(JSONMatchReader.Problem) { try json.finish() } catch {
            throw .web(WebError(.incomplete, error.words, request: request.name))
        }
    }

    private func failure(_ words: String) -> AssociationError {
        .web(WebError(.unexpected, words, request: request.name))
    }
}
