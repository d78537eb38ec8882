import DICOMNode

/// What was found among the files given that is no instance.
enum InputNotes {
    static func report(_ note: InstanceBatches.Note, _ run: CommandRun) {
        switch note {
        case .passedOver(let path, let reason):
            run.diagnostics.note(Message("\(path)", "passed over: \(reason.rawValue)"))
        case .notAnInstance(let problem):
            run.diagnostics.note(Message("\(problem.path)", "passed over: \(problem.code.rawValue)"))
        case .problem(let problem):
            report(problem, run)
        }
    }

    static func report(_ problem: FileProblem, _ run: CommandRun) {
        run.fail(.incomplete, message(problem))
    }

    static func message(_ problem: FileProblem) -> Message {
        Message(
            "\(problem.path)", problem.code.rawValue + (problem.detail.isEmpty ? "" : ": \(problem.detail)"),
            hint: problem.code == .mislabelled ? .mislabelled : nil)
    }
}
