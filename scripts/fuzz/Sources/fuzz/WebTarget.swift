import DICOM
import DICOMNode
import System

@testable import CommandLineInterface
@testable import DICOMweb

/// DICOMweb from both sides: what the practice archive is asked over HTTP, and the bodies that a web server answers with.
///
/// Invariant: whatever a client sends, what the archive says is HTTP of whole lines, and nothing is left in its folder but whole
/// instances. However a body is cut, its parts, or the elements of its list, are the same; each element is read or is an error.
enum WebTarget: FuzzTarget {
    private enum Way: Int, CaseIterable {
        case server, multipart, list
    }

    static func run(_ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let way = Way.allCases[choices.next(Way.allCases.count)]
        let piece = choices.next(200) + 1
        let content = Array(choices.rest)
        switch way {
        case .server: serve(content, piece)
        case .multipart:
            precondition(parts(of: content, piece) == parts(of: content, max(content.count, 1)), "the pieces matter")
        case .list:
            precondition(list(content, piece) == list(content, max(content.count, 1)), "the pieces matter")
        }
    }

    // MARK: Server

    private static let server: HTTPServer = {
        do {
            // Nobody is let in there: each input brings its own connection.
            let listener = try TCPListener(port: 0, bind: "127.0.0.1", wait: .unlimited)
            return try HTTPServer(
                over: ArchiveOverHTTP(PeerOperation.archiveAccess), listener: listener, tls: nil,
                limits: AssociationLimits())
        } catch {
            fatalError("no server: \(error)")
        }
    }()

    private static func serve(_ bytes: [UInt8], _ piece: Int) {
        let output = Locked<[UInt8]>([])
        server.serve(MemoryConnection(bytes, piece: piece) { bytes in output.withLock { $0 += bytes } }, peer: "memory")
        PeerOperation.checkFolder()
        check(output.withLock(\.self))
    }

    /// Traps where the first answer has no head, or one with a line that is no field.
    private static func check(_ output: [UInt8]) {
        guard !output.isEmpty else { return }
        precondition(output.starts(with: Array("HTTP/1.1 ".utf8)), "the answer is not HTTP")
        var line: [UInt8] = []
        var isFirst = true
        for (index, byte) in output.enumerated() {
            if byte == 0x0D {
                precondition(output.count > index + 1 && output[index + 1] == 0x0A, "a carriage return alone")
                if line.isEmpty { return }
                precondition(isFirst || line.contains(UInt8(ascii: ":")), "a line that is no field")
                isFirst = false
                line = []
            } else if byte != 0x0A || !line.isEmpty {
                precondition(byte >= 0x20 && byte != 0x7F, "a control character in the head")
                line.append(byte)
            }
        }
        preconditionFailure("the head of the answer has no end")
    }

    // MARK: Bodies

    private struct Failure: Error {
        let words: String
    }

    private final class Parts: PartReader {
        struct Part: Equatable {
            let type: MediaType
            var content: [UInt8] = []
            var isWhole = false
        }

        var parts: [Part] = []

        func beginPart(_ type: MediaType) throws(Failure) { parts.append(Part(type: type)) }

        func read(_ bytes: UnsafeRawBufferPointer) throws(Failure) { parts[parts.count - 1].content += bytes }

        func endPart() throws(Failure) { parts[parts.count - 1].isWhole = true }
    }

    private static let boundary = "b0undary"

    /// The whole parts, and whether the body is closed; nil if it is none.
    private static func parts(of bytes: [UInt8], _ piece: Int) -> [Parts.Part]? {
        guard var reader = MultipartReader(boundary: boundary) else { preconditionFailure("the boundary is none") }
        let parts = Parts()
        do throws(Failure) {
            try forEachPiece(of: bytes, piece) { (piece) throws(Failure) in
                try reader.read(piece, into: parts, problem: { Failure(words: $0.words) })
            }
        } catch {
            return nil
        }
        let whole = parts.parts.filter(\.isWhole)
        precondition(whole.count == reader.parts && whole.count + 1 >= parts.parts.count, "parts are lost")
        return whole
    }

