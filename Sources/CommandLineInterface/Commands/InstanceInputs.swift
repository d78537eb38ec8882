import DICOMNode
import Glibc

extension InstanceBatches {
    /// The files and directories of a command line, and for `-` the names that come on the standard input.
    init(_ run: CommandRun) {
        let inputs = run.invocation.inputs
        self.init(
            inputs.filter { $0 != Self.standardInput }.map { FilePath($0) }, recursive: run.invocation.isRecursive,
            list: inputs.contains(Self.standardInput) ? STDIN_FILENO : nil, cancellation: run.cancellation)
    }

    private static let standardInput = "-"
}
