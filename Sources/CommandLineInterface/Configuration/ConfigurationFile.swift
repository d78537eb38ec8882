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
    private let readFile: @Sendable (FilePath) throws(FileReadError) -> [UInt8]

    init(
        variable: @escaping @Sendable (String) -> String?,
        readFile: @escaping @Sendable (FilePath) throws(FileReadError) -> [UInt8] = { path throws(FileReadError) in
            try contents(of: path)
        }
    ) {
        self.variable = variable
        self.readFile = readFile
    }

    static func contents(of path: FilePath) throws(FileReadError) -> [UInt8] {
        try FileDescriptor.contents(of: path, limit: maximumLength)
    }

    /// No configuration, whatever the machine has.
    package static let none = ConfigurationFile(
        variable: { _ in nil },
        readFile: { path throws(FileReadError) in
            throw .system(SystemError(errno: ENOENT, operation: "open", path: path))
        })

    /// - Parameter path: what `--config` names.
    func load(_ path: String?) throws(UsageError) -> Configuration {
        if let path { return try read(FilePath(argument: path), option: "\(OptionName.config)") }
        if let path = variable("DCMSCU_CONFIG"), !path.isEmpty {
            return try read(FilePath(argument: path), option: "DCMSCU_CONFIG")
        }
        guard let path = standardPath.map({ FilePath(argument: $0) }) else { return .empty }
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try readFile(path)
        } catch {
            if error.isNotFound { return .empty }
            throw UsageError(
                .configuration, option: path.displayed, problem: "cannot read \(path.displayed): \(error.reason)")
        }
        return try ConfigurationReader.read(bytes, path: path.displayed)
    }

    private var standardPath: String? {
        if let folder = variable("XDG_CONFIG_HOME"), folder.hasPrefix("/") { return "\(folder)/dcmscu/config.json" }
        return variable("HOME").flatMap { $0.isEmpty ? nil : "\($0)/.config/dcmscu/config.json" }
    }

    private func read(_ path: FilePath, option: String) throws(UsageError) -> Configuration {
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try readFile(path)
        } catch {
            throw UsageError(
                .configuration, option: option, value: path.displayed,
                problem: "\(option) \(path.displayed): \(error.reason)")
        }
        return try ConfigurationReader.read(bytes, path: path.displayed)
    }
}
