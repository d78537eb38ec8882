import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import System

extension UserIdentityRequest {
    /// The value of the header field Authorization that says the same over HTTP: Basic (RFC 7617) or Bearer (RFC 6750). Nil for an
    /// identity that HTTP does not have.
    var authorization: String? {
        switch type {
        case .username, .usernameAndPasscode:
            let pair = primaryField + [UInt8(ascii: ":")] + secondaryField
            return "Basic \(Base64.text(pair))"
        case .jsonWebToken: return TokenFile.bearer(primaryField)
        default: return nil
        }
    }
}

/// The secrets of a run's requests over HTTP.
struct WebSecrets: Sendable {
    /// Header fields of the user's.
    var headers: [(name: String, value: String)] = []
    /// Nil for none, or where the token endpoint gives it.
    var authorization: (any HTTPAuthorization)?
    /// The client at a token endpoint; nil for none.
    var client: ClientCredentials.Client?
    /// The rules of TLS at the token endpoint.
    var tls: TLSContext?

    /// - Parameter settings: of the run's requests, in which these secrets are not yet.
    func authorization(_ settings: HTTPSettings) -> (any HTTPAuthorization)? {
        guard let client else { return authorization }
        var settings = settings
        settings.tls = tls
        return ClientCredentials(client, settings)
    }
}

/// A Bearer token in a file that another program may renew while the run lasts. Used by several threads.
final class TokenFile: HTTPAuthorization {
    private struct State {
        var value: String
        var stamp: FileStamp?
    }

    private let path: FilePath
    private let state: Locked<State>

    /// - Parameter first: the token as it was read when the run began.
    init(_ path: FilePath, first: [UInt8]) {
        self.path = path
        // Without a stamp: it may have changed since.
        state = Locked(State(value: Self.bearer(first), stamp: nil))
    }

    static func bearer(_ token: [UInt8]) -> String { "Bearer \(String(decoding: token, as: UTF8.self))" }

    /// The token of the file, read again where that has changed.
    ///
    /// - Throws: nothing: while the file cannot be read the last token counts.
    func value(_ cancellation: Cancellation) throws(AssociationError) -> String {
        state.withLock { state in
            if let stamp = path.stamp, stamp != state.stamp { read(&state, stamp) }
            return state.value
        }
    }

    /// The token of the file if it is another one than the refused.
    ///
    /// - Throws: nothing.
    func value(after refused: String, _ cancellation: Cancellation) throws(AssociationError) -> String? {
        state.withLock { state in
            if let stamp = path.stamp { read(&state, stamp) }
            return state.value == refused ? nil : state.value
        }
    }

    /// A file that is being written may be empty for a moment.
    private func read(_ state: inout State, _ stamp: FileStamp) {
        guard let bytes = try? SecretInput.readFile(path).firstLine, WebHeader.isValue(bytes) else { return }
        state = State(value: Self.bearer(bytes), stamp: stamp)
    }
}
