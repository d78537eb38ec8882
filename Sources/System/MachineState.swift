import Glibc

/// What a process can know of the machine that it runs on.
package enum MachineState {
    /// The descriptors that this process may have open at once; nil if they are not limited.
    package static var openFileLimit: UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return nil
        }
        return UInt64(limit.rlim_cur)
    }

    /// The processors that this process may use, at least one.
    package static var processors: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

    /// The free bytes of the file system that a folder is on, for this user.
    ///
    /// - Throws: `SystemError` if it cannot be asked.
    package static func freeBytes(in folder: FilePath) throws(SystemError) -> UInt64 {
        var state = statvfs()
        _ = try systemCall("statvfs") { folder.withCString { statvfs($0, &state) } }
        return UInt64(state.f_bavail) * UInt64(state.f_frsize)
    }

    /// True if this process may make files in a folder.
    package static func isWritable(_ folder: FilePath) -> Bool { folder.withCString { access($0, W_OK | X_OK) } == 0 }
}
