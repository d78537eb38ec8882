package import DICOM
package import System

/// What a run takes from the process around it. Everything is a value, so that tests run the whole command line in memory.
package struct Environment: Sendable {
    package var variables: [String: String]
    package var standardOutput: any ByteSink
    package var standardError: any ByteSink
    /// The character encoding of the user's locale, as `nl_langinfo(CODESET)` names it.
    package var codeset: String
    package var today: CalendarDate
    package var cancellation: Cancellation
    /// Only where a person watches a terminal.
    package var progress: ProgressLine?
    /// Sixteen random bytes for a UID.
    package var randomBytes: @Sendable () -> UIDGenerator.UUIDBytes

    /// One variable of the environment, for what only few runs look at.
    package var variable: @Sendable (String) -> String?

    /// The width of the terminal that shows the standard output, in characters; nil where none does.
    package var terminalWidth: Int?
    /// How text of the locale is written; nil where it is UTF-8.
    package var localeEncoding: LocaleEncoding?
    /// All of the standard input.
    package var readStandardInput: @Sendable () throws(FileReadError) -> [UInt8] = { () throws(FileReadError) in [] }

    package init(
        variables: [String: String] = [:], standardOutput: any ByteSink, standardError: any ByteSink,
        codeset: String = "UTF-8", today: CalendarDate, cancellation: Cancellation = .never,
        randomBytes: @escaping @Sendable () -> UIDGenerator.UUIDBytes,
        variable: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.variable = variable
        self.variables = variables
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.codeset = codeset
        self.today = today
        self.cancellation = cancellation
        self.randomBytes = randomBytes
    }
}
