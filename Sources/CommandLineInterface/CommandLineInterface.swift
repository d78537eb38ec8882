import DICOM
import DICOMNode
import Glibc
import System

/// Runs the command line of this process and gives its exit code: with a stack that is large enough, whatever
/// `ulimit -s` says.
package func run() -> Int32 {
    SignalThread.holdStatusRequests()
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit) == 0,
        limit.rlim_cur < rlim_t(PosixThread.standardStackSize)
    else { return runHere() }
    let exitCode = Locked<Int32>(ExitCode.localFiles.rawValue)
    do throws(SystemError) {
        let thread = try PosixThread(name: "main") {
            let code = runHere()
            exitCode.withLock { $0 = code }
        }
        // The thread that the process began with only waits; signals are for the one that expects them.
        try SignalThread.block()
        thread.join()
    } catch {
        return cannotStart(error.description, on: DescriptorSink.standardError).rawValue
    }
    return exitCode.withLock { $0 }
}

@inline(never)
private func runHere() -> Int32 {
    let environment: Environment
    do throws(SystemError) {
        environment = try .process()
    } catch {
        return cannotStart(error.description, on: DescriptorSink.standardError).rawValue
    }
    let arguments = PluginCommandLine.translated(ArgumentText.ofProcess(), program: ArgumentText.program())
    return result(of: arguments, in: environment).processCode
}

/// Says that the process lacks what every run needs, and gives the exit code of that.
private func cannotStart(_ description: String, on sink: any ByteSink) -> ExitCode {
    Diagnostics(sink: sink).error(Message("cannot start", description))
    return .localFiles
}

/// Runs one command line, without the program's name, in an environment that may be a test's.
package func run(arguments: [String], in environment: Environment) -> ExitCode {
    result(of: arguments, in: environment).exitCode
}

/// Runs one command line, without the program's name; its result has the state of a monitoring plugin where that is asked for.
package func result(of arguments: [String], in environment: Environment) -> RunResult {
    let parsed: ParsedCommandLine
    do throws(UsageError) {
        let parser = CommandLineParser(
            rootUIDFromEnvironment: environment.variable("GDCM_ROOT_UID"),
            configurationFile: ConfigurationFile(
                variable: environment.variable,
                readFile: { path throws(FileReadError) in
                    do throws(SystemError) { try environment.hearSignals(.withFirstWait) } catch {
                        throw .system(error)
                    }
                    return try ConfigurationFile.contents(of: path)
                }))
        parsed = try parser.parse(arguments)
    } catch {
        return failure(.usage, Message(error), isPlugin: PluginFormat.isAskedFor(in: arguments), environment)
    }
    switch parsed {
    case .perform(let invocation): return perform([invocation], arguments, in: environment)
    case .performEach(let invocations): return perform(invocations, arguments, in: environment)
    case .empty:
        return RunResult(exitCode: print(HelpText.short, to: environment.standardError, environment).worst(.usage))
    case .help, .version, .queryHelp, .generate, .text:
        return RunResult(exitCode: print(parsed.text, to: environment.standardOutput, environment))
    }
}

/// The end of a command line that did nothing: a monitor reads the standard output alone.
private func failure(
    _ exitCode: ExitCode, _ message: Message, isPlugin: Bool, _ environment: Environment
) -> RunResult {
    guard isPlugin else {
        Diagnostics(sink: environment.standardError).error(message)
        return RunResult(exitCode: exitCode)
    }
    let line = PluginLine(unknown: message)
    _ = print(line.text, to: environment.standardOutput, environment)
    return RunResult(exitCode: exitCode, pluginState: line.state)
}

extension ParsedCommandLine {
    /// What is printed where nothing else is to be done; empty for a run.
    fileprivate var text: String {
        switch self {
        case .empty, .perform, .performEach: ""
        case .help(let topic): HelpText.text(topic)
        case .version: VersionText.text
        case .queryHelp(let model, let level): QueryHelpText.text(model: model, level: level)
        case .generate(let document): document.text
        case .text(let text): text
        }
    }
}

