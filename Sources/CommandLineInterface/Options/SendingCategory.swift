import DICOM
import DICOMNode
import DICOMProtocol

extension OptionCategory {
    static let sendingOptions: [OptionDefinition] = [
        OptionDefinition(
            .input, short: "i", value: .fileOrDirectory, .sending, for: .sending, "a file or directory to send",
            details: """
                A directory is listed one level deep. \"-\" reads names from the standard input, separated by line feeds or NULs. \
                Files given without an option replace these.
                """,
            traits: [.compatible, .repeatable],
            apply: { (draft, argument) throws(UsageError) in
                draft.input.paths.append(try argument.path())
            }),
        OptionDefinition(
            .recursive, short: "r", .sending, for: .sending, "descend into directories",
            traits: [.compatible, .common],
            apply: { (draft, _) throws(UsageError) in draft.input.isRecursive = true }),
        OptionDefinition(
            .priority, value: .choice(["low", "medium", "high"]), .sending, for: .matching.union([.store]),
            "priority of the requests; few servers use it", default: .text("medium"),
            apply: { (draft, argument) throws(UsageError) in
                draft.priority = Priority(try argument.choice(PriorityName.self))
            }),
        OptionDefinition(
            .rootUID, value: .uid, .sending, "root of the UIDs that we generate",
            details: "Wins over GDCM_ROOT_UID in the environment.", default: .text("2.25, from a UUID"),
            traits: .compatible,
            apply: { (draft, argument) throws(UsageError) in draft.uidRoot = try argument.uidRoot() }),
        OptionDefinition(
            .jobs, short: "j", value: .integerOrAuto(1...64), .sending,
            for: [.store, .move, .get, .copy], "work over N associations at once",
            details: """
                Associations share studies; where there are not enough, series; else the instances of one. A server that fails with \
                parts of a study gets each as a whole, and is asked for it so. Retrievals have one receiver port. Where the server \
                takes fewer associations, or lets one wait, the work goes on over those that it serves. auto finds out how many, \
                at most 8, but for --copy: it begins with one, one more is tried as long as more is stored or received in a second for \
                it, and fewer are used after a refusal or a failure, or when the server becomes slow. The summary says how many it was.
                """,
            default: .integer(1), traits: .common, rules: [.only(when: .numberUnless([.store, .move, .get]))],
            apply: { (draft, argument) throws(UsageError) in draft.jobs = try argument.load() }),
        OptionDefinition(
            .window, aliases: ["async-window"], value: .integerOrAuto(1...65535), .sending,
            for: [.store, .copy],
            "allow up to N unanswered instances on an association",
            details: """
                The asynchronous operations window (PS3.7 D.3.3.3): it hides network latency, if the server accepts one; \
                few do. Otherwise each instance waits for the response to the one before. With --store, auto proposes 8 and finds out \
                how many of them are of use, as --jobs auto does for associations.
                """,
            default: .integer(1), rules: [.only(when: .numberUnless(.store))],
            apply: { (draft, argument) throws(UsageError) in draft.store.window = try argument.load() }),
        OptionDefinition(
            .retries, value: .integer(placeholder: "N", 0...1000), .sending, for: .retrying,
            "retry transient failures up to N times",
            details: """
                Transient failures are a lost connection and a server that is busy (rejected-transient; to send, status A7xxH) or silent \
                for too long. Permanent refusals are not retried. What was sent, received or printed is not repeated: a retrieval asks \
                for what is missing.
                """,
            default: .integer(ConnectionOptions().retry.retries),
            apply: { (draft, argument) throws(UsageError) in draft.connection.retry.retries = try argument.integer() }
        ),
        OptionDefinition(
            .retryDelay, value: .seconds(0...86_400), .sending, for: .retrying,
            "time to wait before the first retry",
            details: "Each further pause is twice as long, up to five minutes.",
            default: .seconds(ConnectionOptions().retry.delay),
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.retry.delay = try argument.seconds()
            }),
        OptionDefinition(
            .buffer, value: .text(placeholder: "SIZE"), .sending, for: [.copy], "room on disk for what is on its way",
            details: """
                A number of bytes, or with a unit: 500MB, 2GiB. Beyond it the old archive waits until the new one has taken \
                something; an instance that is larger goes alone. The files are in a folder that only you can read, in that of TMPDIR \
                or in /tmp, and gone at the end; what a run leaves that was killed, the next one removes.
                """,
            default: .text("1GiB"),
            apply: { (draft, argument) throws(UsageError) in
                guard let bytes = ByteCount.bytes(argument.text), bytes > 0 else {
                    throw argument.error("not a size", accepted: "a number of bytes such as 500MB or 2GiB")
                }
                draft.copy.bufferSize = bytes
            }),
        OptionDefinition(
            .failedOut, value: .file, .sending, for: [.store], "write the names of files not stored to a file",
            details: """
                One name a line, or with NULs between where a name holds a line feed: --input - reads either. Relative names \
                begin with ./, and the file is empty when everything was stored. A file that is no such list is not touched.
                """,
            apply: { (draft, argument) throws(UsageError) in
                draft.store.failedOutPath = try argument.path()
            }),
        OptionDefinition(
            .neverRewrite, .sending, for: [.store], "send files only in their own transfer syntax",
            details: """
                Otherwise an uncompressed file whose transfer syntax the server refuses is rewritten in one that it takes: without \
                loss, but for the representations of private elements, which Implicit VR does not tell and a warning names. \
                Values of odd length, which receivers abort at, get a padding byte; with this option only the last value does, and \
                a file with others is refused.
                """,
            apply: { (draft, _) throws(UsageError) in draft.store.neverRewrites = true }),
        OptionDefinition(
            .assumeMeta, .sending, for: [.store], "send data sets that lack SOP Class or Instance UID",
            details: """
                They are sent under the UIDs of the file meta information. Otherwise such a file is refused as incomplete.
                """,
            apply: { (draft, _) throws(UsageError) in draft.store.assumesMeta = true }),
        OptionDefinition(
            .skipExisting, .sending, for: [.store], "query the server and send only missing instances",
            details: "Queries by C-FIND at image level. If a query fails, the file is sent.",
            apply: { (draft, _) throws(UsageError) in draft.store.skipsExisting = true }),
        OptionDefinition(
            .verify, value: .choice(StoreVerificationMethod.allCases.map(\.rawValue)), .sending,
            for: [.store, .move, .copy], "have the server confirm each instance after sending",
            details: """
                With --store, find asks by C-FIND at image level whether the server lists what it took; an instance that it does not \
                list counts as failed. commit asks for storage commitment of exactly what was sent, and sends once more what \
                failed; "safe to delete" is printed for each file that the server has committed to keep, and nothing \
                is ever deleted. See --wait, --transaction and --port-scp. \
                With --move --to @NODE, find asks that node, by C-FIND or QIDO-RS, for each instance that the server lists; \
                one that it does not list within --grace is missing. With --copy, find is the default, and commit asks the new archive \
                for storage commitment of each study instead.
                """,
            rules: [.excludes([.noCheck])],
            apply: { (draft, argument) throws(UsageError) in
                draft.verification = try argument.choice(StoreVerificationMethod.self)
            }),
        OptionDefinition(
            .journal, value: .file, .sending, for: [.store, .move, .get, .storageCommitment, .copy],
            "record the outcome of each instance in a file",
            details: """
                JSON lines, one for each instance as soon as its outcome is known, forced onto the disk as the run goes on. An \
                existing journal is added to. Of each instance received it has the SHA-256 of the file. See --resume. \
                With --stgcmt: request commitment of what the journal says was stored, whichever server it went to, and record there \
                what the server says. With --move to another node nothing comes here that a journal could record: --report has what became of \
                each request, and --copy has a journal.
                """,
            rules: [.only(when: .receivesHere)],
            apply: { (draft, argument) throws(UsageError) in draft.journalPath = try argument.path() }),
        OptionDefinition(
            .resume, .sending, for: [.store, .move, .get, .copy], "skip what the journal records as done",
            details: """
                To send, a file counts as stored at this server if path, length, time of its last change and SOP Instance UID are those of the journal. \
                An instance counts as retrieved if its file is where the journal says, whole; as copied if the new archive had it when it \
                was asked, or with --verify commit had committed to keep it. Give \
                the same command line with --resume until everything is stored.
                """,
            rules: [.requires(.journal), .only(when: .receivesHere)],
            apply: { (draft, _) throws(UsageError) in draft.resumes = true }),
    ]
}

/// The choices of `--priority`.
private enum PriorityName: String, CaseIterable {
    case low, medium, high
}

extension Priority {
    fileprivate init(_ name: PriorityName) {
        switch name {
        case .low: self = .low
        case .medium: self = .medium
        case .high: self = .high
        }
    }
}
