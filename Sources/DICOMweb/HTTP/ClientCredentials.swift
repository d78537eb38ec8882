import DICOM
package import DICOMNode
package import System

/// Bearer tokens by the client credentials of OAuth 2 (RFC 6749 4.4): one for all threads of a run, renewed before it ends and once after
/// the server has refused it.
package final class ClientCredentials: HTTPAuthorization {
    /// The client as it is registered at the token endpoint.
    package struct Client: Sendable {
        /// The token endpoint.
        package let url: WebAddress
        package let id: String
        package let secret: [UInt8]
        package let scope: String?

        package init(url: WebAddress, id: String, secret: [UInt8], scope: String?) {
            self.url = url
            self.id = id
            self.secret = secret
            self.scope = scope
        }

        /// As form data are encoded, RFC 6749 2.3.1: both may hold a colon.
        var basic: String {
            let pair = FormData.encoded(Array(id.utf8)) + ":" + FormData.encoded(secret)
            return "Basic \(Base64.text(Array(pair.utf8)))"
        }

        var form: String {
            "grant_type=client_credentials" + (scope.map { "&scope=\(FormData.encoded(Array($0.utf8)))" } ?? "")
        }
    }

    struct Token: Sendable {
        let value: String
        /// When another one is to be had.
        let renewal: Deadline
    }

    private let client: Client
    private let settings: HTTPSettings
    private let token = Locked<Token?>(nil)

    /// - Parameter settings: of the run's requests; neither their header fields nor their credentials go to the token endpoint.
    package init(_ client: Client, _ settings: HTTPSettings) {
        self.client = client
        var own = settings
        own.authorization = FixedAuthorization(client.basic)
        own.headers = []
        self.settings = own
    }

    /// The token at hand, or another one when it is about to end.
    ///
    /// - Throws: `.web` if the token endpoint gives none; `interrupted`.
    package func value(_ cancellation: Cancellation) throws(AssociationError) -> String {
        // Other threads of the run need the same token, and wait for it.
        try token.withLock { token throws(AssociationError) in
            if let token, !token.renewal.isPast { return token.value }
            let fresh = try fetch(cancellation)
            token = fresh
            return fresh.value
        }
    }

    /// Another token than the refused one, which another thread may have had meanwhile.
    ///
    /// - Throws: `.web` if the token endpoint gives none; `interrupted`.
    package func value(after refused: String, _ cancellation: Cancellation) throws(AssociationError) -> String? {
        token.withLock { if $0?.value == refused { $0 = nil } }
        return try value(cancellation)
    }

    private func fetch(_ cancellation: Cancellation) throws(AssociationError) -> Token {
        var request = HTTPRequest(.post, "", accept: "application/json")
        request.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        request.body = BytesBody(Array(client.form.utf8))
        let answer: HTTPAnswer
        do throws(AssociationError) {
            answer = try HTTPClient(client.url, settings).perform(request, cancellation: cancellation)
        } catch {
            throw noToken(error)
        }
        let status = answer.head.status
        guard answer.isSuccess else {
            let words = OAuthAnswer.error(answer.body) ?? ErrorPage.text(answer.body)
            let mayPass = WebError(.status(status), "").isTransient
            throw noToken("\(WebError.meaning(of: status)) (status \(status))", mayPass: mayPass, peerText: words)
        }
        do throws(OAuthAnswer.Problem) {
            return try OAuthAnswer.token(answer.body)
        } catch {
            throw noToken(error.words, mayPass: false)
        }
    }

    private func noToken(_ words: String, mayPass: Bool, peerText: String? = nil) -> AssociationError {
        .web(WebError(.noToken(mayPass: mayPass), "no token from \(client.url): \(words)", peerText: peerText))
    }

    private func noToken(_ error: AssociationError) -> AssociationError {
        switch error {
        case .unreachable(let reason):
            return noToken("cannot connect, \(reason.description)", mayPass: error.isTransient)
        case .connectionLost(let reason): return noToken("connection lost, \(reason.description)", mayPass: true)
        case .timedOut: return noToken("no answer in time", mayPass: true)
        case .web(let reason):
            if reason.code == .noLibrary || reason.code == .notAvailable { return error }
            return noToken(reason.detail, mayPass: reason.isTransient, peerText: reason.peerText)
        default: return error
        }
    }
}

/// The answers of a token endpoint, RFC 6749 5.
enum OAuthAnswer {
    enum Problem: Error, Equatable {
        case notJSON
        case noToken
        /// A token of another kind than Bearer (RFC 6750).
        case otherType(String)

        var words: String {
            switch self {
            case .notJSON: "the answer is not JSON"
            case .noToken: "the answer has no access_token"
            case .otherType(let type): "the token is of the type \(type), and not Bearer"
            }
        }
    }

    /// In seconds: a token is renewed so long before its end, or after half of a short life.
    private static let margin = 60.0

    static func token(_ body: [UInt8]) throws(Problem) -> ClientCredentials.Token {
        guard let members = JSONObject.values(body) else { throw .notJSON }
        let text = members["access_token"]?.string ?? ""
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .noToken }
        if let type = members["token_type"]?.string, type.lowercased() != "bearer" {
            throw .otherType(String(type.prefix(40)))
        }
        let lifetime = members["expires_in"].flatMap(seconds)
        let renewal = lifetime.map { Deadline.after(seconds: max($0 - margin, $0 / 2)) } ?? .never
        return ClientCredentials.Token(value: "Bearer \(text)", renewal: renewal)
    }

    /// Some servers write the number as a string.
    private static func seconds(_ value: JSONValue) -> Double? {
        switch value.content {
        case .number(let text), .string(let text): Double(text)
        default: nil
        }
    }

    /// `invalid_client: what the server says of it`.
    static func error(_ body: [UInt8]) -> String? {
        guard let members = JSONObject.values(body), let error = members["error"]?.string, !error.isEmpty else {
            return nil
        }
        let more = members["error_description"]?.string
        return String((error + (more.map { ": \($0)" } ?? "")).prefix(200))
    }
}

/// `application/x-www-form-urlencoded`.
enum FormData {
    static func encoded(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x20: text += "+"
            default: text += "%\(Hexadecimal.text(byte, digits: 2, uppercase: true))"
            }
        }
        return text
    }
}
