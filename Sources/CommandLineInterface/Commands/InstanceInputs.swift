import DICOMNode
import Glibc

extension InstanceBatches {
    /// The files and directories of a command line, and for `-` the names that come on the standard input.
    ///
    /// - Parameter cancellation: what ends the search before its end, where that is not the wish to stop alone.
    init(_ run: CommandRun, cancellation: Cancellation? = nil) {
        let inputs = run.invocation.inputs
        self.init(
            inputs.filter { $0 != Self.standardInput }.map { FilePath($0) }, recursive: run.invocation.isRecursive,
            list: inputs.contains(Self.standardInput) ? STDIN_FILENO : nil,
            cancellation: cancellation ?? run.cancellation)
    }

    private static let standardInput = "-"
}
