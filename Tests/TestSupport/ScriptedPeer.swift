import System

@testable import DICOMNode

/// A server that plays scripts: the first for the first connection, and so on; the last for all that follow.
package final class ScriptedPeer: Sendable {
    package let port: UInt16
    private let over: Cancellation
    private let thread: PosixThread

    package init(_ scripts: [[PeerStep]]) throws {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let over = try Cancellation()
        port = listener.port
        self.over = over
        thread = try PosixThread(name: "peer") {
            var number = 0
            while true {
                do throws(TransportError) {
                    let connection = try listener.accept(wait: WaitLimits(cancellation: over))
                    var player = PeerPlayer(connection, over: over)
                    player.play(scripts[min(number, scripts.count - 1)])
                    number += 1
                } catch {
                    return
                }
            }
        }
    }

    /// Ends the script wherever it is.
    package func stop() {
        over.raise(to: .abort)
        thread.join()
    }

    deinit { stop() }
}
