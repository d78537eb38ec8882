import DICOM
import DICOMNode
package import DICOMProtocol

/// What the options have said so far. Nothing here is checked against anything else: that is done once all are read, by
/// ``InvocationDraft/resolve(positionals:)``.
package struct InvocationDraft: Sendable {
    /// Options whose value is used as it is are put here at once.
    package var invocation: OptionValues
    package var operations: [Operation] = []
    package var host: HostArgument?
    package var port: UInt16?
    package var calledAETitle: AETitle?
    package var levels: Set<QueryLevel> = []
    package var models: [InformationModel] = []
    package var verbosity: Diagnostics.Level?
    package var isQueryHelp = false
    /// Whether files were given without an option.
    var hasPositionalFiles = false
    package var usesTLS = false
    package var tls = TLSOptions()
    package var userName: String?
    package var passcode: SecretReference?
    package var identities: [UserIdentityOption] = []

    /// A host as it was typed, with title and port where it held them: `TITLE@host:port`.
    package struct HostArgument: Sendable, Equatable {
        package var aeTitle: AETitle?
        package var host: String
        package var port: UInt16?
        /// The name of a node of the configuration, which has all of this: `@name`.
        package var node: String?

        /// Whether nothing may follow that belongs to it.
        var isComplete: Bool { port != nil || node != nil }
    }

    /// A peer as it was chosen on the command line.
    struct PeerChoice: Sendable, Equatable {
        var host: HostArgument
        var port: UInt16?
        /// How messages name the argument: `HOST`, `--hostname`.
        var option: String
    }

    package init() {
        invocation = OptionValues(
            operation: .echo, peer: Endpoint(host: "", port: Self.standardPort),
            callingAETitle: AETitle(wire: "DCMSCU".utf8), calledAETitle: AETitle(wire: "ANY-SCP".utf8))
    }

    /// The well-known port of DICOM, PS3.8 9.1.1.
    static let standardPort: UInt16 = 104

    /// The most talkative of several verbosities wins.
    package mutating func raise(to level: Diagnostics.Level) {
        verbosity = max(verbosity ?? level, level)
    }
}
