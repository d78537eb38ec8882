/// The reason why a request over HTTP was not answered with what was asked for (PS3.18, RFC 9110).
package struct WebError: Error, Sendable, Equatable {
    package let code: Code
    /// What is wrong, in words that follow the name of the peer or of the request.
    package let detail: String
    /// What the peer says about it, as it came, at most its first line.
    package var peerText: String?
    /// The seconds after which the peer wants to be asked again.
    package var retryAfter: Double?
    /// True if that is after the time at which the run may begin something new: it is not waited for.
    package var isTooLate = false
    /// True if the request was sent again as often as it may be.
    package var wasRetried = false
    /// The method and the path of the request.
    package var request: String?

    package enum Code: Sendable, Equatable {
        /// A status that is no success.
        case status(Int)
        /// A redirect that is not followed.
        case redirect
        /// The answer ended before it was whole.
        case incomplete
        /// The answer is not what the service answers.
        case unexpected
        /// A list that does not go on where it should.
        case unreliable
        /// The token endpoint gives no token.
        case noToken(mayPass: Bool)
        /// The server says that it has not stored an instance, without a status of DIMSE.
        case notStored
        /// Another protocol than HTTP is spoken there.
        case notHTTP
        /// The service is not there.
        case notOffered
        /// The DICOM protocol is spoken there.
        case dicom
        /// What was asked for cannot be asked over HTTP.
        case notPossible
        /// The HTTP library is not installed.
        case noLibrary
        /// This program was built without HTTP.
        case notAvailable

        /// True if another instance may be answered otherwise.
        package var isOfOneResource: Bool {
            switch self {
            case .status(400), .status(404), .status(406), .status(410), .status(500), .incomplete, .unexpected: true
            default: false
            }
        }

        /// True if the same may be had in another form: another media type, or another transfer syntax.
        package var isOfForm: Bool {
            switch self {
            case .status(400), .status(406), .status(415), .status(500), .status(501): true
            default: false
            }
        }
    }

    package init(
        _ code: Code, _ detail: String, peerText: String? = nil, retryAfter: Double? = nil, request: String? = nil
    ) {
        self.code = code
        self.detail = detail
        self.peerText = peerText
        self.retryAfter = retryAfter
        self.request = request
    }

    /// True if a later attempt may succeed.
    package var isTransient: Bool {
        if isTooLate { return false }
        return switch code {
        case .status(let status): status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505)
        case .incomplete: true
        case .noToken(let mayPass): mayPass
        case .redirect, .unexpected, .unreliable, .notStored, .notHTTP, .dicom, .notOffered, .notPossible, .noLibrary,
            .notAvailable:
            false
        }
    }

    /// The meaning of a status, RFC 9110 15.
    package static func meaning(of status: Int) -> String {
        switch status {
        case 206: "partial content"
        case 300...399: "moved"
        case 400: "the request is not understood"
        case 401: "no credentials, or wrong ones"
        case 403: "not allowed"
        case 404: "not found"
        case 405: "the service is not offered"
        case 406: "the server has no such form of it"
        case 408: "the server waited too long for the request"
        case 409: "in conflict with what the server has"
        case 410: "gone"
        case 411: "the server wants a length"
        case 413: "too large"
        case 415: "the server does not take this media type"
        case 429: "too many requests"
        case 500: "an error of the server"
        case 501: "not implemented"
        case 502: "a proxy cannot reach the server"
        case 503: "the server is not available now"
        case 504: "a proxy got no answer from the server in time"
        case 507: "the server has no room"
        default: "no success"
        }
    }
}
