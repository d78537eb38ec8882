import Glibc
package import System

@testable package import DICOMNode

/// A folder that goes away with all it holds at the end of the test.
package final class TemporaryFolder: Sendable {
    package let path: FilePath

    package init() throws {
        var template = Array("/tmp/dcmscu-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        path = FilePath(bytes: template.map { UInt8(bitPattern: $0) })
    }

    deinit { Self.remove(path) }

    package subscript(_ name: String) -> FilePath { path.appending(name) }

    package func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
        try write(bytes, to: self[name])
    }

    package func write(_ bytes: some Sequence<UInt8>, to path: FilePath) throws {
        let file = try FileDescriptor.open(path, for: .writing, [.creating, .truncating], permissions: 0o644)
        try file.writeAll(Array(bytes))
    }

    /// The same for callers whose own errors have a type.
    package func replace(_ bytes: some Sequence<UInt8>, of name: String) throws(FileProblem) {
        do {
            try write(bytes, to: name)
        } catch {
            throw FileProblem(self[name], .notWritable, "\(error)")
        }
    }

    package func makeFolder(_ name: String) throws {
        _ = try systemCall("mkdir") { self[name].withCString { mkdir($0, 0o755) } }
    }

    package func link(_ name: String, to target: String) throws {
        _ = try systemCall("symlink") { self[name].withCString { symlink(target, $0) } }
    }

    package func read(_ path: FilePath) throws -> [UInt8] {
        try FileDescriptor.contents(of: path, limit: .max)
    }

    /// All names below, with hidden ones, relative and sorted.
    package func names(below start: FilePath? = nil, prefix: String = "") throws -> [String] {
        let start = start ?? path
        let names = try DirectoryNames(of: start)
        return try (0..<names.count).flatMap { index -> [String] in
            let name = String(decoding: names.name(at: index), as: UTF8.self)
            guard names.kind(at: index) == .directory else { return [prefix + name] }
            return try [prefix + name + "/"]
                + self.names(below: start.appending(names.name(at: index)), prefix: prefix + name + "/")
        }
    }

    private static func remove(_ path: FilePath) {
        guard let names = try? DirectoryNames(of: path) else { return }
        for index in 0..<names.count {
            let entry = path.appending(names.name(at: index))
            if names.kind(at: index) == .directory {
                remove(entry)
            } else {
                _ = entry.withCString { unlink($0) }
            }
        }
        _ = path.withCString { rmdir($0) }
    }
}
