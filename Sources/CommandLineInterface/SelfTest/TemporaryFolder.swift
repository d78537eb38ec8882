import DICOMNode
import Glibc
import System

/// A folder that lasts as long as a self-test.
struct TemporaryFolder {
    let path: FilePath
    /// Folders that are made in it.
    private let below: [String]

    /// - Parameter variable: looks up `TMPDIR`.
    init(below: [String], variable: (String) -> String?) throws(SystemError) {
        var template =
            FilePath(argument: variable("TMPDIR") ?? "/tmp").bytes + Array("/dcmscu-self-test-XXXXXX".utf8) + [0]
        let made = template.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            return mkdtemp(start.assumingMemoryBound(to: CChar.self)) != nil
        }
        guard made else { throw SystemError.last("mkdtemp") }
        path = FilePath(bytes: template)
        self.below = below
    }

    func folder(_ name: String) -> FilePath { path.appending(name) }

    /// Deletes all of it. What cannot be deleted stays, as other temporary files do.
    func remove() {
        var scanner = FileScanner([path], recursive: true)
        while let finding = scanner.next() {
            if case .file(let file) = finding { _ = file.withCString { unlink($0) } }
        }
        for name in below { _ = folder(name).withCString { rmdir($0) } }
        _ = path.withCString { rmdir($0) }
    }
}
