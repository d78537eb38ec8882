import Glibc
package import System

/// Whether paths lie below a folder, by whatever names either is given: relative, through links, with `..`.
package final class FolderMembership: Sendable {
    private let folder: [UInt8]?
    /// The answers for the parents of earlier paths: instances of a run lie in few folders.
    private let known = Locked<[FilePath: Bool]>([:])
    private static let maximumKnown = 10_000

    /// - Parameter folder: exists; where it does not, nothing is in it.
    package init(_ folder: FilePath) {
        self.folder = Self.canonical(folder.isEmpty ? "." : folder)
    }

    package func holds(_ path: FilePath) -> Bool {
        guard let folder else { return false }
        let parent = path.parent
        if let answer = known.withLock({ $0[parent] }) { return answer }
        let separator = UInt8(ascii: "/")
        let answer =
            Self.canonical(parent).map { parent in
                parent == folder || folder == [separator] || parent.starts(with: folder + [separator])
            } ?? false
        known.withLock { known in
            if known.count >= Self.maximumKnown { known.removeAll() }
            known[parent] = answer
        }
        return answer
    }

    /// Absolute and without links; nil where there is no such folder.
    private static func canonical(_ path: FilePath) -> [UInt8]? {
        path.withCString { name -> [UInt8]? in
            guard let found = realpath(name, nil) else { return nil }
            defer { free(found) }
            return Array(UnsafeRawBufferPointer(start: found, count: strlen(found)))
        }
    }
}
