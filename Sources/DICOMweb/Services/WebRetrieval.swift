package import DICOM
package import DICOMNode
import DICOMProtocol

/// A study, a series or an instance, as the path of a request names it (PS3.18 10.4).
package struct WebResource: Sendable, Hashable {
    package let study: UID
    package let series: UID?
    package let instance: UID?

    package init(study: UID, series: UID? = nil, instance: UID? = nil) {
        self.study = study
        self.series = series
        self.instance = instance
    }

    /// Nil if one of the UIDs is none: it would be another path.
    var path: String? {
        guard study.isValid, series?.isValid != false, instance?.isValid != false else { return nil }
        return "/studies/\(study)" + (series.map { "/series/\($0)" } ?? "")
            + (instance.map { "/instances/\($0)" } ?? "")
    }
}

extension WebSession {
    /// All transfer syntaxes, so that the server sends each instance as it is stored (PS3.18 8.7.3). Servers refuse lists of types.
    private static let instances = "multipart/related; type=\"application/dicom\"; transfer-syntax=*"
    private static let instance = "application/dicom; transfer-syntax=*"

    private static func instances(as syntax: UID) -> String {
        "multipart/related; type=\"application/dicom\"; transfer-syntax=\(syntax)"
    }

    /// Retrieves by WADO-RS the instances of a resource; each goes to the receiver, and gets its name when it is whole.
    ///
    /// - Parameters:
    ///   - preferred: the transfer syntaxes that are asked for first, in this order. A server that does not give the resource in one of
    ///     them is asked for the next one, at last for the instances as they are stored.
    ///   - mayGoOn: asked after each instance; false ends the retrieval without an error.
    ///   - onInstance: called after each instance that was received, whether it could be stored or not.
    /// - Throws: `.web` if the answer is not whole, or none of instances; the error by which no answer came.
    package func retrieve(
        _ resource: WebResource, into receiver: InstanceReceiver, preferring preferred: [UID] = [],
        mayGoOn: @escaping () -> Bool, onInstance: @escaping () -> Void = {}
    ) throws(AssociationError) {
        guard let path = resource.path else {
            throw .web(WebError(.notPossible, "a UID of the list is none: \(resource.instance ?? resource.study)"))
        }
        guard interface == .dicomWeb else { return try retrieveEach(of: resource, receiver, mayGoOn, onInstance) }
        for syntax in preferred {
            do throws(AssociationError) {
                return try retrieve(path, Self.instances(as: syntax), receiver, mayGoOn, onInstance)
            } catch .web(let error) where error.code.isOfForm {}
        }
        do throws(AssociationError) {
            try retrieve(path, Self.instances, receiver, mayGoOn, onInstance)
        } catch .web(let error) where resource.instance != nil {
            // Some servers give one instance only without the envelope for many.
            guard error.code.isOfForm else { throw .web(error) }
            do throws(AssociationError) {
                try retrieve(path, Self.instance, receiver, mayGoOn, onInstance)
            } catch .web(let second) {
                if case .status(400...499) = second.code { throw .web(error) }
                throw .web(second)
            }
        }
    }

    /// Retrieves from Orthanc file by file; what fails of one is no matter of the others.
    private func retrieveEach(
        of resource: WebResource, _ receiver: InstanceReceiver, _ mayGoOn: @escaping () -> Bool,
        _ onInstance: @escaping () -> Void
    ) throws(AssociationError) {
        var problem: WebError?
        for id in try instancesInOrthanc(of: resource) where mayGoOn() {
            do throws(AssociationError) {
                try retrieve("/instances/\(id)/file", "application/dicom", receiver, mayGoOn, onInstance)
            } catch .web(let error) {
                guard error.code.isOfOneResource else { throw .web(error) }
                problem = problem ?? error
            }
        }
        if let problem { throw .web(problem) }
    }

    private func retrieve(
        _ path: String, _ accept: String, _ receiver: InstanceReceiver, _ mayGoOn: @escaping () -> Bool,
        _ onInstance: @escaping () -> Void
    ) throws(AssociationError) {
        let request = HTTPRequest(.get, path, at: bases.retrieval, accept: accept)
        let reader = InstancesReader(request, receiver, mayGoOn, onInstance)
        defer { reader.end() }
        let answer: HTTPAnswer
        do throws(AssociationError) {
            answer = try self.answer(to: request, reader: reader)
        } catch {
            if reader.wasStopped { return }
            throw error
        }
        try reader.finish()
        for warning in answer.head.fields("warning") { noteWarning(warning) }
        guard answer.head.status != 206 else {
            throw .web(
                WebError(
                    .incomplete, "the server has sent a part of it (status 206)",
                    peerText: answer.head.fields("warning").first, request: request.name))
        }
    }
}

/// Reads the instances of an answer: the parts of a multipart body, or one file as it stands.
private final class InstancesReader: ResponseReader {
    private let request: HTTPRequest
    private let parts: InstanceParts
    /// Nil for an answer that is one file.
    private var multipart: MultipartReader?
    private var hasBegun = false

    init(
        _ request: HTTPRequest, _ receiver: InstanceReceiver, _ mayGoOn: @escaping () -> Bool,
        _ onInstance: @escaping () -> Void
    ) {
        self.request = request
        parts = InstanceParts(request, receiver, mayGoOn, onInstance)
    }

    var needsNoMore: Bool { multipart?.needsNoMore ?? false }

    /// True if nothing more was wanted.
    var wasStopped: Bool { parts.wasStopped }