private func print(_ text: String, to sink: any ByteSink, _ environment: Environment) -> ExitCode {
    do throws(ByteSinkError) {
        try sink.write(text)
        return .success
    } catch {
        // A reader such as head has had what it wanted.
        guard !error.isReaderGone else { return .success }
        Diagnostics(sink: environment.standardError).error(Message("standard output", error.description))
        return error.exitCode
    }
}

/// Performs the invocations one after the other; an interruption ends all. Queries of several peers have one output.
@inline(never)
private func perform(
    _ invocations: [Invocation], _ arguments: [String], in environment: Environment
) -> RunResult {
    do throws(SystemError) {
        let isShort = invocations.count == 1 && invocations.allSatisfy(\.losesNothing)
        try environment.hearSignals(isShort ? .withFirstWait : .now)
    } catch {
        return RunResult(exitCode: cannotStart(error.description, on: environment.standardError))
    }
    let monitor: RunMonitor
    let page: DoctorReport?
    do throws(RunFailure) {
        monitor = try RunMonitor(invocations.first?.monitoring ?? MonitoringOptions(), environment)
        page = try invocations.first.flatMap { first throws(RunFailure) in try doctorReport(first.request) }
    } catch {
        let isPlugin = invocations.first?.monitoring.form == .nagios
        return failure(error.exitCode, error.message, isPlugin: isPlugin, environment)
    }
    var exitCode = ExitCode.success
    let document = invocations.first.flatMap { ProbeDocument($0.request) }
    if invocations.count > 1, invocations.allSatisfy({ $0.operation.isQuery }) {
        exitCode = performQueries(invocations, arguments, monitor, in: environment)
    } else if invocations.count == 2, invocations.allSatisfy({ $0.operation.takesTwoPeers }) {
        exitCode = performPair(invocations[0], invocations[1], arguments, monitor, in: environment)
    } else {
        for invocation in invocations where exitCode != .interrupted {
            do throws(RunFailure) {
                let run = try Run(invocation, arguments, environment)
                let (network, outcome, environment) = (run.network, run.outcome, run.environment)
                switch invocation.request {
                case .echo(let options): EchoCommand(options, network, outcome, environment).perform()
                case .store(let options): StoreCommand(options, network, outcome, environment).perform()
                case .find(let options):
                    let target = FindCommand.Target(options: options, network: network, outcome: outcome)
                    FindCommand([target], environment)?.perform()
                case .retrieve(let options):
                    RetrieveCommand(options, network, outcome, environment, destination: run.destination).perform()
                case .commit(let options): CommitmentCommand(options, network, outcome, environment).perform()
                case .serve(let options): ServeCommand(options, network, outcome, environment).perform()
                case .selfTest(let options): SelfTestCommand(options, outcome, environment).perform()
                case .doctor(let options):
                    DoctorCommand(options, network, outcome, environment, page: page, document: document).perform()
                case .watch(let options): WatchCommand(options, network, outcome, environment).perform()
                // It has two peers.
                case .compare: break
                case .copy(let options):
                    guard let destination = run.destination else { break }
                    warnOfOneArchive(network, destination)
                    CopyCommand(options, network, outcome, environment, destination: destination).perform()
                }
                exitCode = exitCode.worst(run.end(monitor))
            } catch {
                monitor.add(error, invocation)
                document?.add(error, invocation)
                let isTold = invocation.monitoring.form == .nagios
                exitCode = exitCode.worst(isTold ? error.exitCode : report(error, in: environment))
            }
        }
    }
    if let document {
        let text = document.text(escapesNonASCII: environment.localeEncoding != nil)
        exitCode = exitCode.worst(print(text, to: environment.standardOutput, environment))
    }
    return monitor.finish(exitCode)
}

/// The report that all peers of `--doctor` have in common; nil if none is asked for.
private func doctorReport(_ request: Request) throws(RunFailure) -> DoctorReport? {
    guard case .doctor(let options) = request, let path = options.reportPath else { return nil }
    do throws(FileProblem) { return try DoctorReport(path) } catch { throw RunFailure(.localFiles, Message(error)) }
}

