import DICOM
import DICOMweb
import Testing

@testable import CommandLineInterface

/// Each option of the table at a peer over HTTP: it is used, or it is refused, and nothing of it is passed over in silence.
struct OptionsOverHTTPTests {
    private static let url = "http://127.0.0.1:8042/dicom-web"

    /// Those that act where the peer is called over HTTP.
    private static let used: Set<OptionName> = [
        // The peer, its credentials and its TLS.
        .hostname, .qidoURL, .wadoURL, .stowURL, .header, .oauthURL, .oauthClient, .oauthSecret, .oauthScope,
        .user, .passcode, .jwt, .userInClear, .tlsCA, .tlsCRL, .tlsCert, .tlsKey, .tlsKeyPassword, .tlsMin,
        .tlsProfile, .tlsName, .tlsPin, .tlsShow, .tlsInsecure, .proxy, .proxyPassword,
        // Limits, attempts, order of work.
        .count, .interval, .connectTimeout, .timeout, .totalTimeout, .until, .hours, .perMinute, .maxRate, .retries,
        .retryDelay, .jobs, .limit,
        .wait, .buffer,
        // What is sent, and what of it is certain.
        .input, .recursive, .mode, .failedOut, .skipExisting, .assumeMeta, .verify, .committedOut, .maxReferences, .per,
        .strict,
        .dryRun,
        // What is asked for, and what is made of it.
        .key, .return, .station, .date, .query, .storeQuery, .charset, .fuzzy, .patient, .study, .series, .image,
        .trustServer,
        .assumeCharset, .forceCharset, .sort, .split, .groupBy, .columns, .show, .color, .wide, .format, .failIfNone,
        .fromList, .listKey, .shard, .noCheck, .prefer, .output, .name, .ifExists, .fsync, .keepBroken, .journal,
        .resume,
        .report,
        .only, .listChecks,
        // Messages, evidence, monitoring, configuration.
        .verbose, .quiet, .debug, .warning, .error, .logFile, .logFormat, .logTime, .logPHI, .capture, .transcript,
        .metrics,
        .metricsLabel, .warn, .crit, .config, .showConfig, .nodes, .failOn, .rootUID, .help, .version, .queryhelp,
        .generate,
    ]

    /// Those whose answer is the same over HTTP whether they are given or not: there is one model, every query may be relational, and
    /// files are sent as they are.
    private static let withoutMeaning: Set<OptionName> = [.patientroot, .studyroot, .relational, .neverRewrite]

    private static let operations: [(operation: Operation, line: String)] = [
        (.echo, "--echo \(url)"), (.find, "--find \(url) -k PatientID"), (.worklist, "--worklist \(url)"),
        (.get, "--get \(url) -k StudyInstanceUID=1.2"), (.store, "--store \(url) a"),
        (.storageCommitment, "--stgcmt \(url) a"), (.doctor, "--doctor \(url)"), (.probe, "--probe \(url)"),
        (.compare, "--compare \(url)/other \(url)"),
        (.copy, "--copy \(url) \(url)/other -k StudyInstanceUID=1.2"),
    ]

    @Test func `the operations over HTTP are those of the table`() {
        #expect(Set(Self.operations.map(\.operation)) == Set(OptionsOverHTTP.operations))
    }

    @Test(arguments: operations.map(\.operation))
    func `each option of an operation is used or refused with both named`(_ operation: Operation) throws {
        let line = try #require(Self.operations.first { $0.operation == operation }?.line)
        let refused = Set(OptionsOverHTTP.ofAssociations)
        for option in OptionTable.all where option.operations.contains(operation) {
            // A new archive may list late over HTTP, too.
            guard refused.contains(option.name), operation != .copy || option.name != .grace else { continue }
            let value = UsageErrorTests.goodValue(option)
            let given = option.value.takesArgument ? "\(option.option)=\(value)" : option.option
            let error = try usageError("\(line) \(given)")
            // An option may need another one first, which is told as everywhere.
            let needsOther = error.code == .missingOption || error.code == .optionNotApplicable
            #expect(error.problem.contains(option.option), "\(given): \(error.problem)")
            #expect(needsOther || error.problem.contains(Self.url), "\(given): \(error.problem)")
        }
    }

    @Test(arguments: operations.map(\.operation))
    func `what is not refused leaves the peer as it is`(_ operation: Operation) throws {
        let line = try #require(Self.operations.first { $0.operation == operation }?.line)
        let refused = Set(OptionsOverHTTP.ofAssociations)
        var accepted = 0
        for option in OptionTable.all
        where option.operations.contains(operation) && !refused.contains(option.name)
            && !Self.ends.contains(option.name)
        {
            let value = UsageErrorTests.goodValue(option)
            let given = option.value.takesArgument ? "\(option.option)=\(value)" : option.option
            let parser = CommandLineParser(rootUIDFromEnvironment: nil)
            let parsed: ParsedCommandLine
            do throws(UsageError) {
                parsed = try parser.parse(words("\(line) \(given)"))
            } catch {
                // Of another option, or of a file: never because of HTTP.
                #expect(!error.problem.contains("HOST is"), "\(given): \(error.problem)")
                continue
            }
            let invocation: Invocation
            switch parsed {
            case .perform(let one): invocation = one
            case .performEach(let pair) where operation.takesTwoPeers: invocation = pair[1]
            default: continue
            }
            accepted += 1
            #expect(invocation.connection.web?.description == Self.url, "\(given)")
        }
        #expect(accepted > 10)
    }

    /// Those that end the command line with a text, and those that name the operation.
    private static let ends: Set<OptionName> = [.help, .version, .generate, .listChecks, .queryhelp, .showConfig]

    @Test func `each option of the operations is in one of the lists`() {
        let refused = OptionsOverHTTP.ofAssociations
        let operations = Set(OptionsOverHTTP.operations)
        let names = OptionTable.all.filter { option in
            operations.contains { option.operations.contains($0) } && option.category != .operation
        }.map(\.name)
        let classified = refused + Array(Self.used) + Array(Self.withoutMeaning)
        #expect(names.filter { !classified.contains($0) } == [])
        #expect(refused.filter { Self.used.contains($0) || Self.withoutMeaning.contains($0) } == [])
    }
}
