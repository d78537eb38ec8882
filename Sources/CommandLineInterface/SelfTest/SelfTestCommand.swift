import DICOM
import DICOMNode
import DICOMProtocol
import PracticeArchive
import System

/// `--self-test`: all operations against the practice archive, over the loopback interface, in this process.
final class SelfTestCommand {
    private let options: SelfTestOptions
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: SelfTestOptions, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        let watch = Stopwatch()
        do throws(FileProblem) {
            let folder = try PrivateFolder(in: environment.temporaryPlace, named: "dcmscu-self-test")
            defer { folder.remove() }
            perform(in: folder, watch)
        } catch {
            outcome.fail(.localFiles, Message("the self-test cannot start", error.description))
        }
    }

    private func perform(in folder: PrivateFolder, _ watch: Stopwatch) {
        do throws(SelfTestSteps.Failure) {
            // The port is free now; it is taken again by the receivers of the steps.
            let receiverPort = try SelfTestArchive.freePort()
            let archive = try SelfTestArchive.start(over: folder.appending("archive"), receiverPort: receiverPort)
            let images = options.imagesDirectory ?? folder.appending("images")
            let steps = SelfTestSteps(
                shell: SelfTestShell(environment, port: archive.port), images: images, work: folder.path,
                archive: archive, receiverPort: receiverPort
            ).all
            let failures = perform(steps)
            do throws(FileProblem) { try archive.stop() } catch { outcome.fail(.localFiles, Message(error)) }
            let time = Decimal.text(watch.seconds, digits: 2)
            if failures == 0 {
                write("all \(steps.count) steps passed, \(time) s")
            } else {
                outcome.fail(
                    .incomplete,
                    Message(Operation.selfTest.serviceName, "\(failures) of \(steps.count) steps failed, \(time) s"))
            }
        } catch {
            outcome.fail(.localFiles, Message("the self-test cannot start", error.why))
        }
    }

    // MARK: The page

    private func perform(_ steps: [SelfTestSteps.Step]) -> Int {
        var failures = 0
        for step in steps {
            let watch = Stopwatch()
            let (mark, words) = Self.outcome(of: step, &failures, isUTF8: environment.codeset == "UTF-8")
            let name = step.name + String(repeating: " ", count: max(0, Self.nameWidth - step.name.count))
            write("\(mark) \(name) \(Decimal.text(watch.seconds, digits: 2)) s  \(words)")
            // Nothing can be found of what was not stored.
            if environment.cancellation.isRaised { break }
        }
        return failures
    }

    private static let nameWidth = 52

    private static func outcome(
        of step: SelfTestSteps.Step, _ failures: inout Int, isUTF8: Bool
    ) -> (mark: String, words: String) {
        do throws(SelfTestSteps.Failure) {
            return (isUTF8 ? "✓" : "ok    ", try step.perform())
        } catch {
            failures += 1
            return (isUTF8 ? "✗" : "FAILED", error.why)
        }
    }

    private func write(_ line: String) {
        do throws(ByteSinkError) {
            try environment.standardOutput.write(DisplayText.line(line) + "\n")
        } catch {
            outcome.record(.localFiles)
        }
    }
}