private func performQueries(
    _ invocations: [Invocation], _ arguments: [String], _ monitor: RunMonitor, in environment: Environment
) -> ExitCode {
    var runs: [Run] = []
    var targets: [FindCommand.Target] = []
    for invocation in invocations {
        do throws(RunFailure) {
            guard case .find(let options) = invocation.request else { continue }
            let run = try Run(invocation, arguments, environment)
            runs.append(run)
            targets.append(FindCommand.Target(options: options, network: run.network, outcome: run.outcome))
        } catch {
            // Nobody is asked then: the metrics of the others are not to stay those of an earlier run.
            let others = RunFailure(
                error.exitCode,
                Message("not begun", "\(invocation.connection.peerName) could not be", hint: error.message.hint))
            for each in invocations { monitor.add(each == invocation ? error : others, each) }
            return report(error, in: environment)
        }
    }
    FindCommand(targets, runs.first?.environment ?? environment)?.perform()
    return runs.reduce(.success) { $0.worst($1.end(monitor)) }
}

/// Performs an operation that has two peers, each with its own network and outcome.
private func performPair(
    _ first: Invocation, _ second: Invocation, _ arguments: [String], _ monitor: RunMonitor, in environment: Environment
) -> ExitCode {
    var runs: [Run] = []
    do throws(RunFailure) {
        for invocation in [first, second] { runs.append(try Run(invocation, arguments, environment)) }
    } catch {
        for invocation in [first, second] { monitor.add(error, invocation) }
        return report(error, in: environment)
    }
    warnOfOneArchive(runs[0].network, runs[1].network)
    switch (first.request, second.request) {
    case (.compare(let one), .compare(let other)):
        CompareCommand(
            CompareCommand.Target(options: one, network: runs[0].network, outcome: runs[0].outcome),
            CompareCommand.Target(options: other, network: runs[1].network, outcome: runs[1].outcome),
            runs[0].environment
        ).perform()
    default: break
    }
    return runs.reduce(.success) { $0.worst($1.end(monitor)) }
}

private func warnOfOneArchive(_ first: Network, _ second: Network) {
    guard first.connection.mayBePeer(of: second.connection) else { return }
    first.diagnostics.warning(
        Message("\(first.peerName) and \(second.peerName)", "both are of this machine: they may be one archive"))
}

private func report(_ failure: RunFailure, in environment: Environment) -> ExitCode {
    if !failure.isReported { Diagnostics(sink: environment.standardError).error(failure.message) }
    return failure.exitCode
}

/// One invocation with what it needs: its messages, its network, its outcome.
private struct Run {
    let invocation: Invocation
    let environment: Environment
    let outcome: RunOutcome
    let network: Network
    /// The network as the node is reached by that instances go to; nil where it is not called.
    let destination: Network?
    private let archive: HTTPArchiveFile?
    private let watch = Stopwatch()
    private let statusID: Int

