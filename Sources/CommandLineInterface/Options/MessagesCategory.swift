import DICOM
import DICOMNode
import DICOMProtocol

extension OptionCategory {
    static let messagesOptions: [OptionDefinition] = [
        OptionDefinition(
            .verbose, short: "V", .messages, "verbose output", traits: [.compatible, .common],
            group: .verbosity,
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .verbose) }),
        OptionDefinition(
            .debug, short: "D", .messages, "debug output: every PDU and message, decoded",
            traits: [.compatible, .common],
            group: .verbosity,
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .debug) }),
        OptionDefinition(
            .warning, short: "W", .messages, "only warnings and errors", traits: .compatible,
            group: .verbosity,
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .warning) }),
        OptionDefinition(
            .error, short: "E", .messages, "only errors", traits: .compatible,
            group: .verbosity,
            apply: { (draft, _) throws(UsageError) in draft.raise(to: .error) }),
        OptionDefinition(
            .quiet, short: "q", .messages, "only results, warnings and errors",
            details: """
                No notes, no summaries and no progress; --echo and --serve print nothing where all is well. Matches, JSON lines \
                and lists of what is missing are printed as ever.
                """,
            group: .verbosity,
            apply: { (draft, _) throws(UsageError) in
                draft.raise(to: .warning)
                draft.messages.isQuiet = true
            }),
        OptionDefinition(
            .logFile, short: "L", value: .file, .messages, "append messages to a file",
            details: """
                Each line has the time and the number of the process; the first and the last of a run have the command line, and exit \
                code, counts and duration. It is a copy: errors are written to the standard error, too. \
                A file that is no log is not touched.
                """,
            default: .text("the standard error"), traits: .compatible,
            apply: { (draft, argument) throws(UsageError) in draft.messages.logFile = try argument.path() }),
        OptionDefinition(
            .logFormat, value: .choice(LogFormat.allCases.map(\.rawValue)), .messages, "form of the log",
            details: "json is one object on a line, with time, pid, level and message, and a hint where there is one.",
            default: .text(MessageOptions().logFormat.rawValue),
            rules: [.requires(.logFile, unless: .logTime)],
            apply: { (draft, argument) throws(UsageError) in
                draft.messages.logFormat = try argument.choice(LogFormat.self)
            }),
        OptionDefinition(
            .logTime, .messages, "write the time before each message on the standard error",
            details: "With the lines at the start and the end of a run that --log-file has.",
            apply: { (draft, _) throws(UsageError) in draft.messages.hasTimes = true }),
        OptionDefinition(
            .logPHI, .messages, "show patient data in messages and logs",
            details: patientData,
            apply: { (draft, _) throws(UsageError) in draft.messages.logsPatientData = true }),
        OptionDefinition(
            .capture, value: .file, .messages, for: .connecting, "write what is sent and received: pcapng or HAR",
            details: """
                For Wireshark: real addresses, ports, times and bytes, inside TLS too; the headers of IP and TCP are made up. \
                Patient data are masked in place, by the rules of --log-phi, which leaves them; secrets of a user identity are \
                always masked. A file of earlier runs gets a further section. A named pipe shows it while it happens. Needs no \
                privileges. A disk that is full ends the capture and not the run. Over HTTP it is HAR 1.2 where the \
                name ends in .har, and text otherwise: bodies up to 64 KiB, no images, and credentials, cookies and tokens never, \
                --log-phi or not.
                """,
            apply: { (draft, argument) throws(UsageError) in draft.messages.capturePath = try argument.path() }),
        OptionDefinition(
            .captureBytes, value: .integer(placeholder: "BYTES", 0...Int(Int32.max)), .messages, for: .connecting,
            "bytes kept of pixel data in a capture",
            details: """
                Also of other long binary values. The length in the capture stays that of the whole. Wireshark lists the elements of \
                an instance only where all of its bytes are there; --transcript lists them in any case.
                """,
            default: .integer(CaptureRules.standardKeptBytes), rules: [.requires(.capture)],
            apply: { (draft, argument) throws(UsageError) in draft.messages.capturedBytes = try argument.integer() }),
        OptionDefinition(
            .transcript, value: .file, .messages, for: .connecting, "write what was said to a file, as text",
            details: """
                To be mailed: version, command line and peer, then each association with the time since its beginning, every \
                message with its elements up to the pixels, what the state machine did (PS3.8 table 9-10), and the messages of \
                the run; over HTTP each request with its answer. Patient data are hidden as --log-phi says. A transcript of earlier runs is added to.
                """,
            apply: { (draft, argument) throws(UsageError) in draft.messages.transcriptPath = try argument.path() }),
        OptionDefinition(
            .failOn, value: .choice(FailurePolicy.allCases.map(\.rawValue)), .messages,
            for: [.store, .move, .get, .find, .worklist, .copy],
            "lowest severity that makes an instance or query count as failed",
            details: """
                With warning a warning status (0xB000 ...), or an instance received with a warning, makes the exit code 1.
                """,
            default: .text(FailurePolicy.failure.rawValue),
            apply: { (draft, argument) throws(UsageError) in
                draft.failOn = try argument.choice(FailurePolicy.self)
            }),
    ]

    static let configurationOptions: [OptionDefinition] = [
        OptionDefinition(
            .config, value: .file, .configuration, "read defaults and named peers from this file",
            details: "Also named by DCMSCU_CONFIG in the environment. See dcmscu-config(5).",
            default: .text("~/.config/dcmscu/config.json")),
        OptionDefinition(
            .showConfig, .configuration, "print the options in force and where each came from",
            details: """
                Nothing is sent. Takes an operation and a peer into account where they are given. The nodes are shown with all \
                that the configuration says of them.
                """),
        OptionDefinition(
            .nodes, .configuration, for: [.echo, .doctor, .probe],
            "test the connection to every node of the configuration",
            details: "One after the other, after the peers that are given. The exit code is that of the worst."),
    ]

    static let helpOptions: [OptionDefinition] = [
        OptionDefinition(
            .help, short: "h", value: .optionalChoice(HelpTopic.names), .help,
            "this help; also --help all, --help OPERATION",
            traits: [.compatible, .common]),
        OptionDefinition(
            .version, short: "v", .help, "the version, and what it is made of", traits: [.compatible, .common]),
        OptionDefinition(
            .queryhelp, .help, "list the keys for the model and level given",
            traits: [.compatible, .common]),
        OptionDefinition(
            .generate, value: .choice(GeneratedDocument.allCases.map(\.rawValue)), .help,
            "print the man page, a completion or the keywords", traits: .hidden),
    ]
}

