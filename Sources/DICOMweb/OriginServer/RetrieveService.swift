import DICOM
import DICOMNode

/// Answers retrievals of instances and of their metadata, PS3.18 10.4.3. Instances go out as they are stored.
struct RetrieveService {
    let archive: any WebArchive
    /// The client, for the log.
    let peer: String

    private static let multipart = "multipart/related"
    private static let dicom = "application/dicom"
    private static let json = ["application/dicom+json", "application/json"]

    /// What of a resource an answer holds.
    private enum Form {
        case multipart
        case single
    }

    /// - Returns: what was answered, for the log.
    /// - Throws: `.refused` with 404 or 406, otherwise the error of the connection.
    func answer(
        _ resource: WebResource, _ acceptance: Acceptance, _ response: ResponseWriter
    ) throws(ExchangeFailure) -> String {
        let held = try instances(of: resource)
        let (form, chosen) = try choose(among: held, resource, acceptance)
        let sent = chosen.filter { _ in !archive.failsNextRetrieval() }
        guard !sent.isEmpty else { throw .refused(Refusal(500, "no instance can be read (injected)")) }
        var fields: [HTTPField] = []
        let missing = held.count - sent.count
        if missing > 0 {
            fields.append(
                HTTPField(
                    "Warning", "299 dcmscu \"\(missing) of \(held.count) instances are not in this answer\""))
        }
        let status = missing > 0 ? 206 : 200
        switch form {
        case .single:
            guard let first = sent.first else { throw .refused(Refusal(404, "nothing here")) }
            let type = Self.contentType(of: first.file)
            try response.begin(status, fields + [type], length: first.file.wholeLength)
            try send(first.file, behind: [], response)
        case .multipart:
            let body = MultipartForm()
            let type = "\(Self.multipart); type=\"\(Self.dicom)\"; boundary=\(body.boundary)"
            try response.begin(
                status, fields + [HTTPField("Content-Type", type)], length: body.length(of: sent))
            for (index, instance) in sent.enumerated() {
                try send(instance.file, behind: body.head(of: instance.file, isFirst: index == 0), response)
            }
            try response.write(body.end)
        }
        try response.finish()
        return "\(sent.count) of \(held.count) instance\(held.count == 1 ? "" : "s")"
    }