    /// Opens the log and writes its first line.
    ///
    /// - Throws: ``RunFailure`` if the log cannot be written, or certificates, keys or secrets cannot be read.
    init(_ invocation: Invocation, _ arguments: [String], _ processEnvironment: Environment) throws(RunFailure) {
        let environment = processEnvironment.silenced(for: invocation)
        // findscu's -W asks for a worklist: a person who types it gets a list of studies without a word.
        if environment.terminalWidth != nil, invocation.operation == .find, arguments.contains("-W") {
            Diagnostics(sink: environment.standardError).note(
                Message("\(OptionName.warning): only warnings and errors are shown", hint: .warningForWorklist))
        }
        var channels = try Self.channels(invocation, in: environment)
        // What goes wrong with the files of evidence is told where the user looks, and not in them.
        let reporter = Diagnostics(channels, redaction: invocation.redaction)
        let transcript = try Self.transcript(invocation, reporter)
        if let transcript {
            channels.append(
                Diagnostics.Channel(
                    sink: transcript.messages(), level: .note, style: LogLine.Style(isBare: true)))
        }
        let diagnostics = Diagnostics(channels, redaction: invocation.redaction)
        diagnostics.frameStart(arguments)
        let isOverHTTP = invocation.connection.web != nil
        let capture = isOverHTTP ? nil : try Self.capture(invocation.messages, reporter)
        archive = isOverHTTP ? try Self.archive(invocation.messages, reporter) : nil
        let text = isOverHTTP ? try Self.textCapture(invocation, reporter) : nil
        outcome = RunOutcome(
            diagnostics: diagnostics,
            events: invocation.messages.writesEvents
                ? EventWriter(
                    output: environment.standardOutput, escapesNonASCII: environment.localeEncoding != nil,
                    words: diagnostics.redaction.words) : nil)
        let uids = UIDGenerator(root: invocation.uidRoot)
        let webCapture =
            isOverHTTP
            ? WebCapture(diagnostics.redaction, archive: archive, texts: [transcript, text].compactMap { $0 }) : nil
        let rate = invocation.connection.maximumRate.map {
            RateLimit(bytesPerSecond: $0, cancellation: environment.cancellation)
        }
        func network(
            _ operation: Operation, _ connection: ConnectionOptions
        ) throws(RunSecurity.Failure) -> Network {
            Network(
                operation, connection,
                security: try RunSecurity(
                    connection, environment: environment, diagnostics: diagnostics, recorder: capture, rate: rate),
                diagnostics: diagnostics, cancellation: environment.cancellation, progress: environment.progress,
                transcript: transcript, webCapture: webCapture,
                makeUID: { uids.makeUID(from: environment.randomBytes()) })
        }
        do throws(RunSecurity.Failure) {
            self.network = try network(invocation.operation, invocation.connection)
            if var connection = invocation.destination {
                // What comes there is of studies that were begun.
                (connection.hours, connection.studiesPerMinute) = (nil, nil)
                destination = try network(invocation.operation == .copy ? .store : .find, connection)
            } else {
                destination = nil
            }
        } catch {
            diagnostics.error(error.message)
            diagnostics.frameEnd(.usage, RunEvent(.summary), seconds: watch.seconds)
            throw RunFailure(.usage, error.message, isReported: true)
        }
        self.invocation = invocation
        self.environment = environment
        let name = Self.name(invocation)
        statusID = environment.status.add { [outcome, network = self.network] in
            outcome.diagnostics.answer("status of \(outcome.status.line(name, network.pace))")
        }
    }

    /// The operation and its peer, as the line about where it stands names them.
    private static func name(_ invocation: Invocation) -> String {
        let option = invocation.operation.option.description
        guard invocation.operation.callsPeer else {
            return invocation.connection.receiverPort.map { "\(option) at port \($0)" } ?? option
        }
        return "\(option) \(invocation.connection.peerName)"
    }

    /// The transcript of the run; nil if nobody wants one.
    private static func transcript(
        _ invocation: Invocation, _ diagnostics: Diagnostics
    ) throws(RunFailure) -> Transcript? {
        guard let path = invocation.messages.transcriptPath else { return nil }
        return try transcript(at: path, invocation, "transcript", diagnostics)
    }

    /// The capture over HTTP that is text; nil if nobody wants one.
    private static func textCapture(
        _ invocation: Invocation, _ diagnostics: Diagnostics
    ) throws(RunFailure) -> Transcript? {
        guard let path = invocation.messages.capturePath, !path.isHTTPArchive else { return nil }
        return try transcript(at: path, invocation, "capture", diagnostics)
    }

    private static func transcript(
        at path: FilePath, _ invocation: Invocation, _ name: String, _ diagnostics: Diagnostics
    ) throws(RunFailure) -> Transcript {
        do throws(FileProblem) {
            let peer = invocation.operation.callsPeer ? invocation.connection.peerName : "none, it listens"
            return try Transcript(path, peer: peer, isRedacted: invocation.redaction.isOn) { problem in
                diagnostics.warning(
                    Message("the \(name) \(path.displayed) ends here, the run does not", problem.cause))
            }
        } catch {
            throw RunFailure(.localFiles, Message("cannot write the \(name) \(path.displayed)", error.cause))
        }
    }

