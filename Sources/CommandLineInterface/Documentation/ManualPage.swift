import DICOM

/// The man page, made from the option table, the exit codes and the examples.
package enum ManualPage {
    package static var text: String {
        header + description + operations + options + keys + jsonLines + exitStatus + signals + environment + files
            + patientData
            + web + monitoring + proxies + diagnostics + compatibility + seeAlso
    }

    // Commands run with the committed page must give the same bytes on every day: it has no date.
    private static let header = """
        .\\" Made by "dcmscu --generate man"; change the option table instead.
        .TH DCMSCU 1 "" "dcmscu \(ImplementationIdentity.version)" "User Commands"
        .SH NAME
        dcmscu \\- client for the DICOM network
        .SH SYNOPSIS
        .B dcmscu
        .RI [ OPTION "]... [" OPERATION "] " HOST " [" PORT "] [" FILE ]...
        .br
        .B dcmscu
        .RI [ OPTION "]... [" OPERATION "] [" TITLE @] HOST : PORT " [" FILE ]...
        .br
        .B dcmscu \\-\\-serve
        .IR DIR " [" OPTION ]...
        .br
        .B dcmscu \\-\\-watch \\-\\-port\\-scp
        .IR PORT " [" OPTION ]...
        .br
        .B dcmscu \\-\\-self\\-test

        """

    private static let description =
        ".SH DESCRIPTION\n"
        + paragraphs([
            """
            Verifies that a DICOM node answers (C-ECHO), sends files to it, queries it, retrieves from it, and requests \
            storage commitment: one operation in each run, --echo if none is named. Options and arguments may stand in any \
            order; long options may be abbreviated.
            """,
            """
            If no option names the operation, the first word may: "dcmscu find @pacs1" is "dcmscu --find @pacs1", and \
            "help" and "version" work alike. A host of such a name is reached with --hostname.
            """,
            """
            A TIME is a number of seconds, or numbers with units, the larger first: 90, 2.5, 500ms, 90s, 5m, 1h30m, 2d.
            """,
            """
            It can also play the server: --serve runs a small test archive over a folder, and --self-test runs every \
            operation against it with generated images. It is not a PACS.
            """,
            """
            Results are printed on the standard output, everything else on the standard error. The exit code says how the \
            run ended; 0 always means success.
            """,
            """
            Images are moved as they are: pixels and identities are not edited.
            """,
        ])

    // MARK: From the table

    /// A section for each operation: its purpose, the options that matter for it, and examples.
    private static var operations: String {
        ".SH OPERATIONS\nThe options named here are described under OPTIONS.\n"
            + OperationGuide.all.map(section).joined()
    }

    private static func section(_ guide: OperationGuide) -> String {
        guard let definition = guide.definition else { return "" }
        let heading = [definition.option, definition.value.placeholder].compactMap(\.self).joined(separator: " ")
        let names = guide.options.map { Roff.bold($0.option) }.joined(separator: ", ")
        return ".SS \"\(Roff.escaped(heading))\"\n"
            + paragraphs([sentence(definition.summary) + " " + definition.details] + guide.notes)
            + ".PP\nOptions: " + names + ".\n"
            + guide.examples.map(shown).joined()
    }

    private static func shown(_ example: CommandExample) -> String {
        ".PP\n\(Roff.text(example.purpose))\n.PP\n.\\\" sh\n.RS 4\n.EX\n\(commandLines(example))\n.EE\n.RE\n"
    }

    private static var options: String {
        ".SH OPTIONS\n"
            + OptionCategory.allCases.filter { $0 != .operation }.map { category in
                ".SS \(category.rawValue)\n" + OptionTable.documented(in: category).map(entry).joined()
            }.joined()
    }

    private static func entry(_ option: OptionDefinition) -> String {
        var tag = option.short.map { Roff.bold("-\($0)") + ", " } ?? ""
        tag += Roff.bold(option.option)
        if let placeholder = option.value.placeholder {
            tag +=
                option.value.takesArgument
                ? " " + value(option.value, placeholder) : "[=" + Roff.bold(placeholder) + "]"
        }
        var lines = [Roff.text(sentence(option.summary))]
        if !option.details.isEmpty { lines.append(Roff.text(option.details)) }
        if option.traits.contains(.repeatable) { lines.append("May be given several times.") }
        if let defaultText = option.defaultText { lines.append("Default: " + Roff.text(defaultText) + ".") }
        if option.isForSomeOperations {
            lines.append("With " + Roff.text(option.operationOptions.joined(separator: ", ")) + ".")
        }
        return Roff.tagged(tag, lines.joined(separator: "\n"))
    }

    /// Words to choose from in bold, what a person replaces in italics.
    private static func value(_ value: OptionValue, _ placeholder: String) -> String {
        guard case .choice(let choices) = value else { return Roff.italic(placeholder) }
        return choices.map { Roff.bold($0) }.joined(separator: "|")
    }

    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + (text.hasSuffix(".") ? "" : ".")
    }

    private static var exitStatus: String {
        ".SH EXIT STATUS\n"
            + ExitCode.allCases.map {
                Roff.tagged(Roff.bold(String($0.rawValue)), Roff.text(sentence($0.meaning)))
            }.joined()
            + ".PP\n"
            + Roff.text(
                "If several things went wrong, the worst one decides. Warnings of the peer are not failures unless --fail-on says so."
            )
            + "\n"
    }

    private static func commandLines(_ example: CommandExample) -> String {
        example.lines(indent: 0, width: 68).map { Roff.escaped($0) }.joined(separator: "\n")
    }

    // MARK: Prose

    private static let keys =
        ".SH KEYS\n"
        + paragraphs([
            """
            An attribute is named by its keyword, PatientName, or its tag: 10,10 or 0010,0010 or 00100010 or (0010,0010). \
            A path leads into a sequence: ScheduledProcedureStepSequence[0].Modality=CT or 0040,0100[0].8,60=CT. \
            After a tag written as two numbers, a comma may stand for the equals sign: 10,10,A*.
            """,
            """
            Keywords may be written in any case, and as the names of the standard: "Patient's Name". Short names of the usual \
            ones are \(AttributeName.short.map { "\($0.name) (\(DataDictionary.keyword(of: $0.tag)))" }.joined(separator: ", ")). \
            In --return and --columns, study and series are sets. A keyword of a worklist finds its sequence by itself: \
            ScheduledStationAETitle=CT1.
            """,
            """
            A key without a value asks the peer to return the attribute. A key with a value is matched. In text * stands \
            for any characters and ? for one; dates and times can be ranges, 20240101-20240131, 20240101- or -20240131; \
            UIDs can be lists with backslashes between them. Where the standard allows none of these, the key is refused. \
            Values are padded and encoded as their value representation demands. One that breaks its rules and may exist all the \
            same, such as an accession number of 18 characters or a UID with letters, is sent with a warning; --strict refuses it. \
            For a list of other values, ModalitiesInStudy=CT\\MR, multiple value matching is negotiated: a server that grants \
            it, which is noted, lists what has all of the values; others may list what has one of them. Over HTTP each value is asked for, and what has one of them is listed. For "" (no value) \
            empty value matching is negotiated.
            """,
            """
            Dates can be days, months and years, 2026-01-31, 2026-01, 2026; relative, today, yesterday, tomorrow, today-7d (also \
            w, m and y), this-week, last-month, last-year; and ranges of all these, 2026-01..today. -7d is the last seven days. \
            Times can be 08:30.
            """,
            """
            Every query has Specific Character Set, Query/Retrieve Level and, empty, the unique keys of the levels above. \
            A key for one of these replaces it. --queryhelp lists the keys that the standard defines. A command line of \
            gdcmscu's options, --find and not find, that gives a key sends nothing else. All other queries of --find and --worklist ask for the \
            unique key of the level, and, if no attribute to return is named, for the usual attributes of the level.
            """,
        ])

    private static let signals =
        ".SH SIGNALS\n"
        + Roff.tagged(
            Roff.bold("SIGINT") + ", " + Roff.bold("SIGTERM") + ", " + Roff.bold("SIGHUP"),
            Roff.text(
                "The first one ends the run in order, the second aborts the associations, the third ends the process. The exit code is "
                    + "130, 143 or 129. One --echo that prints its line and keeps nothing has no such end before it has waited for 20 "
                    + "milliseconds: the first one ends the process. Under nohup SIGHUP is ignored."))
        + Roff.tagged(
            Roff.bold("SIGUSR1"),
            Roff.text(
                "The run goes on, and says in one line on the standard error, and in the log, where it stands: what is done of all, "
                    + "instances, bytes and rate, failures, what is under way, and until when it waits."))

    private static let environment =
        ".SH ENVIRONMENT\n"
        + Roff.tagged(
            Roff.bold("GDCM_ROOT_UID"), Roff.text("The root of the UIDs that we generate; --root-uid overrides it."))
        + Roff.tagged(
            Roff.bold("DCMSCU_CONFIG"),
            Roff.text("The configuration file; --config overrides it. /dev/null stands for no configuration."))
        + Roff.tagged(
            Roff.bold("LC_ALL") + ", " + Roff.bold("LC_CTYPE") + ", " + Roff.bold("LANG"),
            "The locale, whose encoding decides the Specific Character Set of a query: ISO_IR 192 for UTF\\-8.")

    private static let files =
        ".SH FILES\n"
        + Roff.tagged(
            Roff.italic("~/.config/dcmscu/config.json"),
            "Named peers and defaults of options; see\n.BR dcmscu\\-config (5).")

    private static let compatibility =
        ".SH COMPATIBILITY\n"
        + paragraphs([
            """
            Command lines of gdcmscu work as its manual says. Where it was lenient, this program is not: an unknown \
            option, two operations at once, or an option that the operation does not have are errors, and the exit code \
            is 0 only after success.
            """
        ])

    private static let seeAlso = """
        .SH SEE ALSO
        .BR dcmscu\\-config (5),
        .BR dcmscu\\-nightly (7),
        .BR dcmscu\\-troubleshooting (7),
        .BR dcmscu\\-migrating (7),
        .BR dcmscu\\-tables (7),
        .BR gdcmscu (1),
        .BR dcmdump (1)
        .PP
        The DICOM standard, PS3.4, PS3.7 and PS3.8: https://www.dicomstandard.org/current

        """

    private static func paragraphs(_ texts: [String]) -> String {
        texts.map { Roff.text($0) + "\n" }.joined(separator: ".PP\n")
    }

    private static let patientData =
        ".SH PATIENT DATA\n"
        + paragraphs([
            OptionCategory.patientData
        ])

    // MARK: JSON lines

    /// The objects that `--format jsonl` prints, from the schema that they are held to.
    private static var jsonLines: String {
        ".SH JSON LINES\n" + jsonLinesIntroduction
            + RunEvent.Name.allCases.map { name in
                let members = name.members.map { Roff.italic($0.rawValue) }.joined(separator: ", ")
                return Roff.tagged(Roff.bold(name.rawValue), Roff.text(name.meaning) + ":\n" + members + ".")
            }.joined()
            + ".PP\nThe " + Roff.italic("outcome") + " of an object:\n"
            + RunEvent.Outcome.allCases.map { Roff.tagged(Roff.bold($0.rawValue), Roff.text($0.meaning) + ".") }
            .joined()
            + ".PP\nThe " + Roff.italic("cause") + " of a failure, beside the sentence in " + Roff.italic("error")
            + ":\n"
            + FailureCause.allCases.map { Roff.tagged(Roff.bold($0.rawValue), Roff.text($0.meaning) + ".") }.joined()
    }

    private static let jsonLinesIntroduction = paragraphs([
        """
        With --format jsonl --find and --worklist print each answer as one object in the DICOM JSON Model (PS3.18 F), on a line \
        of its own, and nothing else. All other operations print objects of the program's own, one a line as things happen. \
        The first member, event, tells what an object is about; a member that does not apply is left out. UIDs are \
        strings, statuses too, as the standard writes them (A700H); times are seconds, lengths bytes. path is the name of a \
        file as it is; pathBytes, in Base64, is beside it only if those bytes are no UTF-8. New members may be \
        added; those that are here keep their meaning.
        """
    ])

    // MARK: DICOMweb

    private static var web: String {
        let operations = OptionsOverHTTP.operations.map(\.option.description).joined(separator: ", ")
        return ".SH DICOMWEB\n"
            + paragraphs([
                """
                A HOST that begins with http:// or https:// is the base URL of a server of DICOMweb (PS3.18), and so is a node of \
                the configuration with "url" in the place of "host": \(operations) then work over HTTP, with the same options, \
                formats and exit codes. The base URL is what comes before /studies: that of Orthanc ends in /dicom-web, that of \
                dcm4chee in /dcm4chee-arc/aets/AETITLE/rs. What only an association has is refused beside a URL on the command \
                line, and passed over in the configuration.
                """,
                """
                A query is QIDO-RS: pages are asked for to the end, each match is compared with the keys as everywhere, and \
                matches of the level PATIENT are made of studies. A retrieval is WADO-RS: the instances are listed first, each is \
                received in the transfer syntax in which it is stored, and what is missing then is asked for one by one; an answer \
                that is not whole is exit code 1, and nothing of a cut instance is kept. Storage is STOW-RS, at most 10 instances \
                or 10 MB in a request: an instance counts as stored where the answer names it, whatever the status. Storage commitment \
                needs no port of ours: a server that works on is asked again until --wait. The worklist is that of PS3.18 14, or the older \
                mwlitems of dcm4chee. Sites that have \
                these services at several URLs name them by --qido-url, --wado-url and --stow-url.
                """,
                """
                An https:// URL is TLS by the rules of --tls-ca and its companions. --user and --passcode are HTTP's Basic, --jwt is \
                Bearer; a token in a file is read again when the file has changed, and once after a 401, so that another program may \
                renew it during a long night. --oauth-url and its companions have tokens by the client credentials of OAuth 2. \
                --header adds fields of any other kind. All of it goes to the servers of the URLs alone, never along with a redirect to \
                another one, and over http:// only to this machine, unless --user-in-clear is given. A token endpoint that gives no \
                token is exit code 5.
                """,
                """
                orthanc+http://HOST[:PORT] and orthanc+https:// are Orthanc's own interface, which needs no plugin: --echo asks for \
                /system, --find for /tools/find, --get for the file of each instance, and --store sends each file to /instances; \
                Success and AlreadyStored are stored, nothing else is. Options, lists, comparisons and exit codes are the same.
                """,
                """
                A status of HTTP gives these exit codes: 401, 403 and redirects that are not followed 5; 405, 406, 415 and 501 6; \
                410 1; all others that are no success 7. After 408, 429 and most of the numbers from 500 --retries tries again, \
                when the server says by Retry-After; where that is after --until or --total-timeout, the run ends at once with 8. HTTP is spoken by libcurl (libcurl.so.4), which is looked for at the first \
                URL and need not be installed otherwise; the proxies of its variables (https_proxy, no_proxy) are used.
                """,
            ]) + webExamples.map(shown).joined()
    }

    private static let webExamples = [
        CommandExample("Is there DICOMweb, and what can it do?", "--doctor https://pacs.example.org/dicom-web"),
        CommandExample(
            "The studies of today:", "--find https://pacs.example.org/dicom-web --key StudyDate=today --return study"),
        CommandExample(
            "Retrieve a study with a token that another program renews:",
            "--get https://pacs.example.org/dicom-web --key StudyInstanceUID=1.2.3 --jwt file:token --output got"),
        CommandExample(
            "Store with a user's name, and prove that each instance is listed:",
            "--store https://pacs.example.org/dicom-web --recursive study --user alice --passcode file:secret --verify find"
        ),
        CommandExample(
            "Behind nginx with an authority of the hospital's own, and evidence for its administrator:",
            "--echo https://pacs.example.org/dicom-web --tls-ca hospital-ca.pem --capture echo.har"),
    ]

    // MARK: Monitoring

    private static var monitoring: String {
        ".SH MONITORING\n"
            + paragraphs([
                """
                --format nagios prints one line as Nagios, Icinga, Checkmk and others read it, with the values that they draw, and ends \
                with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN: a mistake in the command line, or a fault of this side). \
                --warn and --crit are ranges of values that raise no alert: of the number of matches for --find and --worklist, of the \
                seconds of the run for other operations. Instances with a warning are WARNING. Unless --total-timeout is given, \
                the run ends after \(NumberWords.plain(MonitoringOptions.totalLimit)) seconds. Messages are in that output, too; \
                -V and -D write them to the standard error as ever.
                """,
                """
                Started by the name \(PluginFormat.program), through a link, the program is such a plugin: --echo, unless \
                another operation is named, and -w, -c and -t for --warn, --crit and --total-timeout.
                """,
                """
                --metrics FILE writes the outcome of any run for Prometheus' textfile collector: dcmscu_run_exit_code, \
                dcmscu_run_instances with the label outcome, dcmscu_run_bytes, dcmscu_run_matches, dcmscu_run_duration_seconds, \
                dcmscu_run_end_timestamp_seconds and dcmscu_run_last_success_timestamp_seconds, each with the labels operation, \
                peer and those of --metrics-label. The last success is kept over runs that fail. An alert on its age is the one \
                to have: it also tells of runs that never began.
                """,
                """
                --echo --format prometheus prints the metrics of all peers that are given, by the names of the blackbox exporter: \
                probe_success, probe_duration_seconds, probe_dns_lookup_time_seconds, and probe_dicom_duration_seconds with the \
                label phase; the label target is the peer.
                """,
            ])
    }

    // MARK: Proxies

    private static let proxies =
        ".SH PROXIES\n"
        + paragraphs([
            """
            Connections to peers go through the proxy of --proxy, or of a node that names one; with a user in the URL its \
            password comes from --proxy-password. Without the option all_proxy or ALL_PROXY of the environment counts, as for curl: \
            socks5h://, socks5:// and http:// (also without scheme), with USER:PASSWORD@ if need be. http_proxy and https_proxy are \
            for the web, and none of DICOM's. --proxy none connects directly.
            """,
            """
            no_proxy or NO_PROXY names the hosts that are connected to without a proxy: names with all that end in them, addresses \
            and networks such as 10.0.0.0/8, with commas between; * is every host. Against the proxy of the environment this machine \
            (localhost, 127.0.0.0/8, ::1) is always one of them; --proxy leads there, too.
            """,
            """
            The proxy of HTTP must allow CONNECT to the port of the peer; many allow 443 alone. TLS goes through the proxy, which sees \
            nothing of it. --connect-timeout limits the proxy's part with the rest of the connection. What a peer opens to \
            our port, as for --move and storage commitment, does not go through the proxy: the peer has to reach this machine \
            by itself.
            """,
        ])

    // MARK: Diagnostics

    /// The most frequent failures, with the hints that the program prints for them.
    private static var diagnostics: String {
        ".SH DIAGNOSTICS\n"
            + Roff.text(
                """
                A message names what failed and why, with the code that the standard has for it. Where a remedy is known, it \
                follows on a line that begins with "hint:". The usual ones, with words in capitals for what is yours:
                """)
            + "\n"
            + remedies.map { Roff.tagged(Roff.text($0.what), Roff.text($0.hint.text)) }.joined()
    }

    private static let remedies: [(what: String, hint: Hint)] = [
        ("name not found", .nameNotFound(host: "HOST")),
        ("connection refused", .connectionRefused(host: "HOST", port: 104)),
        ("time limit passed while connecting", .connectTimedOut(host: "HOST", port: 104, limit: .connectTimeout)),
        ("no route to host", .noRoute(host: "HOST")),
        ("the connection is closed at once", .closedAtOnce(usesTLS: false)),
        ("no answer to A-ASSOCIATE", .associationUnanswered(usesTLS: false)),
        ("called AE title not recognized", .calledAETitleNotRecognized(calling: "OURS", called: "TITLE")),
        ("calling AE title not recognized", .callingAETitleNotRecognized(calling: "TITLE")),
        ("local limit exceeded", .localLimitExceeded(mayRetry: true)),
        ("aborted by the peer after a request", .abortedAfterRequest(service: "C-FIND", calling: "TITLE")),
        ("no presentation context accepted", .noPresentationContext(service: "C-STORE")),
        ("move destination unknown (A801H)", .moveDestinationUnknown(aeTitle: "TITLE", host: "HOST", port: 11113)),
        ("instances are missing after a move", .noIncomingAssociation(aeTitle: "TITLE", host: "HOST", port: 11113)),
        ("cannot listen: port in use", .receiverPortTaken(port: 11113)),
        ("out of resources (A700H)", .outOfResources),
        ("certificate refused", .certificateRefused),
        ("no TLS version or cipher in common", .noCommonTLS),
    ]
}
