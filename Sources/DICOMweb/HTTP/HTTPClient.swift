package import DICOMNode
import Glibc
package import System

/// The settings of all requests of a run.
package struct HTTPSettings: Sendable {
    package var userAgent = ""
    /// For names, connect and TLS together, in seconds.
    package var connectTimeout: Double?
    /// The longest time without a byte in either direction, in seconds.
    package var silence: Double?
    package var end = Deadline.never
    /// When nothing is begun again any more, whatever pause a server asks for.
    package var lastRetry = Deadline.never
    /// The header field Authorization, which is sent to the server of the base URL alone.
    package var authorization: (any HTTPAuthorization)?
    /// Further header fields, which are sent to the server of the base URL alone: they may hold secrets.
    package var headers: [(name: String, value: String)] = []
    package var tls: TLSContext?
    /// Returns the proxy for a host, or nil for none; without the function that of the environment counts, as libcurl reads it.
    package var proxy: (@Sendable (String) -> Proxy?)?
    /// Takes each exchange; nil where nobody wants them.
    package var recorder: (any HTTPRecorder)?
    /// The budget of bytes a second that bodies keep to in both directions; nil is without limit.
    package var rate: RateLimit?
    /// Told of waits that last.
    package var onLongWait: (@Sendable (WaitNotice.Wait?) -> Void)?

    package init() {}
}

/// The durations of the steps of a request, in seconds.
package struct HTTPTimings: Sendable {
    package var lookup = 0.0
    package var connect = 0.0
    /// Nil without TLS.
    package var security: Double?
    /// From the connection until the first byte of the answer.
    package var answer = 0.0
    /// True if the connection was open before.
    package var isReused = false
}

/// The answer to a request, whose body has been read.
package struct HTTPAnswer: Sendable {
    package let head: HTTPHead
    package let timings: HTTPTimings
    /// Our address.
    package let localAddress: String
    /// The body, unless a reader took it: of failures, and at most ``HTTPClient/maximumErrorBody`` of it.
    package let body: [UInt8]

    package var isSuccess: Bool { (200..<300).contains(head.status) }

    /// The same with a body that a reader took.
    func with(body: [UInt8]) -> HTTPAnswer {
        HTTPAnswer(head: head, timings: timings, localAddress: localAddress, body: body)
    }
}

