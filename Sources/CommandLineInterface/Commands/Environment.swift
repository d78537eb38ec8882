package import DICOM
import DICOMNode
import Glibc
package import System

/// What a run takes from the process around it. Everything is a value, so that tests run the whole command line in memory.
package struct Environment: Sendable {
    package var standardOutput: any ByteSink
    package var standardError: any ByteSink
    /// The character encoding of the user's locale, as `nl_langinfo(CODESET)` names it.
    package var codeset: String
    /// The day on which it was first asked for: the zone is a file that few runs read.
    package var today: CalendarDate { makeToday() }
    private let makeToday: @Sendable () -> CalendarDate
    package var cancellation: Cancellation
    /// Asked by SIGUSR1.
    package private(set) var status = StatusBoard()
    /// Has signals arrive as ``cancellation``: from the first wait on where a file is read that may be a named pipe, at once
    /// where a run begins that has something to lose. Until then, and where a text is all that is printed, they do what they do
    /// by default.
    private(set) var hearSignals: @Sendable (SignalThread.Beginning) throws(SystemError) -> Void =
        { (_) throws(SystemError) in }
    /// Only where a person watches a terminal.
    package var progress: ProgressLine?
    /// Sixteen random bytes for a UID.
    package var randomBytes: @Sendable () -> UIDGenerator.UUIDBytes

    /// One variable of the environment, as an argument of the command line would hold it.
    package var variable: @Sendable (String) -> String?

    /// True if the standard error goes to the journal of systemd.
    package var writesToJournal = false
    /// The width of the terminal that shows the standard output, in characters; nil where none does.
    package var terminalWidth: Int?
    /// Returns true if results are coloured; by default on a terminal, unless `NO_COLOR` is set or the terminal is a dumb one.
    func usesColor(_ choice: ColorChoice) -> Bool {
        switch choice {
        case .always: true
        case .never: false
        case .auto: terminalWidth != nil && (variable("NO_COLOR") ?? "").isEmpty && variable("TERM") != "dumb"
        }
    }

    /// How text of the locale is written; nil where it is UTF-8.
    package var localeEncoding: LocaleEncoding?
    /// All of the standard input.
    package var readStandardInput: @Sendable () throws(FileReadError) -> [UInt8] = { () throws(FileReadError) in [] }

    package init(
        standardOutput: any ByteSink, standardError: any ByteSink,
        codeset: String = "UTF-8", today: @autoclosure @escaping @Sendable () -> CalendarDate,
        cancellation: Cancellation = .never,
        randomBytes: @escaping @Sendable () -> UIDGenerator.UUIDBytes,
        variable: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.variable = variable
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.codeset = codeset
        makeToday = today
        self.cancellation = cancellation
        self.randomBytes = randomBytes
    }
}

extension Environment {
    /// The environment of this process.
    ///
    /// - Throws: `SystemError` if the pipes of the cancellation cannot be made.
    static func process() throws(SystemError) -> Environment {
        FileDescriptor.occupyStandardStreams()
        SignalThread.ignoreFailedWrites()
        let codeset = ArgumentText.codeset
        let cancellation = try Cancellation()
        var environment = Environment(
            standardOutput: DescriptorSink.standardOutput,
            standardError: DescriptorSink.standardError, codeset: codeset, today: todayOfProcess,
            cancellation: cancellation, randomBytes: { randomBytes() }, variable: { value(of: $0) })
        environment.hearSignals = { [status = environment.status] (beginning) throws(SystemError) in
            try SignalThread.start(beginning, raising: cancellation, onStatusRequest: { status.ask() })
        }
        environment.terminalWidth = terminalWidth()
        environment.writesToJournal = writesToJournal()
        environment.readStandardInput = { () throws(FileReadError) in try FileInput.readStandardInput() }
        environment.watch(DescriptorSink.standardOutput, DescriptorSink.standardError)
        // Whoever reads is served in their encoding; UTF-8 and the C locale, which names none, need no conversion.
        if let encoding = LocaleEncoding(codeset: codeset) {
            environment.localeEncoding = encoding
            environment.standardOutput = TranscodingSink(environment.standardOutput, encoding)
            environment.standardError = TranscodingSink(environment.standardError, encoding)
        }
        return environment
    }

    /// The folder for what is gone when the program ends.
    var temporaryPlace: FilePath {
        let given = variable("TMPDIR") ?? ""
        return given.isEmpty ? "/tmp" : FilePath(argument: given)
    }

    /// The environment of a run. One that is quiet says nothing of what is well: it is without progress, and without the lines of
    /// `--echo` and `--serve`, unless they are for a program. One for a monitor prints nothing of its own, and a plugin explains
    /// itself on the standard output alone, unless more words are asked for.
    func silenced(for invocation: Invocation) -> Environment {
        var silenced = self
        if let form = invocation.monitoring.form {
            silenced.progress = nil
            silenced.terminalWidth = nil
            silenced.standardOutput = DiscardingSink()
            if form == .nagios, invocation.messages.verbosity <= .note { silenced.standardError = DiscardingSink() }
            return silenced
        }
        guard invocation.messages.isQuiet else { return self }
        silenced.progress = nil
        if !invocation.messages.writesEvents, invocation.operation == .echo || invocation.operation == .serve {
            silenced.standardOutput = DiscardingSink()
        }
        return silenced
    }

    /// Where a person watches, messages and results go round the progress line.
    private mutating func watch(_ output: DescriptorSink, _ error: DescriptorSink) {
        guard error.isTerminal else { return }
        let line = ProgressLine(terminal: error, columns: { ProgressLine.columns(of: STDERR_FILENO) })
        progress = line
        standardError = line.sink(over: error)
        if output.isTerminal { standardOutput = line.sink(over: output) }
    }

    /// Returns true if JOURNAL_STREAM names the device and inode of the standard error, systemd.exec(5).
    private static func writesToJournal() -> Bool {
        var status = stat()
        guard let stream = value(of: "JOURNAL_STREAM"), fstat(STDERR_FILENO, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }

    /// The width of the terminal behind the standard output; nil where it is none.
    private static func terminalWidth() -> Int? {
        isatty(STDOUT_FILENO) == 1 ? ProgressLine.columns(of: STDOUT_FILENO) : nil
    }

    /// The value of a variable as an argument of the command line would hold it: a path among them gives back its bytes.
    private static func value(of name: String) -> String? {
        getenv(name).map {
            ArgumentText.decode(UnsafeRawBufferPointer(start: $0, count: strlen($0)), ArgumentText.localeEncoding)
        }
    }

    private static let todayOfProcess: CalendarDate = {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return CalendarDate(year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday))
            ?? CalendarDate.epoch
    }()

    private static func randomBytes() -> UIDGenerator.UUIDBytes {
        var generator = SystemRandomNumberGenerator()
        let high = generator.next()
        let low = generator.next()
        return unsafeBitCast((high, low), to: UIDGenerator.UUIDBytes.self)
    }
}
