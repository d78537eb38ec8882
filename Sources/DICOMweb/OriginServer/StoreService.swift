import DICOM
import DICOMNode
import DICOMProtocol
import System

/// Stores the instances of a request, PS3.18 10.5: each goes to its file while it arrives, by the way of those that come by C-STORE.
struct StoreService {
    let archive: any WebArchive
    /// What the requests of all clients share.
    let memory: MemoryBudget

    /// In bytes: some thirty thousand parts.
    static let standardMemory = 64 << 20
    /// What a part takes until the answer is sent, with its line there.
    static let memoryOfPart = 2 << 10
    /// The parts of a request, at most: each has a line in the answer, whose UIDs have at most 64 characters.
    static let maximumParts = 10_000
    private static let dicom = "application/dicom"
    private static let json = ["application/dicom+json", "application/json"]

    /// - Parameter study: the study that all instances have to belong to; nil for any.
    /// - Returns: what was answered, for the log.
    /// - Throws: `.refused` with 400, 406, 411 or 415, otherwise the error of the connection.
    func answer(
        _ study: UID?, _ request: ServedRequest, _ acceptance: Acceptance, _ response: ResponseWriter
    ) throws(ExchangeFailure) -> String {
        guard let type = acceptance.preferred(Self.json) else {
            throw .refused(Refusal(406, "the answer to a store is \(Self.json[0]) here"))
        }
        guard var multipart = MultipartReader(boundary: try Self.boundary(of: request)) else {
            throw .refused(Refusal(400, "the boundary has to have 1 to \(MultipartReader.maximumBoundary) characters"))
        }
        guard request.head.body != .none else {
            throw .refused(Refusal(411, "neither Content-Length nor chunks: where is the body?"))
        }
        let parts = StoredParts(archive, study, request.peer, ReservedMemory(of: memory))
        defer { parts.drop() }
        var refusal: Refusal?
        do throws(ExchangeFailure) {
            while try request.body.read({ (bytes) throws(ExchangeFailure) in
                try multipart.read(bytes, into: parts, problem: { .refused(Refusal(400, $0.words)) })
            }) {}
            if !multipart.isClosed { refusal = Refusal(400, "the body ends without its closing boundary") }
        } catch .refused(let why) {
            refusal = why
        }
        guard !parts.isEmpty else { throw .refused(refusal ?? Refusal(400, "the body has no parts")) }
        if refusal != nil {
            // What is left of the body is not understood either.
            response.closes = true
            parts.cut()
        }
        // What is stored is stored, although the request as a whole is none.
        let status = refusal.map { parts.hasStored ? 202 : $0.status } ?? parts.status
        var json: [UInt8] = []
        DICOMJSON.append(parts.answer(request.origin), to: &json)
        try response.send(status, [HTTPField("Content-Type", type)] + (refusal?.fields ?? []), json)
        return parts.summary + (refusal.map { ", \($0.words)" } ?? "")
    }

    private static func boundary(of request: ServedRequest) throws(ExchangeFailure) -> String {
        let type = MediaType(request.head.field("content-type") ?? "")
        guard type.name == "multipart/related", type.parameter("type")?.lowercased() == dicom else {
            throw .refused(
                Refusal(415, "instances are stored as multipart/related; type=\"\(dicom)\"; boundary=..."))
        }
        guard request.head.field("content-encoding").map({ $0.lowercased() == "identity" }) ?? true else {
            throw .refused(Refusal(415, "the body is compressed, and not unpacked here"))
        }
        guard let boundary = type.parameter("boundary") else {
            throw .refused(Refusal(400, "the Content-Type has no boundary"))
        }
        return boundary
    }
}

/// The parts of one request, and what became of each.
private final class StoredParts: PartReader {
    private struct Entry {
        let sopClassUID: UID
        let sopInstanceUID: UID
        let studyInstanceUID: UID?
        let status: DIMSEStatus
        /// Below the base URL; nil for one that was not stored, or whose UIDs make no path.
        let path: String?
    }

    private let archive: any WebArchive
    private let study: UID?
    private let receiver: InstanceReceiver
    private let peer: String
    private let memory: ReservedMemory
    private var stored: [Entry] = []
    private var failed: [Entry] = []
    /// Parts that are no instances.
    private var others: [DIMSEStatus] = []
    private var dropped = 0
    private var arriving: ArrivingFile?
    private var fault: WebStoreFault?

    init(_ archive: any WebArchive, _ study: UID?, _ peer: String, _ memory: ReservedMemory) {
        self.memory = memory
        self.archive = archive
        self.study = study
        self.peer = peer
        receiver = archive.receiver(from: peer)
    }

    private var count: Int { stored.count + failed.count + others.count + dropped }

    var isEmpty: Bool { count == 0 }

    var hasStored: Bool { !stored.isEmpty }