    /// - Returns: what was answered, for the log.
    /// - Throws: as ``answer(_:_:_:)`` does.
    func answerMetadata(
        _ resource: WebResource, _ acceptance: Acceptance, _ response: ResponseWriter
    ) throws(ExchangeFailure) -> String {
        guard let type = acceptance.preferred(Self.json) else {
            throw .refused(Refusal(406, "metadata are \(Self.json[0]) here"))
        }
        let held = try instances(of: resource)
        try response.begin(200, [HTTPField("Content-Type", type)])
        var json = Array("[".utf8)
        for (index, instance) in held.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            do throws(FileProblem) {
                DICOMJSON.append(try archive.metadata(of: instance.file), to: &json)
            } catch {
                throw response.status == nil ? .refused(Refusal(500, error.reason)) : .cutShort
            }
            try response.write(json)
            json.removeAll(keepingCapacity: true)
        }
        json.append(UInt8(ascii: "]"))
        try response.write(json)
        try response.finish()
        return "metadata of \(held.count) instance\(held.count == 1 ? "" : "s")"
    }

    private func instances(of resource: WebResource) throws(ExchangeFailure) -> [any HeldInstance] {
        let held = archive.instances(of: resource)
        guard held.isEmpty else { return held }
        let what =
            if let instance = resource.instance {
                "instance \(instance)"
            } else if let series = resource.series {
                "series \(series)"
            } else {
                "study \(resource.study)"
            }
        throw .refused(Refusal(404, "no \(what) here"))
    }

    // MARK: Media types

    /// The form of the answer, and the instances that are held in a transfer syntax that is accepted: nothing is transcoded.
    private func choose(
        among held: [any HeldInstance], _ resource: WebResource, _ acceptance: Acceptance
    ) throws(ExchangeFailure) -> (Form, [any HeldInstance]) {
        // Ranges that differ in nothing but the syntax are one list of syntaxes.
        var wanted: [(form: Form, syntaxes: [String?])] = []
        for range in acceptance.ranges {
            guard let form = form(of: range, isForOne: resource.instance != nil) else { continue }
            let syntax = Self.syntax(of: range)
            if let known = wanted.firstIndex(where: { $0.form == form }) {
                wanted[known].syntaxes.append(syntax)
            } else {
                wanted.append((form, [syntax]))
            }
        }
        // Of many instances few syntaxes are held: these are compared, once.
        let syntaxesHeld = Set(held.map { $0.file.transferSyntax.uid.string })
        for (form, syntaxes) in wanted {
            let accepted = syntaxesHeld.filter { held in syntaxes.contains { $0 == nil || $0 == held } }
            guard !accepted.isEmpty else { continue }
            return (form, held.filter { accepted.contains($0.file.transferSyntax.uid.string) })
        }
        guard !wanted.isEmpty else {
            throw .refused(
                Refusal(
                    406,
                    "instances are \(Self.multipart); type=\"\(Self.dicom)\"; transfer-syntax=* here, "
                        + "and one alone is also \(Self.dicom); transfer-syntax=*"))
        }
        let syntaxes = Set(held.map { $0.file.transferSyntax.description }).sorted().joined(separator: ", ")
        throw .refused(
            Refusal(406, "held in \(syntaxes), and not transcoded; transfer-syntax=* is answered with that"))
    }

    private func form(of range: Acceptance.Range, isForOne: Bool) -> Form? {
        switch range.type.name {
        case Self.multipart, "multipart/*", "*/*":
            // A type of parts that we do not have, such as images.
            if let type = range.type.parameter("type"), type.lowercased() != Self.dicom { return nil }
            return .multipart
        case Self.dicom, "application/*": return isForOne ? .single : nil
        default: return nil
        }
    }

    /// The transfer syntax of a range; nil for any. Without one it is Explicit VR Little Endian (8.7.3.5.2), except for a range that
    /// says nothing of instances.
    private static func syntax(of range: Acceptance.Range) -> String? {
        guard let syntax = range.type.parameter("transfer-syntax") else {
            return range.type.name.hasSuffix("/*") ? nil : TransferSyntax.explicitVRLittleEndian.uid.string
        }
        return syntax == "*" ? nil : syntax
    }

    // MARK: Files

    /// The media type of a file. A transfer syntax that is no UID is whatever a sender has written: it has no place in a header.
    fileprivate static func contentType(of file: InstanceFile) -> HTTPField {
        let syntax = file.transferSyntax.uid
        return HTTPField("Content-Type", dicom + (syntax.isValid ? "; transfer-syntax=\(syntax)" : ""))
    }

    private func send(
        _ file: InstanceFile, behind head: [UInt8], _ response: ResponseWriter
    ) throws(ExchangeFailure) {
        let whole: InstanceFile.Whole
        do throws(FileProblem) {
            whole = try file.openWhole()
        } catch {
            // The length is promised: an answer that is cut tells the client that it is not all there.
            archive.report(peer: peer, error.description, isTrouble: true)
            throw .cutShort
        }
        try response.write(head + whole.header, then: whole.range)
    }
}

/// The boundary and the heads of the parts of an answer.
private struct MultipartForm {
    let boundary = "dcmscu" + (0..<30).map { _ in String(Int.random(in: 0..<36), radix: 36) }.joined()

    var end: [UInt8] { Array("\r\n--\(boundary)--\r\n".utf8) }

    func head(of file: InstanceFile, isFirst: Bool) -> [UInt8] {
        let lines = HTTPField.lines([RetrieveService.contentType(of: file)])
        return Array("\(isFirst ? "" : "\r\n")--\(boundary)\r\n\(lines)\r\n".utf8)
    }

    func length(of instances: [any HeldInstance]) -> UInt64 {
        instances.enumerated().reduce(UInt64(end.count)) { sum, entry in
            let file = entry.element.file
            return sum + UInt64(head(of: file, isFirst: entry.offset == 0).count) + file.wholeLength
        }
    }
}