    /// The elements, and whether the list has its end; nil if it is none.
    private static func list(_ bytes: [UInt8], _ piece: Int) -> [[UInt8]]? {
        var reader = JSONMatchReader()
        var elements: [[UInt8]] = []
        do throws(Failure) {
            try forEachPiece(of: bytes, piece) { (piece) throws(Failure) in
                try reader.read(
                    piece, problem: { Failure(words: $0.words) },
                    onElement: { (element) throws(Failure) in elements.append(element) })
            }
        } catch {
            return nil
        }
        for element in elements {
            do throws(DICOMJSONError) {
                for dataSet in try DICOMJSON.parse(element) { DataSetTarget.show(dataSet) }
            } catch {}
        }
        do throws(JSONMatchReader.Problem) { try reader.finish() } catch { elements.append([]) }
        return elements
    }

    private static func forEachPiece(
        of bytes: [UInt8], _ piece: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var offset = 0
        while offset < bytes.count {
            let part = Array(bytes[offset..<min(offset + piece, bytes.count)])
            offset += part.count
            let result = part.withUnsafeBytes { bytes in Result { () throws(Failure) in try body(bytes) } }
            try result.get()
        }
    }

    // MARK: Seeds

    private static func input(_ way: Way, _ piece: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [UInt8(way.rawValue), piece] + bytes
    }

    private static func request(_ line: String, _ fields: String = "", _ body: [UInt8] = []) -> [UInt8] {
        Array("\(line) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8) + body
    }

    private static func multipart(_ file: [UInt8]) -> [UInt8] {
        Array("--\(boundary)\r\nContent-Type: application/dicom\r\n\r\n".utf8) + file
            + Array("\r\n--\(boundary)--\r\n".utf8)
    }

    private static func store(_ file: [UInt8]) -> [UInt8] {
        let body = multipart(file)
        let type = "Content-Type: multipart/related; type=\"application/dicom\"; boundary=\(boundary)\r\n"
        return request("POST /studies", type + "Content-Length: \(body.count)\r\n", body)
    }

    static var seeds: [[UInt8]] {
        let study = "/studies/\(Recorded.studyUID)"
        let wado = "Accept: multipart/related; type=\"application/dicom\"; transfer-syntax=*\r\n"
        let chunks = Array("5\r\n--b0u\r\n3;x=y\r\nnda\r\n0\r\nA: b\r\n\r\n".utf8)
        let type = "Content-Type: multipart/related; type=\"application/dicom\"; boundary=\(boundary)\r\n"
        var list: [UInt8] = []
        DICOMJSON.append(Recorded.dataSet, to: &list)
        return [
            request("GET /"), request("HEAD \(study)", wado), request("GET \(study)", wado + "Connection: close\r\n"),
            request("GET /studies?PatientName=A*&fuzzymatching=true&limit=2&offset=1&includefield=all"),
            request("GET \(study)/metadata", "Accept: application/dicom+json\r\n"),
            request("GET /series?StudyInstanceUID=\(Recorded.studyUID)&00080060=CT&includefield=00081190"),
            request("GET \(study)/instances") + request("GET /instances") + request("OPTIONS /studies"),
            request("POST /studies", type + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", chunks),
            store(Recorded.file),
        ].map { input(.server, 150, $0) } + [
            input(.multipart, 9, multipart(Recorded.file) + Array("epilogue".utf8)),
            input(.multipart, 90, Array("preamble\r\n--\(boundary) \r\n\r\nA\r\n--\(boundary)x\r\n".utf8)),
            input(.list, 9, [0x5B] + list + [0x2C, 0x20] + list + [0x5D]), input(.list, 90, list),
        ]
    }

    static func seeds(from file: [UInt8]) -> [[UInt8]] {
        [input(.server, 199, store(file)), input(.multipart, 30, multipart(file))]
    }
}
