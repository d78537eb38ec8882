extension ManualPage {
    /// What goes wrong most often, with the remedies that the program itself gives.
    static var diagnostics: String {
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
        ("time limit passed while connecting", .connectTimedOut(host: "HOST", port: 104)),
        ("no route to host", .noRoute(host: "HOST")),
        ("the connection is closed at once", .closedAtOnce(usesTLS: false)),
        ("no answer to A-ASSOCIATE", .associationUnanswered(usesTLS: false)),
        ("called AE title not recognized", .calledAETitleNotRecognized(called: "TITLE")),
        ("calling AE title not recognized", .callingAETitleNotRecognized(calling: "TITLE")),
        ("local limit exceeded", .localLimitExceeded),
        ("aborted by the peer after a request", .abortedAfterRequest(operation: .find, calling: "TITLE")),
        ("no presentation context accepted", .noPresentationContext(operation: .store)),
        ("move destination unknown (A801H)", .moveDestinationUnknown(title: "TITLE", host: "HOST", port: 11113)),
        ("instances are missing after a move", .noIncomingAssociation(title: "TITLE", host: "HOST", port: 11113)),
        ("cannot listen: port in use", .receiverPortTaken(port: 11113)),
        ("out of resources (A700H)", .outOfResources),
        ("certificate refused", .certificateRefused),
        ("no TLS version or cipher in common", .noCommonTLS),
    ]
}
