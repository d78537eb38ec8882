package import DICOM
package import DICOMNode

/// An answer as it is looked at: whatever its status, with at most the beginning of its body.
package struct WebLook {
    package let head: HTTPHead
    /// The reason why the answer is no success; nil for one that is.
    package let error: WebError?
    /// Of the connection and the answer.
    package let timings: HTTPTimings

    package var isSuccess: Bool { error == nil }

    /// True if the service is not there: it answers so to each request for it.
    package var isNotOffered: Bool { [404, 405, 501].contains(head.status) }

    /// True for a page of a web server in the place of what was asked for.
    package var isPage: Bool { head.mediaType.name.contains("html") }
}

/// The first matches of a list.
package struct WebPage {
    package var matches: [DataSet] = []
    /// The header fields Warning; empty where the list was not read to its end.
    package var warnings: [String] = []

    package init() {}
}

/// What came of a request for an instance, of which nothing is kept.
package struct SampleInstance {
    /// The media type of the answer.
    package var mediaType: MediaType
    /// The transfer syntax that the file itself names; nil if its beginning cannot be read.
    package var transferSyntax: UID?
    /// In bytes; of a file that is longer than the limit, those that were read.
    package var length: Int
    /// True if the answer was read to its end.
    package var isWhole: Bool
}

// Small requests that change nothing, by which a server is examined.
extension WebSession {
    /// The media types in which instances are asked for, by what they show.
    package enum SampleForm: Sendable, CaseIterable {
        /// As they are stored.
        case stored
        /// In the syntax that the standard has by default.
        case standard
        /// As one file without an envelope for many.
        case single

        package var accept: String {
            switch self {
            case .stored: "multipart/related; type=\"application/dicom\"; transfer-syntax=*"
            case .standard: "multipart/related; type=\"application/dicom\""
            case .single: "application/dicom; transfer-syntax=*"
            }
        }
    }

    /// Looks at the answer to a GET.
    ///
    /// - Throws: the error by which no answer came.
    package func look(_ target: String, accept: String? = nil) throws(AssociationError) -> WebLook {
        try look(HTTPRequest(.get, target, at: bases.query, accept: accept ?? Self.json))
    }

    /// Looks at the answer to the small query by which there is DICOMweb at the URL.
    ///
    /// - Throws: the error by which no answer came.
    package func look() throws(AssociationError) -> WebLook { try look(Self.smallQuery) }

    /// Looks whether values of queries are decoded: a server that does not takes this one for no number.
    ///
    /// - Throws: the error by which no answer came.
    package func lookForDecoding() throws(AssociationError) -> WebLook { try look(Self.encodedQuery) }

    /// Looks at the answer to a request to store nothing.
    ///
    /// - Throws: the error by which no answer came.
    package func lookForStorage() throws(AssociationError) -> WebLook {
        try post(
            Self.storePath, "multipart/related; type=\"application/dicom\"; boundary=\(MultipartBody.boundary)",
            "--\(MultipartBody.boundary)--\r\n")
    }

    /// Looks at the answer to a request to commit to nothing.
    ///
    /// - Throws: the error by which no answer came.
    package func lookForCommitment(_ transaction: UID) throws(AssociationError) -> WebLook {
        try post(Self.commitmentPath(transaction), Self.json, "{}")
    }

    private func post(_ target: String, _ type: String, _ body: String) throws(AssociationError) -> WebLook {
        var request = HTTPRequest(.post, target, at: bases.storage, accept: Self.json)
        request.headers.append(("Content-Type", type))
        request.body = BytesBody(Array(body.utf8))
        return try look(request)
    }

    private func look(_ request: HTTPRequest) throws(AssociationError) -> WebLook {
        let answer = try perform(request)
        return WebLook(
            head: answer.head, error: answer.isSuccess ? nil : failure(answer, request), timings: answer.timings)
    }

    /// The first matches of a list, at most so many.
    ///
    /// - Throws: `AssociationError`, `.web` with the status among them.
    package func page(_ target: String, most count: Int) throws(AssociationError) -> WebPage {
        var page = WebPage()
        let head = try list(target) { match in
            page.matches.append(match)
            return page.matches.count < count ? .goOn : .cancel
        }
        page.warnings = head?.fields("warning") ?? []
        return page
    }

    /// Retrieves an instance by WADO-RS without keeping anything of it.
    ///
    /// - Throws: `AssociationError`, `.web` among them, if what came is no instance.
    package func sample(
        _ resource: WebResource, _ form: SampleForm, most maximum: Int
    ) throws(AssociationError) -> SampleInstance {
        guard let path = resource.path else { throw .web(WebError(.notPossible, "a UID of the list is none")) }
        let request = HTTPRequest(.get, path, at: bases.retrieval, accept: form.accept)
        let reader = SampleReader(request, maximum)
        do throws(AssociationError) {
            _ = try answer(to: request, reader: reader)
        } catch {
            guard reader.isOver else { throw error }
        }
        return try reader.finish()
    }

    /// The path of a resource below the base URL; nil if one of its UIDs is none.
    package static func path(of resource: WebResource) -> String? { resource.path }
}

/// Counts an instance, and keeps its beginning.
private final class SampleReader: ResponseReader {
    private let request: HTTPRequest
    private let maximum: Int
    private let part = SamplePart()
    private var type = MediaType("")
    private var multipart: MultipartReader?
    private var length = 0
    /// True if it is longer than was wanted.
    private(set) var isOver = false

    init(_ request: HTTPRequest, _ maximum: Int) {
        self.request = request
        self.maximum = maximum
    }

    func begin(_ head: HTTPHead) throws(AssociationError) {
        type = head.mediaType
        guard type.name.hasPrefix("multipart/") else { return }
        guard let reader = type.parameter("boundary").flatMap({ MultipartReader(boundary: $0) }) else {
            throw failure(.unexpected, "the answer has parts, and no boundary between them")
        }
        multipart = reader
    }

    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        length += bytes.count
        if multipart == nil {
            try part.read(bytes)
        } else {
            try multipart?.read(bytes, into: part, problem: { self.failure(.unexpected, $0.words) })
        }
        guard length > maximum else { return }
        isOver = true
        throw .interrupted(.graceful)
    }

    func finish() throws(AssociationError) -> SampleInstance {
        if let multipart, !isOver, !multipart.isClosed {
            throw failure(.incomplete, "the answer ends without its closing boundary")
        }
        guard let syntax = part.transferSyntax else {
            throw failure(.unexpected, "the answer is \(type.name.isEmpty ? "empty" : type.name), and no instance")
        }
        return SampleInstance(mediaType: type, transferSyntax: syntax, length: length, isWhole: !isOver)
    }

    private func failure(_ code: WebError.Code, _ words: String) -> AssociationError {
        .web(WebError(code, words, request: request.name))
    }
}

/// Keeps the beginning of the first part, where its file meta information is.
private final class SamplePart: PartReader {
    private var beginning: [UInt8] = []
    private var parts = 0
    /// Private information makes it longer than that at times; nothing is told of the syntax then.
    private static let longestBeginning = 64 * 1024

    func beginPart(_ type: MediaType) throws(AssociationError) { parts += 1 }

    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        guard parts < 2 else { return }
        beginning.append(contentsOf: bytes.prefix(Self.longestBeginning - beginning.count))
    }

    func endPart() throws(AssociationError) {}

    var transferSyntax: UID? { (try? FileMetaInformation.decode(beginning[...]))?.meta.transferSyntax.uid }
}
