import Glibc

/// Files that have no name until they are given one, open(2).
enum UnnamedFile {
    /// `O_TMPFILE`, which is not in Swift's Glibc module: a bit of its own, and that of a folder.
    static let flag: CInt = 0o20_000_000 | O_DIRECTORY

    private static let descriptors = "/proc/self/fd"

    /// Whether a file that is open can be given a name: it is found by its descriptor.
    static let canBeNamed = access(descriptors, X_OK) == 0

    /// Fails with `EEXIST` where the name is taken.
    static func link(_ descriptor: CInt, _ name: FilePath, in parent: CInt) throws(SystemError) {
        let path = "\(descriptors)/\(descriptor)"
        _ = try systemCall("link") {
            name.withCString { linkat(AT_FDCWD, path, parent, $0, AT_SYMLINK_FOLLOW) }
        }
    }
}
