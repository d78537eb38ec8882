import DICOM
import DICOMNode

/// Types command lines within the process, and keeps what they print.
struct SelfTestShell: Sendable {
    struct Run: Sendable {
        let exitCode: ExitCode
        let output: String
        let errors: String

        /// The first output that a person would look at.
        var firstError: String {
            errors.split(separator: "\n").first { !$0.contains("note:") }.map(String.init) ?? "no message"
        }
    }

    private let environment: Environment
    /// Host and port, or a URL.
    private let peer: [String]
    /// Options that go with each operation.
    private let options: [String]

    init(_ environment: Environment, port: UInt16, options: [String] = []) {
        self.init(environment, peer: [SelfTestArchive.address, "\(port)"], options: options)
    }

    private init(_ environment: Environment, peer: [String], options: [String]) {
        self.environment = environment
        self.peer = peer
        self.options = options
    }

    /// The same against another archive.
    func moved(to port: UInt16, options: [String]) -> SelfTestShell {
        SelfTestShell(environment, port: port, options: options)
    }

    /// The same against an archive that is called over HTTP.
    func moved(to url: String) -> SelfTestShell { SelfTestShell(environment, peer: [url], options: []) }

    /// Runs one operation against the archive.
    func perform(_ arguments: [String], files: [String] = []) -> Run {
        let (output, errors) = (MemorySink(), MemorySink())
        var inner = environment
        inner.standardOutput = output
        inner.standardError = errors
        // Nothing of the user's may change what is tested: no configuration, no locale, no terminal.
        inner.variable = { _ in nil }
        inner.codeset = "UTF-8"
        inner.localeEncoding = nil
        inner.terminalWidth = nil
        inner.progress = nil
        // There are no AE titles over HTTP.
        let hasTitle = peer.count == 1 || arguments.contains("\(OptionName.aetitle)")
        let titles = hasTitle ? [] : ["\(OptionName.aetitle)", "SELFTEST"]
        let code = CommandLineInterface.run(
            arguments: arguments + options + titles + peer + files, in: inner)
        return Run(exitCode: code, output: output.text, errors: errors.text)
    }

    /// Runs one operation that has to succeed.
    func run(_ arguments: [String], files: [String] = []) throws(SelfTestSteps.Failure) -> Run {
        let run = perform(arguments, files: files)
        guard run.exitCode == .success else {
            throw SelfTestSteps.Failure("exit code \(run.exitCode.rawValue): \(run.firstError)")
        }
        return run
    }

    /// The answers of a query.
    func find(_ arguments: [String], as operation: String = "\(OptionName.find)") throws(SelfTestSteps.Failure)
        -> [DataSet]
    {
        let run = try run([operation, "\(OptionName.format)", "jsonl"] + arguments)
        var answers: [DataSet] = []
        for line in run.output.split(separator: "\n") {
            do throws(DICOMJSONError) {
                answers += try DICOMJSON.parse(Array(line.utf8))
            } catch {
                throw SelfTestSteps.Failure("a match is not DICOM JSON: \(error)")
            }
        }
        return answers
    }
}