extension OptionCategory {
    /// What messages and logs hide and what they show, for the option and for the manual.
    static let patientData = """
        Unless --log-phi is given, messages and logs of every format hide the values of groups 0010 and 0038, names of \
        persons (PN), and Accession Number, Study ID, Requested Procedure ID, Scheduled Procedure Step ID, Performed \
        Procedure Step ID, Placer Order Number / Imaging Service Request, Filler Order Number / Imaging Service Request, \
        Clinical Trial Subject ID and Clinical Trial Subject Reading ID; *** stands for each. Where data sets are shown (-D, \
        --capture, --transcript), all text (LO, SH, LT, ST, UC, UR, UT), binary values (OB, OD, OF, OL, OV, OW, UN) and \
        private elements are hidden, too, but for Manufacturer, Manufacturer's Model Name, Station Name, Software Versions, \
        Protocol Name, Timezone Offset From UTC, Code Value, Coding Scheme Designator, Coding Scheme Version and private \
        creators. What can appear of a data set are these, UIDs, codes (CS), AE titles, tags, dates, times and numbers \
        outside groups 0010 and 0038, and in a capture as many bytes of pixel data as --capture-bytes says. In the words of \
        a peer (Error Comment, also in results and journals) the words of the keys of those attributes, and of all text that \
        is hidden in the instance or match that they are about, are hidden; of the name Becker-Schmidt also Schmidt. A peer that \
        writes a value in another way (other letters, a date in words) is not found out. Other keys are shown as they were \
        given. Names of files that you give are shown, but for a part with a caret; of paths that --name makes of hidden \
        values the pattern is shown. Results on the standard output are what was asked for, and whole.
        """
}
