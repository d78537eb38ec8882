import Glibc
import Synchronization
import System

/// Files that have no name until they are given one, open(2).
enum UnnamedFile {
    /// `AT_EMPTY_PATH`, which is not in Swift's Glibc module: the descriptor itself is what gets the name.
    private static let emptyPath: CInt = 0x1000

    private static let descriptors = "/proc/self/fd"

    /// Whether a file that is open can be given a name: it is found by its descriptor.
    static let canBeNamed = access(descriptors, X_OK) == 0

    /// Older systems let nobody but root name a file by its descriptor alone; the way through /proc is longer, but open to all.
    static let namesByDescriptor = Atomic<Bool>(true)

    /// Fails with `EEXIST` where the name is taken.
    static func link(_ descriptor: CInt, _ name: FilePath, in parent: CInt) throws(SystemError) {
        if namesByDescriptor.load(ordering: .relaxed) {
            do throws(SystemError) {
                _ = try systemCall("link") {
                    name.withCString { linkat(descriptor, "", parent, $0, emptyPath) }
                }
                return
            } catch {
                guard error.errno != EEXIST else { throw error }
                // Whatever else it is, the other way says so too, or does it.
                if error.errno == ENOENT { namesByDescriptor.store(false, ordering: .relaxed) }
            }
        }
        let path = "\(descriptors)/\(descriptor)"
        _ = try systemCall("link") {
            name.withCString { linkat(AT_FDCWD, path, parent, $0, AT_SYMLINK_FOLLOW) }
        }
    }
}
