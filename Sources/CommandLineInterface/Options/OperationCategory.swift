import DICOM
import DICOMNode
import DICOMProtocol

extension OptionCategory {
    static let operationOptions: [OptionDefinition] = [
        operation(.echo, "test the connection (C-ECHO); the default"),
        operation(
            .store, "send files (C-STORE)",
            details: """
                Every file is sent as it is: any transfer syntax and any SOP class that the peer accepts. A file that \
                cannot be read or that the peer does not accept is reported, and the others are still sent.
                """),
        operation(
            .find, "query (C-FIND)", details: "Prints one result for each match on the standard output."),
        operation(
            .move, "retrieve to us or to a third party (C-MOVE)",
            details: """
                A receiver listens on --port-scp before the request is sent. The peer must know our AE title \
                with this machine's address and that port. With --move-destination the instances go to another \
                node, and nothing is received here.
                """),
        operation(.get, "retrieve on one association (C-GET)"),
        operation(.worklist, "query the modality worklist"),
        operation(
            .stgcmt, "request storage commitment for files",
            details: """
                Asks the peer by the Storage Commitment Push Model to commit to keeping every instance that the files \
                name. Its report is accepted on the same association and, with --port-scp, on a new one.
                """, traits: .common),
        OptionDefinition(
            .serve, value: .directory, .operation, "run a small test archive over a folder",
            details: """
                Answers C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET and storage commitment, and worklist queries where \
                --worklist-items names some, under any called AE title, on --port-scp (11112 if it is not given), until it \
                is interrupted; prints one line for each event. It is not a PACS: it does not authenticate callers, keeps \
                no backup, and is not for patients' images.
                """,
            traits: .common,
            apply: { (draft, argument) throws(UsageError) in draft.serve.directory = try argument.servedFolder() }),
        OptionDefinition(
            .selfTest, .operation, "test all operations against a built-in archive",
            details: """
                Starts the practice archive in this process, on a free port of the loopback interface, sends generated images \
                to it, finds and fetches them again, and compares every data set; then the same with TLS. Needs nothing else and \
                leaves nothing behind.
                """,
            traits: .common),
        operation(
            .doctor, "find out why a peer does not answer",
            details: """
                Checks name, port, TLS, association, AE titles, echo, services, transfer syntaxes and queries of a peer, one line \
                each, with the cause and the remedy under what failed. With --port-scp the server is asked to call back. Nothing \
                is changed at the peer, and no patient data is shown.
                """, traits: .common),
        operation(
            .probe, "what a peer offers, for scripts",
            details: """
                The services and the storage SOP classes by transfer syntax that a peer accepts, as --doctor finds them, and \
                nothing else. Words that name a storage SOP class (CT, MR, a UID) limit the classes; all other words are peers.
                """, traits: .common),
        OptionDefinition(
            .watch, .operation, "tell who calls our port, and what for",
            details: """
                For a device that does not send, or a server that does not call back: listens on --port-scp under any AE title, \
                until it is interrupted or --total-timeout is over, and prints who connects, the AE titles, the proposed \
                presentation contexts, and each request. C-ECHO is answered; all else is told to try again later, so that \
                nobody believes it done: C-STORE and C-FIND with A700H, C-MOVE and C-GET with A701H, others with 0213H. With --output \
                instances are kept there. No patient data is shown.
                """, traits: .common),
        operation(
            .compare, "compare what two archives hold",
            details: """
                Lists both peers by the same keys, and prints what one of them lacks: - for what the second one does not have, + for \
                what it alone has, * for what differs. A folder may take the place of a peer. Whatever seems to be missing is asked for \
                by its UID alone before it is believed. CSV and JSON lines are lists for --from-list of --copy with the \
                same peers, and of --get and --move at the first one.
                """, traits: .common),
        operation(
            .copy, "copy from one archive to another",
            details: """
                Takes two peers, the old archive and the new one: --copy @old @new -k StudyDate=2020. Where the old archive can \
                send to the new one itself, --move --to @new needs no detour. Retrieves by C-GET, with --or-move by C-MOVE, or over \
                HTTP, study after study, sends what comes by C-STORE or STOW-RS, and looks for each instance at the new archive, which \
                proves it. At most --buffer is on disk meanwhile. Data sets stay byte for byte as the old archive sends them: what the \
                new one does not take so has failed. What the new one has is not copied again. See --journal and --resume.
                """, traits: .common),
    ]

    static let peerOptions: [OptionDefinition] = [
        OptionDefinition(
            .hostname, short: "H", value: .host(placeholder: "HOST"), .peer, for: .calling,
            "name or address of the peer",
            details: """
                Also TITLE@HOST:PORT, HOST:PORT, [ADDRESS]:PORT and @NODE, a named peer of the configuration. A HOST given without an option wins; with both \
                -H and -p, what is given without an option is files.
                """,
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in
                draft.host = try PeerArgument.parse(argument.text, option: argument.definition.option)
            }),
        OptionDefinition(
            .port, short: "p", value: .port, .peer, for: .calling, "port of the peer",
            default: .text("\(ConnectionOptions.standardPort)"),
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in draft.port = try argument.port() }),
        OptionDefinition(
            .call, value: .aeTitle, .peer, for: .calling, "AE title of the peer (called AE title)",
            default: .text("\(ConnectionOptions.standardCalledAETitle)"),
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in draft.calledAETitle = try argument.aeTitle() }),
        OptionDefinition(
            .aetitle, value: .aeTitle, .peer, "our own AE title (calling AE title)",
            default: .text("\(ConnectionOptions.standardCallingAETitle)"),
            traits: [.compatible, .common],
            apply: { (draft, argument) throws(UsageError) in
                draft.callingAETitle = try argument.aeTitle()
            }),
    ]

    private static func operation(
        _ name: OptionName, _ summary: String, details: String = "",
        traits: OptionDefinition.Traits = [.common, .compatible]
    ) -> OptionDefinition {
        OptionDefinition(name, .operation, summary, details: details, traits: traits)
    }
}
