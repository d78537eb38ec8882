import DICOMNode
import Glibc
import System

extension InstanceBatches {
    /// The files and directories of a command line, and for `-` the names that come on the standard input.
    ///
    /// - Parameter cancellation: what ends the search before its end.
    init(_ input: InputFiles, cancellation: Cancellation) {
        self.init(
            input.paths.filter { $0 != Self.standardInput },
            recursive: input.isRecursive,
            list: input.paths.contains(Self.standardInput) ? STDIN_FILENO : nil,
            cancellation: cancellation)
    }

    private static let standardInput: FilePath = "-"
}