    /// PS3.18 10.5.3.1.
    var status: Int {
        if failed.isEmpty, others.isEmpty { return 200 }
        return stored.isEmpty ? 409 : 202
    }

    var summary: String {
        let failures = failed.count + others.count
        return "\(stored.count) stored" + (failures > 0 ? ", \(failures) failed" : "")
            + (dropped > 0 ? ", \(dropped) dropped (injected)" : "")
    }

    func beginPart(_ type: MediaType) throws(ExchangeFailure) {
        guard count < StoreService.maximumParts else {
            throw .refused(Refusal(413, "more than \(StoreService.maximumParts) parts"))
        }
        guard memory.grow(by: StoreService.memoryOfPart) else {
            let later = HTTPField("Retry-After", "1")
            throw .refused(Refusal(503, "too many parts of all clients at once", fields: [later]))
        }
        fault = archive.nextStoreFault()
        let isInstance = type.name.isEmpty || type.name == "application/dicom"
        arriving = isInstance ? ArrivingFile(for: fault == nil ? receiver : nil, study: study) : nil
    }

    func read(_ bytes: UnsafeRawBufferPointer) throws(ExchangeFailure) { arriving?.write(bytes) }

    func endPart() throws(ExchangeFailure) {
        defer { arriving = nil }
        guard let arriving else { return others.append(.cannotUnderstand) }
        arriving.end()
        var status: DIMSEStatus
        var path: String?
        switch (fault, arriving.problem) {
        case (.silentDrop?, _):
            dropped += 1
            return archive.report(peer: peer, "\(arriving.sopInstanceUID): dropped (injected)", isTrouble: true)
        case (_, .notDICOM(let why)?):
            archive.report(peer: peer, "a part is no file of DICOM: \(why)", isTrouble: true)
            return others.append(.cannotUnderstand)
        case (_, .longUID?):
            archive.report(
                peer: peer, "a part has a UID of more than \(UID.maximumLength) characters", isTrouble: true)
            return others.append(.cannotUnderstand)
        case (_, .otherStudy?): status = .processingFailure
        case (_, .noStudy?):
            archive.report(peer: peer, "\(arriving.sopInstanceUID): no Study Instance UID, not stored", isTrouble: true)
            status = .dataSetDoesNotMatchSOPClass
        case (.status(let injected)?, nil): status = injected
        case (nil, nil):
            guard let incoming = arriving.incoming else { return others.append(.cannotUnderstand) }
            status = archive.storing { incoming.finish() }
            incoming.close()
            guard status == .success else { break }
            if let resource = archive.resource(of: arriving.sopInstanceUID) {
                path = resource.path
            } else {
                // The file is there, but nobody finds what is in it.
                status = .processingFailure
            }
        }
        let entry = Entry(
            sopClassUID: arriving.sopClassUID, sopInstanceUID: arriving.sopInstanceUID,
            studyInstanceUID: arriving.studyInstanceUID, status: status,
            path: path)
        if status == .success { stored.append(entry) } else { failed.append(entry) }
    }

    /// Counts the part that is not whole, or is not understood any more.
    func cut() {
        drop()
        others.append(.processingFailure)
    }

    /// Drops an instance that the request has ended in the middle of.
    func drop() {
        arriving?.incoming?.cutOff()
        arriving = nil
    }

    /// The data set of PS3.18 I.2.
    func answer(_ origin: String) -> DataSet {
        var answer = DataSet()
        let studies = Set(stored.compactMap(\.studyInstanceUID))
        let path = studies.count == 1 ? studies.first.flatMap { WebResource(study: $0).path } : nil
        Self.setRetrieveURL(path, origin, in: &answer)
        if !failed.isEmpty {
            answer.set(
                .failedSOPSequence,
                items: failed.map { entry in
                    var item = Self.reference(entry)
                    item.setUInt16(.failureReason, entry.status.rawValue)
                    return item
                })
        }
        if !stored.isEmpty {
            answer.set(
                .referencedSOPSequence,
                items: stored.map { entry in
                    var item = Self.reference(entry)
                    Self.setRetrieveURL(entry.path, origin, in: &item)
                    return item
                })
        }
        if !others.isEmpty {
            answer.set(
                .otherFailuresSequence,
                items: others.map { status in
                    var item = DataSet()
                    item.setUInt16(.failureReason, status.rawValue)
                    return item
                })
        }
        return answer
    }

    /// The Retrieve URL is there also where it is not known, of type 2.
    private static func setRetrieveURL(_ path: String?, _ origin: String, in item: inout DataSet) {
        guard let path else { return item.setEmpty(.retrieveURL, .UR) }
        item.set(.retrieveURL, .UR, origin + path)
    }

    private static func reference(_ entry: Entry) -> DataSet {
        var item = DataSet()
        item.set(.referencedSOPClassUID, entry.sopClassUID)
        item.set(.referencedSOPInstanceUID, entry.sopInstanceUID)
        return item
    }
}
