package import DICOMNode
package import System

/// One request at a server.
struct ServedRequest {
    let head: RequestHead
    let body: ReceivedBody
    /// Address and port of the client.
    let peer: String
    /// Scheme and host by which the client has called us: `http://127.0.0.1:8080`.
    let origin: String
    /// Raised when the server stops.
    let cancellation: Cancellation

    /// For messages: without the query, whose values are of patients.
    var name: String { "\(head.method) /\(head.target.path.joined(separator: "/").prefix(Self.longestShown))" }

    private static let longestShown = 200
}

/// Answers requests.
protocol HTTPService: AnyObject, Sendable {
    /// Answers one.
    ///
    /// - Throws: `.refused` for an answer that only says why, `.lost` or `.cutShort` if the connection is to end.
    func answer(_ request: ServedRequest, _ response: ResponseWriter) throws(ExchangeFailure)

    /// Called for everything that is worth a line of a log.
    func report(peer: String, _ text: String, isTrouble: Bool)
}

/// A server of HTTP/1.1: each connection has a thread from its first whole request on, by the rules of ``ConnectionServer``.
package final class HTTPServer: ConnectionServer.Delegate, Sendable {
    /// Requests that are served at once, and connections that are kept for the next request.
    static let maximumThreads = 64
    /// More connections than this are not kept.
    private static let maximumKept = 32
    /// Seconds from the first byte of a request to the end of its head.
    private static let headLimit = 15.0
    /// Seconds that a connection is kept without a request.
    private static let idleLimit = 15.0
    /// What a client sends before it has read that we do not listen any more is read for so long, in seconds, and so many bytes.
    private static let lingering = 2.0
    private static let longestLingering = 16 << 20

    package let port: UInt16
    private let connections: ConnectionServer
    private let service: any HTTPService
    private let limits: AssociationLimits
    private let scheme: String

    /// Makes a server that does not accept connections before ``start()``.
    ///
    /// - Throws: `SystemError` if the pipe of its cancellation cannot be made.
    init(
        listener: TCPListener, service: any HTTPService, tls: TLSContext?, limits: AssociationLimits
    ) throws(SystemError) {
        self.service = service
        self.limits = limits
        port = listener.port
        scheme = tls == nil ? "http" : "https"
        connections = try ConnectionServer(
            listener: listener, awaiting: .httpRequest, limit: Self.headLimit, maximumThreads: Self.maximumThreads,
            tls: tls)
    }

    /// Starts to accept connections, until ``stop()``.
    ///
    /// - Throws: `SystemError` if the thread cannot be started.
    package func start() throws(SystemError) { try connections.start(self) }

    /// Stops accepting, and ends all connections.
    package func stop() { connections.stop() }

    package func closed(peer: String, _ error: AssociationError?) {
        switch error {
        // Who looks whether the port is open, or does not use its connection, is no news.
        case .connectionLost: return
        case nil: service.report(peer: peer, "turned away: too many connections", isTrouble: true)
        case .unreachable(let reason)?: service.report(peer: peer, "no request: \(reason.description)", isTrouble: true)
        case let error?: service.report(peer: peer, "no request: \(error)", isTrouble: true)
        }
    }

    package func serve(_ connection: any Connection, peer: String) {
        let input = ConnectionInput(connection)
        defer { connection.close() }
        while exchange(input, peer) {}
    }

    private func wait(within seconds: Double? = nil) -> WaitLimits {
        let end = seconds.map { Deadline.after(seconds: $0) } ?? .never
        return WaitLimits(
            inactivity: limits.inactivity, total: limits.end.earlier(end), cancellation: connections.cancellation)
    }

    /// Answers one request; false if the connection is to end.
    private func exchange(_ input: ConnectionInput, _ peer: String) -> Bool {
        let head: RequestHead
        do throws(ExchangeFailure) {
            guard let read = try readHead(input) else { return false }
            head = read
        } catch {
            guard case .refused(let refusal) = error else { return false }
            service.report(
                peer: peer, "request not understood: \(refusal.words) (\(refusal.status))", isTrouble: true)
            let response = ResponseWriter(input.connection, nil, nil, closes: true, wait: wait())
            if (try? response.send(refusal)) != nil { linger(input) }
            return false
        }
        let request = ServedRequest(
            head: head, body: ReceivedBody(head, input, wait: wait()), peer: peer,
            origin: "\(scheme)://\(head.host ?? input.connection.localDescription)",
            cancellation: connections.cancellation)
        let response = ResponseWriter(
            input.connection, head, request.body,
            closes: !head.keepsAlive || connections.threadsInUse > Self.maximumKept, wait: wait())
        do throws(ExchangeFailure) {
            try answer(request, response)
            guard !response.closes else {
                linger(input)
                return false
            }
            if try request.body.skip() { return true }
            linger(input)
        } catch {
            if case .lost(let reason) = error {
                service.report(peer: peer, "\(request.name): \(reason.description)", isTrouble: true)
            }
        }
        return false
    }

    private func answer(_ request: ServedRequest, _ response: ResponseWriter) throws(ExchangeFailure) {
        do throws(ExchangeFailure) {
            try service.answer(request, response)
        } catch .refused(let refusal) where response.status == nil {
            service.report(
                peer: request.peer, "\(request.name): \(refusal.words) (\(refusal.status))", isTrouble: true)
            // Nobody will read what is left of the body.
            if !request.body.isRead { response.closes = true }
            try response.send(refusal)
        }
    }

    /// Reads the head of the next request; nil if there is none.
    private func readHead(_ input: ConnectionInput) throws(ExchangeFailure) -> RequestHead? {
        // Of the first request of a connection all is there in most cases.
        var limits = wait(within: input.available.isEmpty ? Self.idleLimit : Self.headLimit)
        var searched = 0
        while true {
            // Empty lines before a request are passed over (RFC 9112 2.2).
            while input.available.starts(with: [0x0D, 0x0A]) {
                input.use(2)
                searched = 0
            }
            // Another protocol says nothing that has an end.
            if let first = input.available.first, !(0x41...0x5A).contains(first & 0xDF), first != 0x0D {
                throw .refused(Refusal(400, "this is no request of HTTP"))
            }
            if let length = Self.headLength(input.available, from: searched) {
                let head: RequestHead
                do throws(Refusal) { head = try RequestHead(input.available.prefix(length)) } catch {
                    throw .refused(error)
                }
                input.use(length)
                return head
            }
            guard input.available.count < RequestHead.maximumLength else {
                throw .refused(Refusal(431, "the header is longer than \(RequestHead.maximumLength >> 10) KB"))
            }
            searched = max(0, input.available.count - 3)
            let wasEmpty = input.available.isEmpty
            do throws(TransportError) {
                guard try input.fill(limits) else { return nil }
            } catch .timedOut where !input.available.isEmpty {
                throw .refused(Refusal(408, "the header has not come within \(Int(Self.headLimit)) seconds"))
            } catch {
                return nil
            }
            if wasEmpty { limits = wait(within: Self.headLimit) }
        }
    }

    /// The number of bytes up to the empty line and with it; nil if it is not there.
    private static func headLength(_ bytes: ArraySlice<UInt8>, from searched: Int) -> Int? {
        var index = bytes.startIndex + searched
        while index + 3 < bytes.endIndex {
            if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A {
                let length = index + 4 - bytes.startIndex
                return length <= RequestHead.maximumLength ? length : nil
            }
            index += 1
        }
        return nil
    }

    /// Lets a client read our answer before the connection ends: bytes of its that nobody reads would reset it.
    private func linger(_ input: ConnectionInput) {
        input.connection.closeWriting()
        let limits = wait(within: Self.lingering)
        var read = 0
        while read < Self.longestLingering {
            input.use(input.available.count)
            guard (try? input.fill(limits)) == true else { return }
            read += input.available.count
        }
    }
}
