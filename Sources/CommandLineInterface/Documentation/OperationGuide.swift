/// A command line that help and manual page show. Tests run every one of them.
struct CommandExample: Sendable {
    let purpose: String
    /// The arguments as a person types them; quotes as in a shell.
    let arguments: String

    var command: String { "dcmscu \(arguments)" }

    init(_ purpose: String, _ arguments: String) {
        self.purpose = purpose
        self.arguments = arguments
    }

    /// The command in lines of at most a width, each but the last with a backslash at its end. An option and its value
    /// stay together where they fit.
    func lines(indent: Int, width: Int) -> [String] {
        let hidden: Character = "\u{A0}"
        var units: [String] = []
        for word in command.split(separator: " ") {
            if let option = units.last, option.hasPrefix("-"), !option.contains(hidden), !word.hasPrefix("-"),
                indent + option.count + 1 + word.count <= width
            {
                units[units.count - 1] += "\(hidden)\(word)"
            } else {
                units.append(String(word))
            }
        }
        let lines = TextLayout.wrapped(units.joined(separator: " "), indent: indent, width: width)
        return lines.enumerated().map { number, line in
            line.map { $0 == hidden ? " " : String($0) }.joined() + (number < lines.count - 1 ? " \\" : "")
        }
    }

    /// The examples of all operations.
    static let all = OperationGuide.all.flatMap(\.examples)
}

/// The documentation of one operation: its section of the manual page and its help are made from this and from the
/// option table.
struct OperationGuide: Sendable {
    let operation: Operation
    /// Paragraphs of the manual page, after the text of the option table.
    let notes: [String]
    /// The options that matter for the operation, in the order of their use.
    let optionNames: [OptionName]
    /// What options are for here, with their defaults, where that is not what the table says of all operations.
    let summaries: [OptionName: String]
    let examples: [CommandExample]

    init(
        _ operation: Operation, notes: [String] = [], options optionNames: [OptionName],
        summaries: [OptionName: String] = [:], examples: [CommandExample]
    ) {
        self.operation = operation
        self.notes = notes
        self.optionNames = optionNames
        self.summaries = summaries
        self.examples = examples
    }

    /// The option that asks for the operation.
    var definition: OptionDefinition? { OptionTable.definition(operation.option) }

    var options: [OptionDefinition] { optionNames.compactMap(OptionTable.definition) }

    /// The options of queries, for what is retrieved.
    private static let retrievalSummaries: [OptionName: String] = [
        .series: "retrieve series instead of studies", .sort: "retrieve in the order of these attributes",
        .limit: "retrieve N studies or series at most",
        .report: "write the outcome of each to a file (.csv, .jsonl)",
    ]

    /// The guide of an operation; nil for none only if a test of the documentation fails.
    static func of(_ operation: Operation) -> OperationGuide? { all.first { $0.operation == operation } }

