import Glibc
import System

/// The addresses of a host.
///
/// `getaddrinfo` blocks for as long as the name servers take and cannot be interrupted, so it runs in a thread of its
/// own where a limit must hold; a thread whose answer comes too late ends by itself, unheard. Addresses in numbers
/// need neither thread nor name server.
enum HostLookup {
    private typealias Answer = Result<[SocketAddress], TransportError>

    static func addresses(of host: String, port: UInt16, wait: WaitLimits) throws(TransportError) -> [SocketAddress] {
        try wait.checkCancellation()
        if case .success(let addresses) = resolve(host, port: port, flags: AI_NUMERICHOST) { return addresses }
        // A deadline that has passed asks nobody: whether the answer would have come first must not decide.
        guard !wait.total.isPast else { throw .timedOut(.lookup) }
        let isUnlimited = wait.inactivity == nil && wait.total == .never && wait.cancellation === Cancellation.never
        if isUnlimited { return try resolve(host, port: port, flags: 0).get() }

        let pending: Pending
        do throws(SystemError) {
            pending = try Pending()
            _ = try PosixThread(name: "lookup") { [pending] in
                pending.answer(with: resolve(host, port: port, flags: 0))
            }
        } catch {
            throw .system(error)
        }
        return try pending.wait(wait).get()
    }

    /// The address of a host that is given in numbers; nil for a name.
    static func numericAddress(of host: String, port: UInt16) -> SocketAddress? {
        guard case .success(let addresses) = resolve(host, port: port, flags: AI_NUMERICHOST) else { return nil }
        return addresses.first
    }

    /// An answer on its way from one thread to another, who can wait for it with `poll`.
    private final class Pending: Sendable {
        private let answer = Locked<Answer?>(nil)
        private let wakeUp: FileDescriptor.WakeUp

        init() throws(SystemError) { wakeUp = try FileDescriptor.WakeUp() }

        func answer(with result: Answer) {
            answer.withLock { $0 = result }
            wakeUp.wake()
        }

        func wait(_ limits: WaitLimits) throws(TransportError) -> Answer {
            let deadline = limits.deadlineFromNow()
            while true {
                if let result = answer.withLock({ $0 }) { return result }
                _ = try Readiness.wait(
                    wakeUp.descriptor.rawValue, for: .readable, until: deadline, limits: limits, phase: .lookup)
            }
        }
    }

    private static func resolve(_ host: String, port: UInt16, flags: CInt) -> Answer {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_protocol = CInt(IPPROTO_TCP)
        hints.ai_flags = flags | AI_NUMERICSERV
        var first: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &first)
        guard result == 0 else {
            let system = SystemError.last("getaddrinfo")
            if result == EAI_SYSTEM { return .failure(.system(system)) }
            return .failure(.nameNotFound(host: host, detail: String(cString: gai_strerror(result)).lowercased()))
        }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = first
        while let entry = next?.pointee {
            if let address = entry.ai_addr {
                addresses.append(SocketAddress(copying: address, length: entry.ai_addrlen))
            }
            next = entry.ai_next
        }
        guard addresses.isEmpty else { return .success(addresses) }
        return .failure(.nameNotFound(host: host, detail: "the name has no address"))
    }
}
