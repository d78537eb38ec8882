// The schema of `--format jsonl` as data: the man page prints it, and a test holds what is written to it.
extension RunEvent.Name {
    /// What one object stands for.
    var meaning: String {
        switch self {
        case .echo: "one C-ECHO"
        case .store: "an instance that is to be sent"
        case .receive: "an instance that --move or --get brought"
        case .missing: "what was asked for and is not here, in the columns that --from-list takes"
        case .commitment: "an instance whose storage is to be committed"
        case .failed: "an instance that the server lists as failed"
        case .summary: "the run as a whole: the last line, always"
        }
    }

    /// What an object may have beside `event`; what does not apply is left out.
    var members: [RunEvent.Key] {
        switch self {
        case .echo:
            [.peer, .outcome, .status, .meaning, .comment, .error, .seconds] + RunEvent.Key.timesOfAnEcho
        case .store:
            RunEvent.Key.ofAnInstance + [
                .transferSyntaxUID, .sentTransferSyntaxUID, .bytes, .outcome, .status, .meaning, .comment, .error,
            ]
        case .receive: RunEvent.Key.ofAnInstance + [.transferSyntaxUID, .bytes, .outcome, .status, .error]
        case .missing: [.patientID, .studyInstanceUID, .seriesInstanceUID, .sopInstanceUID, .expected]
        case .commitment: RunEvent.Key.ofAnInstance + [.transactionUID, .outcome, .status, .meaning, .error]
        case .failed: [.sopInstanceUID]
        case .summary: RunEvent.Key.ofTheRun + RunEvent.Key.countsOfTheRun + RunEvent.Key.timesOfEchoes
        }
    }
}

extension RunEvent.Key {
    fileprivate static let ofAnInstance: [RunEvent.Key] = [.path, .sopClassUID, .sopInstanceUID]
    fileprivate static let timesOfAnEcho: [RunEvent.Key] = [
        .lookupSeconds, .connectSeconds, .securitySeconds, .associationSeconds, .releaseSeconds,
    ]
    fileprivate static let ofTheRun: [RunEvent.Key] = [
        .operation, .peer, .exitCode, .seconds, .status, .meaning, .error, .transactionUID, .address,
    ]
    fileprivate static let countsOfTheRun: [RunEvent.Key] = [
        .count, .associations, .files, .done, .warnings, .skipped, .failures, .pending, .bytes, .expected,
        .serverCompleted,
        .serverFailed, .serverWarning, .serverRemaining,
    ]
    fileprivate static let timesOfEchoes: [RunEvent.Key] = [
        .minimumSeconds, .medianSeconds, .percentile95Seconds, .maximumSeconds,
    ]
}

extension RunEvent.Outcome {
    /// In words, for the man page.
    var meaning: String {
        switch self {
        case .done: "stored, received, committed, answered"
        case .warning: "done, with a remark"
        case .skipped: "nothing was needed: it is there already"
        case .failed: "not done"
        case .pending: "the run ended before its turn, or before its answer"
        }
    }
}