    static let all: [OperationGuide] = [
        OperationGuide(
            .echo,
            notes: [
                """
                Each echo has an association of its own, so that name lookup, connect, negotiation, message and release are \
                all measured. Several peers can be named; the worst result decides the exit code.
                """
            ],
            options: [
                .call, .aetitle, .count, .interval, .connectTimeout, .timeout, .tls, .format, .verbose,
            ],
            examples: [
                CommandExample("Does the server answer?", "--echo pacs.example.org 11112"),
                CommandExample(
                    "With the AE titles of both sides:", "--echo --aetitle STATION ARCHIVE@pacs.example.org:11112"),
                CommandExample(
                    "Measure ten echoes:", "--echo pacs.example.org 11112 --count 10 --interval 0.1"),
                CommandExample("Log the association:", "--echo --verbose pacs.example.org 11112"),
                CommandExample(
                    "Over TLS, with a certificate of ours:",
                    "--echo --tls --tls-ca hospital-ca.pem --tls-cert station.pem pacs.example.org 2762"),
            ]),
        OperationGuide(
            .store,
            notes: [
                """
                A file is proposed in its own transfer syntax; an uncompressed one is rewritten without loss if the peer accepts \
                only another uncompressed syntax. Pixels are never decoded, and a truncated file is never sent. Nothing is \
                deleted. The first interrupt finishes the instance on its way and releases the association, the second aborts.
                """
            ],
            options: [
                .recursive, .input, .call, .aetitle, .jobs, .retries, .failedOut, .journal, .resume,
                .skipExisting, .verify, .maxRate, .hours, .format,
            ],
            examples: [
                CommandExample(
                    "Send all files below a directory:", "--store --call ARCHIVE pacs.example.org 11112 -r study/"),
                CommandExample(
                    "Over four associations, trying again what may succeed later:",
                    "--store pacs.example.org 11112 -r study/ --jobs 4 --retries 5"),
                CommandExample(
                    "Go on where an earlier run stopped:",
                    "--store pacs.example.org 11112 -r study/ --journal night.journal --resume"),
                CommandExample(
                    "Leave something of the network and of the server to others:",
                    "--store pacs.example.org 11112 -r study/ --max-rate 20MB/s --per-minute 600"),
                CommandExample(
                    "Send what the server lacks, and check that it lists it afterwards:",
                    "--store pacs.example.org 11112 -r study/ --skip-existing --verify find"),
                CommandExample(
                    "Send, and learn which files the server has committed to keep:",
                    "--store --verify commit --aetitle STATION --port-scp 11113 --journal sent.journal "
                        + "pacs.example.org 11112 -r study/"),
            ]),
        OperationGuide(
            .find,
            notes: [
                """
                Without keys the usual attributes of the level are asked for, and a terminal shows them as a table; see \
                dcmscu-tables(7). Several peers may be given. \
                Matches are printed as they arrive. Keys that the standard does not define at the level are sent with a \
                warning; --strict refuses them. --relational, --datetime-matching, --fuzzy and --timezone are negotiated, and \
                what the peer grants is reported. Each match is decoded by its own character set.
                """
            ],
            options: [
                .key, .return, .columns, .format, .sort, .limit, .groupBy, .wide, .patient, .series, .image,
                .patientroot, .query,
                .charset, .output, .storeQuery,
            ],
            summaries: [.output: "directory for the matches of --format dcm [the current directory]"],
            examples: [
                CommandExample("List the studies of a server:", "--find pacs.example.org 11112"),
                CommandExample(
                    "Show the newest study of a patient:",
                    "--find pacs.example.org 11112 -k id=4711 --sort -StudyDate --limit 1"),
                CommandExample(
                    "Count the studies of a month by day:",
                    "--find pacs.example.org 11112 -k date=2026-01 --group-by StudyDate"),
                CommandExample(
                    "List the studies of the last week:",
                    "--find pacs.example.org 11112 --key StudyDate=today-7d..today --return study"),
                CommandExample(
                    "Look for patients by name, as gdcmscu has it:",
                    "--find --patient --patientroot pacs.example.org 11112 --key '10,10=A*' --key 10,20"),
                CommandExample(
                    "List the series of a study for a spreadsheet:",
                    "--find --series pacs.example.org 11112 -k StudyInstanceUID=1.2.3 "
                        + "--columns Modality,SeriesNumber,SeriesDescription --format csv"),
                CommandExample(
                    "Print one JSON object for each match:",
                    "--find PACS@pacs.example.org:11112 -k StudyDate=20260101-20260131 --return study --format jsonl"),
                CommandExample(
                    "Look at every level without the keys of the levels above:",
                    "--find --series --relational pacs.example.org 11112 -k 'PatientName=DOE*' -k Modality=CT "
                        + "-k SeriesInstanceUID"),
            ]),
        OperationGuide(
            .move,
            notes: [
                """
                Wildcards, ranges and lists among the keys are resolved by C-FIND first. What the peer lists, what it says \
                that it sent, and what is on disk are compared afterwards; what is missing is requested again, and printed as \
                CSV for --from-list if it stays missing.
                """,
                """
                The first interrupt sends C-CANCEL. An instance on its way is received to its end, as long as it moves and for \
                30 s at most; a peer that has not ended the operation 2 s after it, or begins another one 2 s after C-CANCEL, is \
                aborted. What is on disk is whole, and the rest is printed. The second interrupt aborts at once.
                """,
            ],
            options: [
                .key, .series, .sort, .limit, .portSCP, .aetitle, .to, .moveDestination, .output, .name, .jobs,
                .journal,
                .resume, .fromList, .report, .dryRun, .ifExists, .acceptFrom,
            ],
            summaries: retrievalSummaries,
            examples: [
                CommandExample(
                    "Retrieve a study; the server knows STATION as this machine, port 11113:",
                    "--move --aetitle STATION ARCHIVE@pacs.example.org:11112 "
                        + "-k StudyInstanceUID=1.2.3 --port-scp 11113 -o study/"),
                CommandExample(
                    "Retrieve all CT studies of a month, four at once:",
                    "--move --aetitle STATION --port-scp 11113 pacs.example.org 11112 "
                        + "-k StudyDate=20260101-20260131 -k ModalitiesInStudy=CT --jobs 4 -o january/"),
                CommandExample(
                    "List what would be retrieved, with the number of instances:",
                    "--move --port-scp 11113 pacs.example.org 11112 -k 'PatientName=A*' --dry-run"),
                CommandExample(
                    "Go on where an earlier run stopped:",
                    "--move --aetitle STATION --port-scp 11113 pacs.example.org 11112 -k StudyDate=20260101-20260131 "
                        + "--journal january.journal --resume -o january/"),
                CommandExample(
                    "Send a study from one archive to another:",
                    "--move pacs.example.org 11112 -k StudyInstanceUID=1.2.3 --move-destination OTHER"),
            ]),
        OperationGuide(
            .get,
            notes: [
                """
                Instances arrive on the association of the request: the peer needs no entry for this machine. Lists, \
                comparison and resume are those of --move.
                """
            ],
            options: [
                .key, .series, .sort, .limit, .output, .name, .jobs, .journal, .resume, .fromList, .report, .dryRun,
                .shard, .orMove, .prefer, .ifExists,
            ],
            summaries: retrievalSummaries,
            examples: [
                CommandExample(
                    "Retrieve a study:", "--get pacs.example.org 11112 -k StudyInstanceUID=1.2.3 -o study/"),
                CommandExample(
                    "Retrieve a series, with paths made of attributes:",
                    "--get --series pacs.example.org 11112 -k SeriesInstanceUID=1.2.3.4 "
                        + "-o images/ --name '{PatientID}/{Modality}-{SeriesNumber}/{SOPInstanceUID}.dcm'"),
                CommandExample(
                    "List what would be retrieved, with the number of instances:",
                    "--get pacs.example.org 11112 -k StudyDate=20260101-20260131 -k ModalitiesInStudy=CT --dry-run"),
                CommandExample(
                    "Retrieve half of it on this machine, and go on after an interruption:",
                    "--get pacs.example.org 11112 -k StudyDate=20260101-20260131 --shard 1/2 "
                        + "--journal half.journal --resume -o half/"),
                CommandExample(
                    "Use C-MOVE if the server has no C-GET:",
                    "--get --or-move --aetitle STATION --port-scp 11113 pacs.example.org 11112 "
                        + "-k StudyInstanceUID=1.2.3 -o either/"),
            ]),
        OperationGuide(
            .worklist,
            notes: [
                """
                Keys of a scheduled step stand inside of ScheduledProcedureStepSequence; a keyword is put there by itself. \
                Without an order of its own the list is sorted by the time of the steps, but for a command line of gdcmscu's \
                options with a key.
                """
            ],
            options: [
                .station, .date, .key, .return, .columns, .format, .sort, .limit, .groupBy, .query, .charset, .output,
                .storeQuery,
            ],
            summaries: [.output: "directory for the matches of --format dcm [the current directory]"],
            examples: [
                CommandExample(
                    "Today's worklist of a scanner:", "--worklist pacs.example.org 11112 --station MR1 --date today"),
                CommandExample(
                    "The patients for MR this week:",
                    "--worklist pacs.example.org 11112 --date this-week -k Modality=MR --return PatientName,PatientID"),
                CommandExample(
                    "All of it as a table:",
                    "--worklist pacs.example.org 11112 --format table "
                        + "--columns PatientName,PatientID,ScheduledProcedureStepSequence.Modality"),
                CommandExample(
                    "Look for a patient:", "--worklist pacs.example.org 11112 -k 'PatientName=DOE*' -k PatientID"),
                CommandExample(
                    "Keep the answers as DICOM files:",
                    "--worklist pacs.example.org 11112 -k PatientName --format dcm -o items/"),
                CommandExample(
                    "Print DICOM JSON:", "--worklist pacs.example.org 11112 -k PatientName --format json"),
            ]),
        OperationGuide(
            .storageCommitment,
            notes: [
                """
                Every reference is accounted for: one that the report leaves out has failed. A transaction whose report did \
                not come in time stays in the file of --transaction, and a later run waits for it with --listen. Several runs at \
                once may use the file.
                """,
                """
                A report is believed on the association of the request. On another one the caller must be the AE title that \
                was called, or one that --accept-from names. A report from another address than the server's is warned of, \
                as clusters and gateways have several; with --strict it does not count. None of this authenticates the \
                server: --tls with --tls-client-cert required does.
                """,
            ],
            options: [
                .recursive, .input, .aetitle, .portSCP, .wait, .transaction, .listen, .maxReferences, .per,
                .acceptFrom, .strict, .output, .fromList, .journal, .format,
            ],
            summaries: [.output: "directory for the server's reports [none is kept]"],
            examples: [
                CommandExample(
                    "Will the server keep what it was sent?",
                    "--stgcmt --port-scp 11113 pacs.example.org 11112 -r study/"),
                CommandExample(
                    "Request now, and let a later run receive the report:",
                    "--stgcmt --aetitle STATION --port-scp 11113 --transaction open.jsonl --wait 30 "
                        + "pacs.example.org 11112 -r study/"),
                CommandExample(
                    "The later run, which only listens:",
                    "--stgcmt --listen --aetitle STATION --transaction open.jsonl --port-scp 11113 --wait 3600"),
                CommandExample(
                    "A transaction for each study, and one JSON object for each instance:",
                    "--stgcmt --aetitle STATION --port-scp 11113 pacs.example.org 11112 -r study/ --per study "
                        + "--format jsonl"),
                CommandExample(
                    "Keep the reports as DICOM files:",
                    "--stgcmt --aetitle STATION --port-scp 11113 pacs.example.org 11112 -r study/ -o reports/"),
            ]),
        OperationGuide(
            .serve,
            notes: [
                """
                Several associations are served at once. Of the transfer syntaxes that a C-GET proposes for a SOP class, the one \
                in which most instances can be sent is accepted.
                """,
                """
                With --http-port the same archive speaks DICOMweb: /studies, /series and /instances are searched, instances are \
                retrieved as they are held, and stored by POST to /studies. Its page for a browser is at /. Options of faults hold \
                for both doors where both have what they concern.
                """,
                """
                In a folder of 256 instances or more the archive keeps what it has found in a hidden file, .dcmscu-index, so that the \
                next start opens only files that are new or have changed. Nobody else can read it, it is never served or sent, and it \
                can be removed at any time. An empty folder of that name keeps it from being written: every start reads all files then. \
                So does a folder that can only be read; it is served as it is, and nothing can be stored in it.
                """,
            ],
            options: [
                .portSCP, .httpPort, .destination, .worklistItems, .inject, .aetitle, .bind, .tls, .tlsCert, .tlsKey,
                .tlsClientCert,
            ],
            examples: [
                CommandExample(
                    "An archive to try with; it knows STATION at port 11113 of this machine:",
                    "--serve archive/ --port-scp 11112 --destination STATION=127.0.0.1:11113"),
                CommandExample(
                    "With a worklist:", "--serve archive/ --port-scp 11112 --worklist-items worklist.txt"),
                CommandExample(
                    "With DICOMweb at http://127.0.0.1:8080, and a page for a browser:",
                    "--serve archive/ --port-scp 11112 --http-port 8080"),
                CommandExample(
                    "Let every fifth request over HTTP find the server unavailable:",
                    "--serve archive/ --port-scp 11112 --http-port 8080 --inject http-status=503/5"),
                CommandExample(
                    "Refuse every fifth image, to see what a script does then:",
                    "--serve archive/ --port-scp 11112 --inject store-status=A700/5"),
                CommandExample(
                    "Close the connection in every third image, and answer slowly:",
                    "--serve archive/ --port-scp 11112 --inject close-in-file=3 --inject delay=0.2"),
                CommandExample(
                    "Never report on storage commitment:",
                    "--serve archive/ --port-scp 11112 --inject commit-report=never"),
            ]),
        OperationGuide(
            .selfTest,
            options: [.images],
            examples: [
                CommandExample("Does all of it work here?", "--self-test"),
                CommandExample("Keep the images to try with:", "--self-test --images made-up/"),
            ]),
        OperationGuide(
            .doctor,
            notes: [
                """
                A line begins with ok, note, FAILED or -, which is a check that was not asked for or has no meaning after a \
                failure. A connection and a response are waited for 3 seconds, unless --connect-timeout or --timeout are given. \
                At most twelve associations are opened, some of them under the AE title NO-SUCH-AE-TITLE, which servers may \
                write into their logs.
                """,
                """
                With --port-scp the server is asked for a storage commitment report on an instance that does not exist, or else \
                to send one instance by C-MOVE, which is accepted and not kept: what connects to the port, and what does not, is told \
                with what the server's administrator has to register. That nothing came within --wait is a note, and no failure.
                """,
                """
                A service that is not accepted is no failure unless --only names it. The exit code is that of the worst check. \
                --list-checks prints the checks and the names of the causes that --format jsonl has. Without a peer this \
                machine is examined: configuration, certificates, clock, characters, limits, and our port with --port-scp.
                """,
            ],
            options: [.call, .aetitle, .portSCP, .only, .classes, .wait, .tls, .format, .listChecks, .nodes],
            summaries: [
                .wait: "time to wait for the server's call-back [\(NumberWords.plain(DoctorOptions().wait))]",
                .format: "form of the page [text]",
            ],
            examples: [
                CommandExample("Why does it not answer, and what does it offer?", "--doctor pacs.example.org 11112"),
                CommandExample("Is this machine in order, and are certificates about to end?", "--doctor"),
                CommandExample(
                    "Does the server reach us?",
                    "--doctor --aetitle STATION --port-scp 11113 ARCHIVE@pacs.example.org:11112"),
                CommandExample(
                    "Which transfer syntaxes does it take for CT and MR?",
                    "--doctor pacs.example.org 11112 --only storage --classes CT,MR"),
                CommandExample(
                    "In a script: is C-MOVE offered?", "--doctor pacs.example.org 11112 --only move --format jsonl"),
                CommandExample("Without waiting long for anything:", "--doctor pacs.example.org 11112 --timeout 1"),
            ]),
        OperationGuide(
            .probe,
            notes: [
                """
                What is not accepted is a finding and no failure, unless --only names the service or class: then the exit code is 6. \
                --format json prints one array; the object of a peer has services (the SOP classes of each that are accepted), \
                classes (for each storage SOP class its accepted transfer syntaxes), exitCode, and after a failure error, cause \
                and fix. At most five associations are opened, for the usual classes; a connection and a response are waited for 3 \
                seconds.
                """
            ],
            options: [.call, .aetitle, .only, .classes, .tls, .format, .nodes, .connectTimeout, .timeout],
            summaries: [
                .only: "services and classes that must be accepted", .format: "text, json, jsonl or nagios [text]",
            ],
            examples: [
                CommandExample("What does it offer?", "--probe pacs.example.org 11112"),
                CommandExample(
                    "The transfer syntaxes for CT and MR, for a script:",
                    "--probe pacs.example.org 11112 CT MR --format json"),
                CommandExample(
                    "Is C-MOVE offered, and CT accepted?", "--probe ARCHIVE@pacs.example.org:11112 --only move,CT"),
            ]),
        OperationGuide(
            .watch,
            notes: [
                """
                A caller whose called AE title is not that of --aetitle is told apart, as servers reject it. What is proposed is \
                shown by transfer syntaxes, with --verbose each presentation context, and the identifiers of queries without the \
                values that say who a patient is. With --quiet there is one line for each event.
                """
            ],
            options: [
                .portSCP, .output, .aetitle, .bind, .totalTimeout, .tls, .tlsCert, .tlsKey, .format, .transcript,
                .capture,
            ],
            summaries: [.output: "directory where instances are kept [none is kept]"],
            examples: [
                CommandExample("A modality does not send; does it call at all?", "--watch --port-scp 11113"),
                CommandExample(
                    "Keep what it sends, and for a colleague what was said:",
                    "--watch --port-scp 11113 -o received/ --transcript call.txt"),
                CommandExample(
                    "For five minutes, one JSON object for each event:",
                    "--watch --port-scp 11113 --total-timeout 5m --format jsonl"),
            ]),
        OperationGuide(
            .compare,
            notes: [
                """
                Each line has a mark and the UIDs: - is not at the second peer, + is there alone, * is at both and not alike (what \
                differs follows, the first peer's value first), = is alike and only counted unless --show names it. What the first \
                peer is to be asked for, CSV and JSON lines tell --from-list of --copy, --move and --get: - and *. Of the other lines those with a ? are counted, and end \
                in 1. Two peers that are one archive are refused; a comparison of nothing is a warning, and 1 with --fail-if-none.
                """,
                """
                Keys are those of a retrieval: each at its own level, and matches are compared with them, so that a key that one server \
                ignores makes no difference. Whatever one peer does not list it is asked for by UID alone; if it does not \
                answer that, the line has a ? and the exit code is the one of its failure. Lists that a server cuts short are asked for \
                in parts. Both peers are listed in the order of the UIDs, in files of TMPDIR or /var/tmp where they are long, \
                so that a million studies take no more memory than a thousand.
                """,
                """
                Studies and series are alike if they have the same number of instances, and the same values of --columns: decoded, \
                without padding, empty parts of names and forms of dates and times. A server that does not return the number is \
                asked for the series or instances of each. With --series or --image a study below which nobody lists anything, or not all, \
                has a line with a ? and the UIDs that it has. An attribute of --columns that neither returns ends in 1. A folder is read with all that is below it; a file that cannot be read \
                is told, and ends in 1, as differences do.
                """,
            ],
            options: [
                .key, .study, .series, .image, .columns, .show, .format, .split, .call, .aetitle, .trustServer,
                .charset,
                .assumeCharset, .retries, .tls, .strict,
            ],
            summaries: [
                .columns: "attributes that are compared", .format: "text, csv or jsonl [text]",
                .split: "ask in parts for what a server cuts short [auto]",
                .study: "compare studies; the default", .series: "compare series", .image: "compare instances",
            ],
            examples: [
                CommandExample(
                    "What does the new archive lack of a year?",
                    "--compare OLD@pacs.example.org:11112 NEW@pacs.example.org:11112 -k StudyDate=2026"),
                CommandExample(
                    "Is each file of a folder at the server?", "--compare study/ pacs.example.org:11112 --image"),
                CommandExample(
                    "With the data of the patients:",
                    "--compare OLD@pacs.example.org:11112 NEW@pacs.example.org:11112 -k StudyDate=2026-01 "
                        + "--columns PatientID,PatientName,AccessionNumber"),
                CommandExample(
                    "The CT series of a month, those that are alike, too:",
                    "--compare --series OLD@pacs.example.org:11112 NEW@pacs.example.org:11112 -k StudyDate=2026-01 "
                        + "-k Modality=CT --show all"),
                CommandExample(
                    "A list of what is to be sent again, for --from-list:",
                    "--compare OLD@pacs.example.org:11112 https://pacs.example.org/dicom-web "
                        + "--show missing,different --format csv"),
            ]),
        OperationGuide(
            .copy,
            notes: [
                """
                The old archive is named first. Each study is listed there, and asked for at the new one by one query: what that has \
                is left out. What is received waits on disk, at most --buffer of it, until the new archive has taken it; with \
                --jobs N so many studies are on their way at once, over as many associations on either side. An instance counts as \
                copied once the new archive lists it when it is asked for by its UID; one that it does not list at once is asked for \
                again at the end, within --grace. What is missing, has failed, or was received and not sent is printed as --from-list \
                takes it, and ends in 1: what is printed and what is confirmed are together all that the old archive lists. With \
                --verify commit an instance that the new archive has is left out only if it commits to keep it. The new archive is \
                called first: if it is not there nothing is fetched.
                """,
                """
                --journal has a line for each instance that the new archive has confirmed, and with --resume another run leaves \
                these out without asking; whatever ends a run, nothing is lost and nothing counted twice. Keys, lists, shares and \
                orders are those of a retrieval.
                """,
                """
                A data set stays byte for byte as the old archive sends it; it is asked for in the transfer syntax that the archive \
                has it in. What the new archive does not take in that syntax has failed: nothing is converted.
                """,
            ],
            options: [
                .key, .fromList, .series, .split, .sort, .limit, .shard, .jobs, .buffer, .journal, .resume,
                .until,
                .hours, .perMinute, .maxRate, .retries, .verify, .grace, .orMove, .portSCP, .dryRun, .report, .format,
                .tls,
            ],
            summaries: [
                .jobs: "copy N studies at a time [1]",
                .verify: "find or commit: the proof that it is there [find]", .format: "text or jsonl [text]",
                .series: "copy series instead of studies", .sort: "copy in the order of these attributes",
                .maxRate: "limit for what is received and sent together",
                .limit: "copy N studies or series at most", .fromList: "copy the targets of a list",
                .dryRun: "list what would be copied, and copy nothing",
                .journal: "record what the new archive has", .resume: "leave out what the journal has",
                .grace: "time in which the new archive should list what it got [10]",
                .report: "write the outcome of each to a file (.csv, .jsonl)",
            ],
            examples: [
                CommandExample(
                    "A year, four studies at a time:",
                    "--copy OLD@pacs.example.org:11112 NEW@pacs.example.org:11112 -k StudyDate=2026 --jobs 4"),
                CommandExample(
                    "Night after night until six, each going on where the last one ended:",
                    "--copy OLD@pacs.example.org:11112 NEW@pacs.example.org:11112 -k StudyDate=2026 --sort StudyDate "
                        + "--journal copy.journal --resume --until 06:00"),
                CommandExample(
                    "From one that has no C-GET to one over HTTP, with a larger buffer:",
                    "--copy --or-move --aetitle STATION --port-scp 11113 OLD@pacs.example.org:11112 "
                        + "https://pacs.example.org/dicom-web -k StudyInstanceUID=1.2.3 --buffer 4GiB"),
                CommandExample(
                    "What would be copied?",
                    "--copy OLD@pacs.example.org:11112 NEW@pacs.example.org:11112 -k StudyDate=2026 --dry-run"),
            ]),
    ]
}
