package import System

/// The file that takes the secrets of TLS connections, in NSS key log format: with it Wireshark reads what was captured
/// of them on the wire. It belongs to its owner alone.
package final class KeyLog: Sendable {
    /// The variable of the environment that names the file, to this and other programs.
    package static let variable = "SSLKEYLOGFILE"

    private let file: RecordFile
    private let hasFailed = Locked(false)
    private let onFailure: @Sendable (FileProblem) -> Void

    /// Opens the file for appending, and makes it if it is missing.
    ///
    /// - Parameter onFailure: called once, for the first line that cannot be written.
    /// - Throws: `FileProblem` if the file cannot be written, or exists and is none of this kind.
    package init(_ path: FilePath, onFailure: @escaping @Sendable (FileProblem) -> Void) throws(FileProblem) {
        file = try RecordFile(path, .keyLog, appends: true)
        self.onFailure = onFailure
    }

    /// Adds a line; one that cannot be written is no reason for a connection to fail.
    package func write(_ line: String) {
        do throws(FileProblem) {
            try FileProblem.writing(file.path) { () throws(SystemError) in
                try file.descriptor.writeAll(Array("\(line)\n".utf8))
            }
        } catch {
            let isFirst = hasFailed.withLock { failed in
                defer { failed = true }
                return !failed
            }
            if isFirst { onFailure(error) }
        }
    }
}
