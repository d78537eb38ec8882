import CommandLineInterface
import System
import TestSupport

@testable import DICOMNode

/// One command line run within the test, and all that it said.
struct CommandLineRun {
    let exitCode: ExitCode
    let output: String
    let messages: String
    let seconds: Double

    init(_ arguments: [String], cancellation: Cancellation = .never) {
        let output = MemorySink()
        let messages = MemorySink()
        let environment = Environment(
            standardOutput: output, standardError: messages, today: .epoch, cancellation: cancellation,
            randomBytes: { (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) })
        let watch = Stopwatch()
        exitCode = run(arguments: arguments, in: environment)
        seconds = watch.seconds
        self.output = output.text
        self.messages = messages.text
    }
}
