import Glibc

/// How the memory of large blocks is kept.
package enum LargeBlocks {
    /// Has the memory of blocks of half a megabyte and more go back to the system when they are freed.
    ///
    /// The library otherwise keeps up to 32 MiB of them for each thread: a server that has met a few large messages on many
    /// associations would hold hundreds of megabytes for ever. A client, whose run ends, is faster with what it has used before.
    package static func returnToSystem() {
        // Not in the module of the system's library.
        guard let address = dlsym(nil, "mallopt") else { return }
        let option = unsafeBitCast(address, to: (@convention(c) (CInt, CInt) -> CInt).self)
        _ = option(mmapThreshold, 512 * 1024)
        _ = option(trimThreshold, 512 * 1024)
    }

    /// `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of malloc.h.
    private static let trimThreshold: CInt = -1
    private static let mmapThreshold: CInt = -3
}
