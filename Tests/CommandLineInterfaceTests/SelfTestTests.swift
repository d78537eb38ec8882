import DICOM
import DICOMNode
import Testing

@testable import CommandLineInterface

struct SelfTestTests {
    private func run(_ arguments: [String], codeset: String = "UTF-8") -> (code: ExitCode, page: String, errors: String)
    {
        let (output, errors) = (MemorySink(), MemorySink())
        let environment = Environment(
            standardOutput: output, standardError: errors, codeset: codeset, today: .epoch,
            randomBytes: {
                var generator = SystemRandomNumberGenerator()
                return unsafeBitCast((generator.next(), generator.next()), to: UIDGenerator.UUIDBytes.self)
            })
        let code = CommandLineInterface.run(arguments: arguments, in: environment)
        return (code, output.text, errors.text)
    }

    @Test func `every operation works against the practice archive`() {
        let (code, page, errors) = run(["--self-test"])
        #expect(code == .success, "\(page)\(errors)")
        #expect(page.split(separator: "\n").count { $0.hasPrefix("✓") } == 15)
        #expect(page.contains("all 15 steps passed"))
        #expect(errors.isEmpty)
    }

    @Test func `it calls nobody, so it takes no host`() {
        let (code, _, errors) = run(["--self-test", "pacs", "104"])
        #expect(code == .usage)
        #expect(errors.contains("pacs"))
    }

    @Test func `a folder that cannot be served is a matter of local files`() {
        let (code, _, errors) = run(["--serve", "/dev/null/archive", "--port-scp", "65000"])
        #expect(code == .localFiles)
        #expect(errors.contains("/dev/null/archive"))
    }
}