#if DICOMweb
    import CCurl

    /// Requests to one server, one at a time, over connections that are kept. Every wait ends at the cancellation and at the deadlines.
    package final class HTTPClient: @unchecked Sendable {
        // Unchecked: used by one thread at a time.
        package let address: WebAddress
        let settings: HTTPSettings
        private let curl: CurlLibrary
        private let easy: UnsafeMutableRawPointer
        private let multi: UnsafeMutableRawPointer
        /// The rules of TLS by host: a redirect may lead to another one.
        private var security: [String: BorrowedTLS] = [:]
        /// The warning about the certificate of the last connection, until it is taken.
        private var warning: String?
        /// True if the last request was lost with a connection that was kept, after its body had gone wholly, and was not sent again.
        private(set) var hasLostWholeBody = false {
            didSet { closesUnheard = closesUnheard || hasLostWholeBody }
        }
        /// True once that has happened: what must not come twice then goes over connections of its own.
        private var closesUnheard = false

        /// In bytes.
        package static let maximumErrorBody = 64 * 1024
        private static let maximumRedirects = 5
        /// Large buffers: fewer system calls for images.
        private static let bufferSize = 512 * 1024
        /// The library takes no less.
        private static let smallestBuffer = 16 * 1024
        private static let longestWait = 1.0
        private static let otherLibrary = "libcurl.so.4 with OpenSSL is not installed, and TLS by our rules needs it"

        package static let isAvailable = true

        /// - Throws: `.web` if the HTTP library is not installed, or cannot do TLS by our rules.
        package init(_ address: WebAddress, _ settings: HTTPSettings) throws(AssociationError) {
            let curl = try CurlLibrary.open()
            if address.isSecure {
                guard settings.tls != nil else {
                    throw .unreachable(.tls(TLSError(.notAvailable, "this program was built without TLS")))
                }
                guard curl.usesOpenSSL else {
                    throw .web(WebError(.noLibrary, Self.otherLibrary))
                }
            }
            guard let easy = cCurlMake(curl.easyInit) else { throw .web(WebError(.noLibrary, "libcurl cannot start")) }
            guard let multi = cCurlMake(curl.multiInit) else {
                cCurlEnd(curl.easyCleanup, easy)
                throw .web(WebError(.noLibrary, "libcurl cannot start"))
            }
            (self.address, self.settings, self.curl) = (address, settings, curl)
            (self.easy, self.multi) = (easy, multi)
        }

        deinit {
            cCurlEnd(curl.easyCleanup, easy)
            _ = cCurlEndMulti(curl.multiCleanup, multi)
        }

        /// Returns a warning about the certificate of the server once.
        package func takeSecurityWarning() -> String? {
            defer { warning = nil }
            return warning
        }

        /// Sends a request and reads the answer.
        ///
        /// - Parameter reader: takes the body of an answer of success; without one the answer holds it.
        /// - Throws: `unreachable`, `connectionLost`, `timedOut`, `interrupted`, or `web` if the answer is no HTTP, is cut off or names a
        ///   redirect that may not be followed; the error of the reader or of the body that is sent.
        package func perform(
            _ request: HTTPRequest, cancellation: Cancellation, reader: (any ResponseReader)? = nil
        ) throws(AssociationError) -> HTTPAnswer {
            hasLostWholeBody = false
            let value = try settings.authorization?.value(cancellation)
            let (answer, isOurs) = try follow(request, value, cancellation, reader)
            // Once more where the credentials may have ended meanwhile.
            guard answer.head.status == 401, isOurs, let value,
                let other = try settings.authorization?.value(after: value, cancellation)
            else { return answer }
            return try follow(request, other, cancellation, reader).answer
        }

        /// Sends a request to where redirects lead; the answer is ours if it comes from the server of the base URL.
        private func follow(
            _ request: HTTPRequest, _ authorization: String?, _ cancellation: Cancellation,
            _ reader: (any ResponseReader)?
        ) throws(AssociationError) -> (answer: HTTPAnswer, isOurs: Bool) {
            let base = request.base ?? address
            var url = base.url + request.target
            var target = base
            for _ in 0...Self.maximumRedirects {
                let isOurs = target.isSameOrigin(as: base)
                let fields = isOurs ? ownFields(authorization) : []
                let exchange = try performOnce(request, fields, url, target, cancellation, reader)
                guard (300..<400).contains(exchange.head.status), exchange.head.status != 304 else {
                    return (exchange.answer, isOurs)
                }
                guard let location = exchange.redirect, let next = target.redirected(to: location) else {
                    throw .web(
                        WebError(
                            .redirect, "moved (status \(exchange.head.status)) to where no request may follow",
                            peerText: exchange.redirect, request: request.name))
                }
                // By 301, 302 and 303 clients turn POST into GET: nothing would be stored.
                guard request.method == .get || exchange.head.status == 307 || exchange.head.status == 308 else {
                    throw .web(
                        WebError(
                            .redirect,
                            "a POST is answered with a redirect that would make it a GET (status \(exchange.head.status))",
                            peerText: location, request: request.name))
                }
                (url, target) = (location, next)
            }
            throw .web(WebError(.redirect, "moved more than \(Self.maximumRedirects) times", request: request.name))
        }

        /// What goes to the server of the base URL alone.
        private func ownFields(_ authorization: String?) -> [(name: String, value: String)] {
            var fields = settings.headers
            if let authorization { fields.append(("Authorization", authorization)) }
            return fields
        }

        /// One request, and once more if a connection that was kept was closed by the server meanwhile: nothing of the answer had come.
        private func performOnce(
            _ request: HTTPRequest, _ fields: [(name: String, value: String)], _ url: String, _ target: WebAddress,
            _ cancellation: Cancellation, _ reader: (any ResponseReader)?
        ) throws(AssociationError) -> Exchange {
            for isFirst in [true, false] {
                request.body?.rewind()
                let exchange = Exchange(request, reader, settings.silence, isRecorded: settings.recorder != nil)
                if let rate = settings.rate {
                    exchange.pace = Exchange.Pace(
                        rate: rate, limits: WaitLimits(total: settings.end, cancellation: cancellation))
                }
                defer { settings.recorder?.record(exchange.record(url)) }
                do throws(AssociationError) {
                    try run(exchange, fields, url, target, cancellation)
                    return exchange
                } catch .connectionLost(let reason) {
                    hasLostWholeBody =
                        exchange.hasKeptBody
                        || (exchange.timings.isReused && exchange.head.status == 0 && !exchange.mayBeSentAgain)
                    guard isFirst, exchange.timings.isReused, exchange.head.status == 0, !hasLostWholeBody else {
                        throw .connectionLost(reason)
                    }
                }
            }
            throw .connectionLost(.closed)
        }

        // MARK: One exchange

        private func run(
            _ exchange: Exchange, _ own: [(name: String, value: String)], _ url: String, _ target: WebAddress,
            _ cancellation: Cancellation
        ) throws(AssociationError) {
            cCurlEnd(curl.easyReset, easy)
            var errors = [CChar](repeating: 0, count: 256)
            var list: UnsafeMutableRawPointer?
            defer { if let list { cCurlEnd(curl.listFree, list) } }
            // Servers that never answer an expectation would cost a second each.
            let fields = exchange.request.headers + own + [("Expect", "")]
            exchange.sentFields = fieldsOfLibrary(exchange.request, to: target) + fields
            for field in fields { list = cCurlAppend(curl.listAppend, list, "\(field.name): \(field.value)") }
            set(cCURLOPT_HTTPHEADER, pointer: list)
            set(cCURLOPT_URL, text: url)
            set(cCURLOPT_USERAGENT, text: settings.userAgent)
            set(cCURLOPT_PROTOCOLS, Int(cCURLPROTO_HTTP | cCURLPROTO_HTTPS))
            for (option, value) in [
                (cCURLOPT_NOSIGNAL, 1), (cCURLOPT_TCP_NODELAY, 1), (cCURLOPT_QUICK_EXIT, 1),
                (cCURLOPT_BUFFERSIZE, bufferSize), (cCURLOPT_UPLOAD_BUFFERSIZE, bufferSize),
                // 0 would be five minutes; no limit of ours is a month.
                (cCURLOPT_CONNECTTIMEOUT_MS, settings.connectTimeout.map { max(1, Int($0 * 1000)) } ?? 2_000_000_000),
            ] { set(option, value) }
            if closesUnheard, !exchange.request.isRepeatable { set(cCURLOPT_FRESH_CONNECT, 1) }
            let proxy = setProxy(for: target)
            let context = Unmanaged.passUnretained(exchange).toOpaque()
            setTransfers(context)
            if let body = exchange.request.body {
                set(cCURLOPT_POST, 1)
                _ = cCurlSetOffset(
                    curl.easySet, easy, cCURLOPT_POSTFIELDSIZE_LARGE.signed, Int64(clamping: body.length))
            }
            let borrowed = target.isSecure ? try secure(target) : nil
            let code: CInt = try errors.withUnsafeMutableBufferPointer { buffer throws(AssociationError) in
                set(cCURLOPT_ERRORBUFFER, pointer: buffer.baseAddress.map { UnsafeMutableRawPointer($0) })
                return try wait(for: exchange, cancellation)
            }
            exchange.timings = timings(isSecure: target.isSecure)
            exchange.localAddress = text(cCURLINFO_LOCAL_IP.signed) ?? ""
            exchange.redirect = text(cCURLINFO_REDIRECT_URL.signed)
            warning = borrowed?.warning ?? warning
            if let failure = exchange.failure { throw failure }
            guard code != cCURLE_OK.signed, !exchange.isWhole else { return }
            // A server that refuses while it is sent a body may close its side: its answer is what counts.
            if exchange.head.status >= 300, exchange.request.body != nil { return }
            let words = errors.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
            throw error(
                code, words.isEmpty ? curl.words(code) : words, exchange, target, borrowed?.refusal, proxy)
        }

        /// The header fields that the library writes by itself.
        private func fieldsOfLibrary(
            _ request: HTTPRequest, to target: WebAddress
        ) -> [(name: String, value: String)] {
            let host = target.origin.firstRange(of: "://").map { String(target.origin[$0.upperBound...]) } ?? ""
            let length = request.body.map { [("Content-Length", "\($0.length)")] } ?? []
            return [("Host", host), ("User-Agent", settings.userAgent)] + length
        }

        /// Small ones where they would be filled faster than they may.
        private var bufferSize: Int {
            settings.rate.map { min(max($0.pieceLength, Self.smallestBuffer), Self.bufferSize) } ?? Self.bufferSize
        }

        /// Returns the proxy, if one is set here.
        private func setProxy(for target: WebAddress) -> Proxy? {
            set(cCURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
            guard let choose = settings.proxy else {
                // What is for this machine, credentials in clear among it, never leaves it by a proxy of the environment.
                if target.isLoopback { set(cCURLOPT_PROXY, text: "") }
                return nil
            }
            let proxy = choose(target.host)
            set(cCURLOPT_PROXY, text: proxy?.description ?? "")
            // What is spared was decided with the choice.
            set(cCURLOPT_NOPROXY, text: "")
            if let name = proxy?.userName { set(cCURLOPT_PROXYUSERNAME, text: name) }
            if let password = proxy?.password { set(cCURLOPT_PROXYPASSWORD, text: password) }
            return proxy
        }

        private func setTransfers(_ context: UnsafeMutableRawPointer) {
            for option in [cCURLOPT_WRITEDATA, cCURLOPT_HEADERDATA, cCURLOPT_READDATA, cCURLOPT_SEEKDATA] {
                set(option, pointer: context)
            }
            _ = cCurlSetTransfer(curl.easySet, easy, cCURLOPT_WRITEFUNCTION.signed) { bytes, size, count, context in
                guard let context else { return 0 }
                let buffer = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return Exchange.of(context).acceptBody(buffer) ? buffer.count : 0
            }
            _ = cCurlSetTransfer(curl.easySet, easy, cCURLOPT_HEADERFUNCTION.signed) { bytes, size, count, context in
                guard let context else { return 0 }
                let buffer = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return Exchange.of(context).acceptHead(buffer) ? buffer.count : 0
            }
            _ = cCurlSetTransfer(curl.easySet, easy, cCURLOPT_READFUNCTION.signed) { bytes, size, count, context in
                guard let context else { return cCURL_READFUNC_ABORT }
                let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                return Exchange.of(context).readBody(into: buffer) ?? cCURL_READFUNC_ABORT
            }
            // The library sends a body again where a connection that it kept was closed: only from its beginning, and not one that the
            // server may have taken.
            _ = cCurlSetSeek(curl.easySet, easy, cCURLOPT_SEEKFUNCTION.signed) { context, offset, origin in
                guard let context, offset == 0, origin == SEEK_SET else { return 1 }
                return Exchange.of(context).rewindBody() ? 0 : 1
            }
        }

        /// Our own rules take the place of the library's.
        private func secure(_ target: WebAddress) throws(AssociationError) -> BorrowedTLS {
            guard let tls = settings.tls else {
                throw .unreachable(.tls(TLSError(.configuration, "a redirect leads to https: give that URL")))
            }
            let borrowed = security[target.host] ?? BorrowedTLS(tls, host: target.host)
            security[target.host] = borrowed
            set(cCURLOPT_SSL_VERIFYPEER, 0)
            set(cCURLOPT_SSL_VERIFYHOST, 0)
            let result = cCurlSetContext(curl.easySet, easy, cCURLOPT_SSL_CTX_FUNCTION.signed) { _, context, own in
                guard let context, let own else { return cCURLE_ABORTED_BY_CALLBACK.signed }
                let rules = Unmanaged<BorrowedTLS>.fromOpaque(own).takeUnretainedValue()
                return rules.apply(to: context) ? cCURLE_OK.signed : cCURLE_ABORTED_BY_CALLBACK.signed
            }
            // Without them any certificate would be accepted.
            guard result == cCURLE_OK.signed else {
                throw .web(WebError(.noLibrary, Self.otherLibrary))
            }
            set(cCURLOPT_SSL_CTX_DATA, pointer: Unmanaged.passUnretained(borrowed).toOpaque())
            return borrowed
        }

        /// Returns the code of the library once the exchange has ended.
        private func wait(for exchange: Exchange, _ cancellation: Cancellation) throws(AssociationError) -> CInt {
            guard cCurlPair(curl.multiAdd, multi, easy) == 0 else {
                throw .web(WebError(.noLibrary, "libcurl cannot begin a request"))
            }
            defer { _ = cCurlPair(curl.multiRemove, multi, easy) }
            var extra = cCurlWait(fd: cancellation.descriptor, events: CShort(POLLIN), revents: 0)
            var notice = LongWaitNotice(settings)
            defer { notice.end() }
            // The library ends a connection that is not made in time.
            let connect = settings.connectTimeout.map { Deadline.after(seconds: $0 + 1) } ?? .now
            var isConnected = false
            while true {
                if cancellation.isRaised { throw .interrupted(cancellation.level) }
                var running: CInt = 0
                guard cCurlPerform(curl.multiPerform, multi, &running) == 0 else {
                    throw .web(WebError(.noLibrary, "libcurl failed"))
                }
                if let code = ending() { return code }
                if !isConnected, number(cCURLINFO_CONNECT_TIME.signed) > 0 {
                    isConnected = true
                    exchange.showProgress()
                }
                let silence = isConnected ? exchange.silence : max(exchange.silence, connect)
                let deadline = silence.earlier(settings.end)
                if deadline.isPast {
                    throw isConnected
                        ? .timedOut(waitingFor: exchange.isSending ? .sending : .message)
                        : .unreachable(.timedOut(.connect))
                }
                let wait = min(deadline.secondsLeft ?? Self.longestWait, Self.longestWait)
                _ = cCurlPoll(
                    curl.multiPoll, multi, &extra, cancellation.descriptor < 0 ? 0 : 1, CInt(wait * 1000) + 1)
                notice.look(exchange)
            }
        }

        private func ending() -> CInt? {
            var left: CInt = 0
            while let message = cCurlInfo(curl.multiInfo, multi, &left) {
                if message.pointee.message == cCURLMSG_DONE.signed { return message.pointee.data.result }
            }
            return nil
        }

        // MARK: Errors

        private func error(
            _ code: CInt, _ words: String, _ exchange: Exchange, _ target: WebAddress, _ refusal: TLSError?,
            _ proxy: Proxy?
        ) -> AssociationError {
            if let refusal { return .unreachable(.tls(refusal)) }
            if let problem = proxyProblem(code, words, target, proxy) { return .unreachable(.proxy(problem)) }
            switch code {
            case cCURLE_COULDNT_RESOLVE_HOST.signed:
                return .unreachable(.nameNotFound(host: target.host, detail: words))
            case cCURLE_COULDNT_CONNECT.signed:
                return .unreachable(connectError(words))
            case cCURLE_OPERATION_TIMEDOUT.signed: return .unreachable(.timedOut(.connect))
            case cCURLE_SSL_CONNECT_ERROR.signed, cCURLE_PEER_FAILED_VERIFICATION.signed:
                // The library has the reason in words alone, those of OpenSSL at their end.
                let isOther = ["wrong version number", "packet length too long", "bad record type"].contains {
                    words.hasSuffix($0)
                }
                return .unreachable(.tls(isOther ? .notSpoken : TLSError(.handshake, words)))
            case cCURLE_UNSUPPORTED_PROTOCOL.signed, cCURLE_WEIRD_SERVER_REPLY.signed:
                return .web(WebError(.notHTTP, "the answer is not HTTP", request: exchange.request.name))
            default: break
            }
            guard exchange.head.status == 0 else {
                return .web(WebError(.incomplete, "the answer is not whole: \(words)", request: exchange.request.name))
            }
            switch code {
            case cCURLE_GOT_NOTHING.signed, cCURLE_SEND_FAIL_REWIND.signed: return .connectionLost(.closed)
            case cCURLE_SEND_ERROR.signed, cCURLE_RECV_ERROR.signed, cCURLE_PARTIAL_FILE.signed, cCURLE_HTTP2.signed,
                cCURLE_HTTP2_STREAM.signed:
                return .connectionLost(.reset)
            case cCURLE_OUT_OF_MEMORY.signed:
                return .connectionLost(.system(SystemError(errno: ENOMEM, operation: "curl")))
            default: return .web(WebError(.unexpected, words, request: exchange.request.name))
            }
        }

        /// The reason why a proxy made no connection; nil if the failure is another one.
        private func proxyProblem(
            _ code: CInt, _ words: String, _ target: WebAddress, _ proxy: Proxy?
        ) -> ProxyError? {
            var answer = 0
            _ = cCurlGetLong(curl.easyInfo, easy, cCURLINFO_HTTP_CONNECTCODE.signed, &answer)
            let problem: ProxyError.Code
            switch (code, answer) {
            case (_, 407): problem = .credentials("status 407")
            case (_, 400...499): problem = .forbidden("status \(answer)")
            case (_, 500...599): problem = .target("status \(answer)")
            case (cCURLE_COULDNT_RESOLVE_PROXY.signed, _): problem = .unreachable(words)
            case (cCURLE_COULDNT_CONNECT.signed, _) where proxy != nil: problem = .unreachable(words)
            case (cCURLE_PROXY.signed, _): problem = .target(words)
            default: return nil
            }
            return ProxyError(
                proxy: proxy?.description ?? "the environment's",
                target: Endpoint(host: target.host, port: target.port),
                code: problem)
        }

        private func connectError(_ words: String) -> TransportError {
            var code = 0
            _ = cCurlGetLong(curl.easyInfo, easy, cCURLINFO_OS_ERRNO.signed, &code)
            switch CInt(truncatingIfNeeded: code) {
            case ECONNREFUSED: return .refused
            case EHOSTUNREACH, ENETUNREACH, ENETDOWN: return .noRoute(detail: String(cString: strerror(CInt(code))))
            default: return .noRoute(detail: words)
            }
        }

        // MARK: Options

        private func set(_ option: some BinaryInteger, _ value: Int) {
            _ = cCurlSetLong(curl.easySet, easy, option.signed, value)
        }

        private func set(_ option: some BinaryInteger, text: String) {
            _ = cCurlSetText(curl.easySet, easy, option.signed, text)
        }

        private func set(_ option: some BinaryInteger, pointer: UnsafeMutableRawPointer?) {
            _ = cCurlSetPointer(curl.easySet, easy, option.signed, pointer)
        }

        private func number(_ info: CInt) -> Double {
            var value = 0.0
            _ = cCurlGetDouble(curl.easyInfo, easy, info, &value)
            return value
        }

        private func text(_ info: CInt) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard cCurlGetText(curl.easyInfo, easy, info, &value) == 0, let value else { return nil }
            return String(cString: value)
        }

        private func timings(isSecure: Bool) -> HTTPTimings {
            var timings = HTTPTimings()
            let (lookup, connect) = (number(cCURLINFO_NAMELOOKUP_TIME.signed), number(cCURLINFO_CONNECT_TIME.signed))
            let security = number(cCURLINFO_APPCONNECT_TIME.signed)
            timings.lookup = lookup
            timings.connect = max(0, connect - lookup)
            if isSecure { timings.security = max(0, security - connect) }
            timings.answer = max(0, number(cCURLINFO_STARTTRANSFER_TIME.signed) - max(connect, security))
            var connects = 0
            _ = cCurlGetLong(curl.easyInfo, easy, cCURLINFO_NUM_CONNECTS.signed, &connects)
            timings.isReused = connects == 0
            return timings
        }
    }

    /// One request and what has come of its answer: what the functions that the library calls know.
    private final class Exchange {
        let request: HTTPRequest
        private let reader: (any ResponseReader)?
        private let limit: Double?
        private(set) var head = HTTPHead()
        private(set) var failure: AssociationError?
        private(set) var body: [UInt8] = []
        private(set) var silence: Deadline
        private(set) var progress = 0
        private(set) var isSending = false
        /// Bytes of the body that the library has taken.
        private var sent: UInt64 = 0
        /// True if the library wanted to send the body again, and was not let.
        private(set) var hasKeptBody = false
        /// The limit of the rate of bodies; nil for none.
        var pace: Pace?

        struct Pace {
            let rate: RateLimit
            let limits: WaitLimits
        }

        /// What is kept of the bodies; nil where nobody wants them.
        private var sentBody: BodyRecord?
        private var receivedBody: BodyRecord?
        private let start = WallClock.precise
        private let watch = Stopwatch()
        var sentFields: [(name: String, value: String)] = []
        /// True if no more of the body is of use: the rest of a page about a failure, or what its reader needs no more.
        private(set) var isWhole = false
        private var hasBegun = false
        var timings = HTTPTimings()
        var localAddress = ""
        var redirect: String?

        init(_ request: HTTPRequest, _ reader: (any ResponseReader)?, _ limit: Double?, isRecorded: Bool) {
            if isRecorded { (sentBody, receivedBody) = (BodyRecord(), BodyRecord()) }
            self.request = request
            self.reader = reader
            self.limit = limit
            silence = limit.map { .after(seconds: $0) } ?? .never
        }

        static func of(_ context: UnsafeMutableRawPointer) -> Exchange {
            Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        }

        var answer: HTTPAnswer {
            HTTPAnswer(head: head, timings: timings, localAddress: localAddress, body: body)
        }

        func record(_ url: String) -> HTTPRecord {
            let type = sentFields.first { $0.name.lowercased() == "content-type" }?.value ?? ""
            let (sent, received) = (sentBody ?? BodyRecord(), receivedBody ?? BodyRecord())
            return HTTPRecord(
                time: start, seconds: watch.seconds, method: request.method.rawValue, url: url, fields: sentFields,
                body: request.body == nil
                    ? nil : HTTPRecord.Body(type: MediaType(type), beginning: sent.beginning, length: sent.length),
                head: head,
                answer: HTTPRecord.Body(type: head.mediaType, beginning: received.beginning, length: received.length),
                timings: timings)
        }

        /// The limit of silence begins again.
        func showProgress() {
            progress &+= 1
            if let limit { silence = .after(seconds: limit) }
        }

        func acceptHead(_ line: UnsafeRawBufferPointer) -> Bool {
            showProgress()
            isSending = false
            guard !head.accept(line: line) else { return true }
            failure = .web(WebError(.unexpected, "the head of the answer has no end", request: request.name))
            return false
        }

        func acceptBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
            if let pace {
                _ = pace.rate.waitToReceive(until: pace.limits.total)
                pace.rate.charge(bytes.count, .received)
            }
            showProgress()
            receivedBody?.append(bytes)
            guard let reader, (200..<300).contains(head.status) else {
                let room = HTTPClient.maximumErrorBody - body.count
                body.append(contentsOf: bytes.prefix(room))
                isWhole = bytes.count > room
                return !isWhole
            }
            do throws(AssociationError) {
                if !hasBegun { try reader.begin(head) }
                hasBegun = true
                try reader.read(bytes)
                // The server is not silent while the reader takes its time.
                showProgress()
                isWhole = reader.needsNoMore
                return !isWhole
            } catch {
                failure = error
                return false
            }
        }

        /// False if the server may have taken the whole of a body that must not come twice.
        var mayBeSentAgain: Bool { request.isRepeatable || request.body.map { sent < $0.length } ?? true }

        /// Goes back to the first byte of the body; returns false if it must not be sent again.
        func rewindBody() -> Bool {
            guard mayBeSentAgain else {
                hasKeptBody = true
                return false
            }
            request.body?.rewind()
            sent = 0
            return true
        }

        /// Returns nil if the body cannot be read.
        func readBody(into wholeBuffer: UnsafeMutableRawBufferPointer) -> Int? {
            var buffer = wholeBuffer
            if let pace {
                buffer = UnsafeMutableRawBufferPointer(rebasing: wholeBuffer.prefix(pace.rate.pieceLength))
                // A cancellation ends the exchange when this returns.
                _ = try? pace.rate.waitToSend(pace.limits)
            }
            showProgress()
            isSending = true
            guard let body = request.body else { return 0 }
            do throws(AssociationError) {
                let count = try body.read(into: buffer)
                sentBody?.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                sent += UInt64(count)
                pace?.rate.charge(count, .sent)
                return count
            } catch {
                failure = error
                return nil
            }
        }
    }

    /// Tells a person of a wait that lasts.
    private struct LongWaitNotice {
        private let report: (@Sendable (WaitNotice.Wait?) -> Void)?
        private let limit: Double?
        private var watch = Stopwatch()
        private var seen = 0
        private var next = WaitNotice.delay
        private var hasReported = false

        init(_ settings: HTTPSettings) {
            report = settings.onLongWait
            limit = settings.silence
        }

        mutating func look(_ exchange: Exchange) {
            guard let report else { return }
            if exchange.progress != seen {
                (seen, watch, next) = (exchange.progress, Stopwatch(), WaitNotice.delay)
                end()
                hasReported = false
            } else if watch.seconds >= next {
                next += WaitNotice.interval
                hasReported = true
                report(WaitNotice.Wait(waited: watch.seconds, limit: limit))
            }
        }

        func end() { if hasReported { report?(nil) } }
    }
#else
    /// Stands in where this program was built without HTTP, and says so.
    package final class HTTPClient: Sendable {
        package let address: WebAddress
        let settings = HTTPSettings()
        let hasLostWholeBody = false
        package static let isAvailable = false
        package static let maximumErrorBody = 0

        /// - Throws: `.web`: there is no HTTP.
        package init(_ address: WebAddress, _ settings: HTTPSettings) throws(AssociationError) {
            throw .web(WebError(.notAvailable, "this program was built without DICOMweb"))
        }

        package func takeSecurityWarning() -> String? { nil }

        /// - Throws: `.web`: there is no HTTP.
        package func perform(
            _ request: HTTPRequest, cancellation: Cancellation, reader: (any ResponseReader)? = nil
        ) throws(AssociationError) -> HTTPAnswer {
            throw .web(WebError(.notAvailable, "this program was built without DICOMweb"))
        }
    }
#endif
