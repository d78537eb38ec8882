/// `--self-test`: all operations against the practice archive.
final class SelfTestCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() { run.fail(.incomplete, Message("--self-test", "not built yet")) }
}