    func begin(_ head: HTTPHead) throws(AssociationError) {
        hasBegun = true
        let type = head.mediaType
        switch type.name {
        case "multipart/related", "multipart/mixed":
            guard let boundary = type.parameter("boundary"), let reader = MultipartReader(boundary: boundary) else {
                throw failure(.unexpected, "the answer has parts, and no boundary between them")
            }
            multipart = reader
        case "application/dicom", "application/octet-stream": try parts.beginPart(type)
        default:
            let name = type.name.isEmpty ? "of no media type" : type.name
            throw failure(.unexpected, "the answer is \(name), and no instances")
        }
    }

    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        guard multipart != nil else { return try parts.read(bytes) }
        try multipart?.read(bytes, into: parts, problem: { self.failure(.unexpected, $0.words) })
    }

    /// The answer has come to its end.
    func finish() throws(AssociationError) {
        // No body at all: nothing was said, and nothing is complete by that.
        guard hasBegun else { throw failure(.incomplete, "the answer has no instances") }
        if let multipart {
            guard multipart.isClosed else {
                throw failure(.incomplete, "the answer ends without its closing boundary")
            }
        } else {
            try parts.endPart()
        }
        if let problem = parts.problem { throw failure(.unexpected, problem) }
    }

    /// Drops an instance that the answer has ended in the middle of.
    func end() { parts.end() }

    private func failure(_ code: WebError.Code, _ words: String) -> AssociationError {
        .web(WebError(code, words, request: request.name))
    }
}

/// Makes instances of the parts of an answer: each is a file of PS3.10, whose data set is written as it came.
private final class InstanceParts: PartReader {
    private let request: HTTPRequest
    private let receiver: InstanceReceiver
    private let mayGoOn: () -> Bool
    private let onInstance: () -> Void
    private var incoming: IncomingInstance?
    /// The first bytes of a part, until they show which instance it is.
    private var beginning: [UInt8] = []
    /// The length of ``beginning`` at which it is looked into again.
    private var nextLook = 0
    private var isSkipping = false
    /// Bytes of parts that are no instances.
    private var skipped = 0
    /// What was wrong with the first part that is no instance.
    private(set) var problem: String?
    private(set) var wasStopped = false

    /// File meta information may hold private information of any length; beyond this it is none.
    private static let longestBeginning = 4 << 20
    private static let firstLook = 512
    /// Of all parts that are no instances together: a server that sends more of them is not read on.
    private static let longestSkipped = 64 << 20

    init(
        _ request: HTTPRequest, _ receiver: InstanceReceiver, _ mayGoOn: @escaping () -> Bool,
        _ onInstance: @escaping () -> Void
    ) {
        self.request = request
        self.receiver = receiver
        self.mayGoOn = mayGoOn
        self.onInstance = onInstance
    }

    func beginPart(_ type: MediaType) throws(AssociationError) {
        (incoming, beginning, nextLook, isSkipping) = (nil, [], Self.firstLook, false)
    }

    func read(_ bytes: UnsafeRawBufferPointer) throws(AssociationError) {
        guard !isSkipping else { return try skip(bytes.count) }
        if let incoming { return incoming.write(bytes) }
        beginning.append(contentsOf: bytes)
        guard beginning.count >= nextLook else { return }
        nextLook = beginning.count * 2
        look(isAll: false)
    }

    private func skip(_ count: Int) throws(AssociationError) {
        skipped += count
        guard skipped > Self.longestSkipped else { return }
        throw .web(
            WebError(
                .unexpected, problem ?? "the parts of the answer are no files of DICOM", request: request.name))
    }

    func endPart() throws(AssociationError) {
        if incoming == nil, !isSkipping { look(isAll: true) }
        // Of parts without bytes there may be no end.
        if incoming == nil { try skip(Self.firstLook) }
        guard let whole = incoming else { return }
        incoming = nil
        _ = whole.finish()
        whole.close()
        onInstance()
        guard mayGoOn() else {
            wasStopped = true
            throw .interrupted(.graceful)
        }
    }

    func end() {
        incoming?.cutOff()
        incoming = nil
    }

    /// Begins the instance if the bytes so far show which one it is.
    private func look(isAll: Bool) {
        do throws(DataSetError) {
            let (meta, offset) = try FileMetaInformation.decode(beginning[...])
            // The rest of the group may still come.
            guard isAll || offset < beginning.count else { return }
            begin(meta, beginning[offset...])
        } catch {
            guard isAll || error.code != .truncated || beginning.count > Self.longestBeginning else { return }
            isSkipping = true
            problem = problem ?? "a part of the answer is no file of DICOM: \(error.description)"
            beginning = []
        }
    }

    private func begin(_ meta: FileMetaInformation, _ dataSet: ArraySlice<UInt8>) {
        var (sopClass, instance) = (meta.mediaStorageSOPClassUID, meta.mediaStorageSOPInstanceUID)
        if sopClass.string.isEmpty || instance.string.isEmpty {
            // Group 0002 should name the instance; the data set does.
            let attributes = try? DataSetDecoder(meta.transferSyntax, limits: .beginning).decodePrefix(
                dataSet, through: .sopInstanceUID)
            sopClass = attributes?.uid(.sopClassUID) ?? sopClass
            instance = attributes?.uid(.sopInstanceUID) ?? instance
        }
        let begun = IncomingInstance(
            sopClassUID: sopClass, sopInstanceUID: instance, transferSyntax: meta.transferSyntax, sender: nil,
            moveOriginatorMessageID: nil, for: receiver)
        dataSet.withUnsafeBytes { begun.write($0) }
        incoming = begun
        beginning = []
    }
}
