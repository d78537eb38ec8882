import DICOMNode
import Glibc
import System

/// Finds and reads the configuration file.
///
/// The file is the one of `--config`, else of `DCMSCU_CONFIG`, else `dcmscu/config.json` in `XDG_CONFIG_HOME` or `~/.config`; only
/// the last may be missing.
package struct ConfigurationFile: Sendable {
    /// In bytes: room for thousands of nodes.
    static let maximumLength = 1 << 20

    private let variable: @Sendable (String) -> String?
    private let readFile: @Sendable (String) -> Result<[UInt8], SystemError>

    init(
        variable: @escaping @Sendable (String) -> String?,
        readFile: @escaping @Sendable (String) -> Result<[UInt8], SystemError> = { Self.contents($0) }
    ) {
        self.variable = variable
        self.readFile = readFile
    }

    /// No configuration, whatever the machine has.
    package static let none = ConfigurationFile(
        variable: { _ in nil }, readFile: { .failure(SystemError(errno: ENOENT, operation: "open", path: $0)) })

    private static func contents(_ path: String) -> Result<[UInt8], SystemError> {
        do throws(SystemError) { return .success(try SmallFile.read(path, limit: maximumLength)) } catch {
            return .failure(error)
        }
    }

    /// - Parameter path: what `--config` names.
    func load(_ path: String?) throws(UsageError) -> Configuration {
        if let path { return try read(path, option: "\(OptionName.config)") }
        if let path = variable("DCMSCU_CONFIG"), !path.isEmpty { return try read(path, option: "DCMSCU_CONFIG") }
        guard let path = standardPath else { return .empty }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try readFile(path).get()
        } catch {
            if error.isNotFound { return .empty }
            throw UsageError(.configuration, option: path, problem: "cannot read \(path): \(error.reason)")
        }
        return try ConfigurationReader.read(bytes, path: path)
    }

    private var standardPath: String? {
        if let folder = variable("XDG_CONFIG_HOME"), folder.hasPrefix("/") { return "\(folder)/dcmscu/config.json" }
        return variable("HOME").flatMap { $0.isEmpty ? nil : "\($0)/.config/dcmscu/config.json" }
    }

    private func read(_ path: String, option: String) throws(UsageError) -> Configuration {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try readFile(path).get()
        } catch {
            throw UsageError(
                .configuration, option: option, value: path, problem: "\(option) \(path): \(error.reason)")
        }
        return try ConfigurationReader.read(bytes, path: path)
    }
}

/// Reads a file that is small, or not the one that was meant.
enum SmallFile {
    static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let raw = try systemCall("open", path: path) { open(path, O_RDONLY | O_CLOEXEC) }
        let descriptor = FileDescriptor(owning: raw)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try systemCall("read", path: path) {
                buffer.withUnsafeMutableBytes { Glibc.read(descriptor.rawValue, $0.baseAddress, $0.count) }
            }
            if count == 0 { return bytes }
            guard count <= limit - bytes.count else { throw SystemError(errno: EFBIG, operation: "read", path: path) }
            bytes += buffer.prefix(count)
        }
    }
}
