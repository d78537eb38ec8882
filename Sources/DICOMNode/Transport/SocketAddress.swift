import Glibc

/// An IPv4 or IPv6 address with its port, in the system's form.
struct SocketAddress: Sendable {
    private(set) var storage: sockaddr_storage
    private(set) var length: socklen_t

    init(copying address: UnsafePointer<sockaddr>, length: socklen_t) {
        storage = sockaddr_storage()
        self.length = min(length, socklen_t(MemoryLayout<sockaddr_storage>.size))
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(self.length)))
        }
    }

    /// All interfaces, of IPv6 or of IPv4.
    static func any(family: CInt, port: UInt16) -> SocketAddress {
        if family == AF_INET6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            return SocketAddress(of: address)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        return SocketAddress(of: address)
    }

    /// The address that getsockname, getpeername or accept fills in; nil if the call fails.
    static func filled(
        by body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) -> (result: CInt, address: SocketAddress) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
        return (result, SocketAddress(of: storage, length: length))
    }

    static func local(of descriptor: CInt) -> SocketAddress {
        filled { getsockname(descriptor, $0, $1) }.address
    }

    static func peer(of descriptor: CInt) -> SocketAddress {
        filled { getpeername(descriptor, $0, $1) }.address
    }

    private init<Address>(of address: Address, length: socklen_t? = nil) {
        storage = sockaddr_storage()
        let size = socklen_t(MemoryLayout<Address>.size)
        self.length = min(length ?? size, size)
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: address) { target.copyMemory(from: $0) }
        }
    }

    /// True if the host is a numeric address, not a name.
    static func isNumeric(_ host: String) -> Bool {
        var bytes = in6_addr()
        return inet_pton(AF_INET, host, &bytes) == 1 || inet_pton(AF_INET6, host, &bytes) == 1
    }

    var family: CInt { CInt(storage.ss_family) }

    var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET: UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
            case AF_INET6: UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
            default: 0
            }
        }
    }

    /// The bytes of the address without its port, in the order of the network: 4 of IPv4, also seen through a dual-stack
    /// socket, 16 of IPv6; none of another family.
    var addressBytes: [UInt8] {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET: return withUnsafeBytes(of: bytes.load(as: sockaddr_in.self).sin_addr) { Array($0) }
            case AF_INET6:
                let address = withUnsafeBytes(of: bytes.load(as: sockaddr_in6.self).sin6_addr) { Array($0) }
                let isMapped = address[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
                return isMapped ? Array(address[12...]) : address
            default: return []
            }
        }
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// The address in numbers without its port; IPv4 seen through a dual-stack socket is shown as IPv4.
    var host: String {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = withPointer { address, length in
            getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        }
        guard result == 0 else { return "unknown" }
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let host = String(decoding: bytes, as: UTF8.self)
        let mapped = "::ffff:"
        guard host.hasPrefix(mapped), host.contains(".") else { return host }
        return String(host.dropFirst(mapped.count))
    }

    /// "127.0.0.1:104", "[::1]:104".
    var description: String {
        let host = host
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
