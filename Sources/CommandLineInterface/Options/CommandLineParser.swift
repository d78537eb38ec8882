/// Turns a command line into a typed request, by the option table, the way GNU getopt_long reads one.
package struct CommandLineParser: Sendable {
    /// `GDCM_ROOT_UID` of the environment.
    package let rootUIDFromEnvironment: String?

    package init(rootUIDFromEnvironment: String? = nil) {
        self.rootUIDFromEnvironment = rootUIDFromEnvironment
    }

    /// - Parameter arguments: without the program's name.
    package func parse(_ arguments: [String]) throws(UsageError) -> ParsedCommandLine {
        .empty
    }
}