    /// The capture over HTTP that is HAR; nil if nobody wants one.
    private static func archive(
        _ options: MessageOptions, _ diagnostics: Diagnostics
    ) throws(RunFailure) -> HTTPArchiveFile? {
        guard let path = options.capturePath, path.isHTTPArchive else { return nil }
        do throws(FileProblem) {
            return try HTTPArchiveFile(path) { problem in
                diagnostics.warning(
                    Message("the capture \(path.displayed) ends here, the run does not", problem.cause))
            }
        } catch {
            throw RunFailure(.localFiles, Message("cannot write the capture \(path.displayed)", error.cause))
        }
    }

    /// The capture of the run; nil if nobody wants one.
    private static func capture(
        _ options: MessageOptions, _ diagnostics: Diagnostics
    ) throws(RunFailure) -> PacketCapture? {
        guard let path = options.capturePath else { return nil }
        var rules = CaptureRules()
        rules.hidesPatientData = !options.logsPatientData
        rules.keptBytes = options.capturedBytes
        do throws(FileProblem) {
            let file = try PacketFile(path, rules: rules) { problem in
                diagnostics.warning(
                    Message("the capture \(path.displayed) ends here, the run does not", problem.cause))
            }
            return PacketCapture(file, rules: rules)
        } catch {
            throw RunFailure(.localFiles, Message("cannot write the capture \(path.displayed)", error.cause))
        }
    }

    /// Ends the log, tells the monitor, and returns the exit code of the run.
    func end(_ monitor: RunMonitor) -> ExitCode {
        environment.status.remove(statusID)
        outcome.status.end()
        network.pace?.endEstimate()
        archive?.finish()
        outcome.finish(invocation.operation, peer: network.peerName)
        defer {
            monitor.add(
                RunMonitor.FinishedRun(
                    operation: invocation.operation, peer: network.peerName, exitCode: outcome.exitCode,
                    summary: outcome.summary, hint: outcome.hint, service: network.serviceName,
                    isOverHTTP: network.connection.web != nil))
        }
        let diagnostics = outcome.diagnostics
        diagnostics.frameEnd(outcome.exitCode, outcome.summary, seconds: watch.seconds)
        guard let path = invocation.messages.logFile, let failure = diagnostics.logFailure else {
            return outcome.exitCode
        }
        // The log was asked for as the results were.
        outcome.record(failure.exitCode)
        Diagnostics(sink: environment.standardError).error(
            Message("cannot write the log file \(path.displayed)", failure.description))
        return outcome.exitCode
    }

    /// The standard error and, if there is one, the log file. The log is a copy: errors reach the standard error all the same.
    private static func channels(
        _ invocation: Invocation, in environment: Environment
    ) throws(RunFailure) -> [Diagnostics.Channel] {
        let options = invocation.messages
        var style = LogLine.Style(
            hasTime: options.hasTimes, isJSON: options.hasTimes && options.logFormat == .json,
            hasPriority: environment.writesToJournal)
        guard let path = options.logFile else {
            return [Diagnostics.Channel(sink: environment.standardError, level: options.verbosity, style: style)]
        }
        if let level = ForeignOption.level(path.displayed) {
            Diagnostics(sink: environment.standardError, level: options.verbosity).note(
                Message("messages go to the file \(path.displayed)", hint: .logFileNamedAsLevel(level)))
        }
        let standardError = Diagnostics.Channel(sink: environment.standardError, level: .error, style: style)
        style = LogLine.Style(hasTime: true, isJSON: options.logFormat == .json)
        do throws(FileProblem) {
            let log = try FileSink(appendingTo: path)
            return [
                standardError, Diagnostics.Channel(sink: log, level: options.verbosity, style: style, isLog: true),
            ]
        } catch {
            throw RunFailure(.localFiles, Message("cannot write the log file \(path.displayed)", error.cause))
        }
    }
}
