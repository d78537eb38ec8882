package import DICOMProtocol
package import System

extension Connector {
    /// The protocol in which a port answers a request of HTTP, on a connection of its own: a web server that waits for the end of a line
    /// says nothing to an A-ASSOCIATE-RQ. Nil if it says nothing to this either, or nothing that is known.
    package func protocolAnsweringHTTP(at endpoint: Endpoint, wait: WaitLimits) -> ForeignProtocol? {
        do throws(TransportError) {
            let connection = try connect(to: endpoint, wait: wait)
            defer { connection.close() }
            try connection.write(Array("GET / HTTP/1.0\r\n\r\n".utf8), wait: wait)
            var bytes = [UInt8](repeating: 0, count: Self.longestStart)
            let count = try bytes.withUnsafeMutableBufferPointer { buffer throws(TransportError) in
                var count = 0
                while count < buffer.count {
                    let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
                    let read = try connection.read(into: room, wait: wait)
                    guard read > 0 else { break }
                    count += read
                }
                return count
            }
            return bytes[..<count].withUnsafeBytes { ForeignProtocol.recognize($0) }
        } catch {
            return nil
        }
    }

    /// In bytes: what a protocol is recognized by.
    private static let longestStart = 8
}
