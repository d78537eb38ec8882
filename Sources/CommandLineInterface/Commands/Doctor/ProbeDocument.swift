import DICOM
import DICOMNode

/// What `--probe --format json` prints: an array with an object for each peer.
final class ProbeDocument {
    private var peers: [JSONValue] = []

    /// Nil for a request that prints no such document.
    init?(_ request: Request) {
        guard case .doctor(let options) = request, options.isDocument else { return nil }
    }

    /// Adds what was found of a peer: what the checks have for programs, the storage SOP classes with their transfer syntaxes.
    func add(_ network: Network, _ findings: [DoctorFinding], _ exitCode: ExitCode) {
        var members: [(String, JSONValue)] = [
            ("peer", .string(network.peerName))
        ]
        if network.connection.web == nil {
            members.append(("callingAETitle", .string(network.connection.callingAETitle.string)))
        }
        members.append(("exitCode", .number(exitCode.ofProcess)))
        if let failed = findings.first(where: { $0.mark == .failed }) {
            members.append(("error", .string(failed.text)))
            members += failed.cause.map { [("cause", .string($0.rawValue))] } ?? []
            members += failed.remedy.map { [("fix", .string($0))] } ?? []
        }
        for finding in findings where !finding.data.isEmpty {
            members += finding.check == .services ? [("services", .object(finding.data))] : finding.data
        }
        peers.append(.object(members))
    }

    /// Adds a peer whose turn could not begin.
    func add(_ failure: RunFailure, _ invocation: Invocation) {
        peers.append(
            .object([
                ("peer", .string(invocation.connection.peerName)),
                ("exitCode", .number(failure.exitCode.ofProcess)), ("error", .string(failure.message.line)),
            ]))
    }

    func text(escapesNonASCII: Bool) -> String {
        var text = JSONValue.array(peers).serialized()
        if escapesNonASCII { DICOMJSON.escapeNonASCII(in: &text, from: 0) }
        return String(decoding: text, as: UTF8.self) + "\n"
    }
}
