import DICOM
import DICOMProtocol
import Testing

import class Foundation.FileManager

@testable import CommandLineInterface

struct DocumentationTests {
    private func committed(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let data = try #require(FileManager.default.contents(atPath: "/\(root)/\(path)"), "\(path) is missing")
        return String(decoding: data, as: UTF8.self)
    }

    @Test(arguments: [
        (GeneratedDocument.man, "man/dcmscu.1"), (.bash, "man/completions/dcmscu.bash"),
        (.zsh, "man/completions/_dcmscu"), (.fish, "man/completions/dcmscu.fish"),
        (.conformance, "man/conformance.md"),
    ])
    func `the committed documents are what the binary makes`(_ document: GeneratedDocument, _ path: String) throws {
        #expect(try committed(path) == document.text, "run dcmscu --generate \(document.rawValue) >\(path)")
    }

    @Test func `every example is a command line that works`() throws {
        for example in CommandExample.all {
            let invocation = try invocation(example.arguments)
            guard invocation.operation.takesKeys else { continue }
            let builder = QueryBuilder(
                model: invocation.query.informationModel, level: invocation.query.level,
                characterSet: "ISO_IR 192", today: .epoch)
            #expect(throws: Never.self) {
                _ = try builder.dataSet(keys: invocation.query.keys, returning: invocation.query.returnKeys)
            }
        }
    }

    @Test func `every operation has an example`() throws {
        let shown = Set(try CommandExample.all.map { try invocation($0.arguments).operation })
        #expect(shown == Set(Operation.allCases))
    }

    @Test(arguments: Operation.allCases)
    func `every operation has a guide whose options are its own, and a help of at most 60 lines`(
        _ operation: Operation
    ) throws {
        let guide = try #require(OperationGuide.of(operation))
        #expect(guide.options.map(\.name) == guide.optionNames)
        for option in guide.options { #expect(option.operations.contains(operation), "\(option.option)") }
        let lines = HelpText.text(of: operation).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 60)
        for line in lines { #expect(line.count <= 80, "\(line)") }
        #expect(ManualPage.text.contains(".SS \"\(Roff.escaped(operation.option.description))"))
    }

    @Test func `the short help fits a terminal and names every exit code`() {
        let lines = HelpText.short.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 72)
        for line in lines { #expect(line.count <= 80, "\(line)") }
        for code in ExitCode.allCases { #expect(HelpText.short.contains("\(code.rawValue) \(code.name)")) }
    }

    @Test func `the long help and the man page hold every option that is not hidden`() {
        for option in OptionTable.all {
            let isHidden = option.traits.contains(.hidden)
            #expect(HelpText.text(.all).contains("\(option.option)") != isHidden, "\(option.option)")
            #expect(ManualPage.text.contains(Roff.bold(option.option)) != isHidden, "\(option.option)")
            #expect(FishCompletion.text.contains(" -l \(option.name.rawValue) ") != isHidden, "\(option.option)")
            #expect(ZshCompletion.text.contains(option.option) != isHidden || isHidden, "\(option.option)")
        }
        for code in ExitCode.allCases {
            #expect(HelpText.text(.all).contains("\(code.rawValue)  "))
            #expect(ManualPage.text.contains("\\fB\(code.rawValue)\\fR"))
        }
        for line in HelpText.text(.all).split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test func `roff takes nothing in a text for its own`() {
        #expect(
            Roff.text("use --port-scp or -k, not e-mail")
                == "use \\fB\\-\\-port\\-scp\\fR or \\fB\\-k\\fR, not e\\-mail")
        #expect(Roff.text(".hidden") == "\\&.hidden")
        #expect(Roff.text("'quoted'") == "\\(aqquoted\\(aq")
        #expect(Roff.text("a\\b") == "a\\eb")
    }

    @Test func `the man page begins no line with a request that nobody wrote`() {
        let known: Set<String> = [
            ".\\\"", ".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".BR", ".RI", ".IR", ".br", ".EX", ".EE", ".RS", ".RE",
        ]
        for line in ManualPage.text.split(separator: "\n") where line.first == "." || line.first == "'" {
            #expect(known.contains(String(line.prefix { $0 != " " })), "\(line)")
        }
    }

    @Test func `the query help lists every key of model and level`() {
        for model in InformationModel.allCases {
            for level in model.levels.isEmpty ? [.study] : model.levels {
                let text = QueryHelpText.text(model: model, level: level)
                for key in model.keys(at: level) {
                    #expect(text.contains(key.tag.description), "\(model) \(level) \(key.tag)")
                }
                #expect(text.contains("required") || text.contains("unique"))
            }
        }
        #expect(
            QueryHelpText.text(model: .studyRoot, level: .series).hasPrefix(
                """
                Keys of the Study Root model at the SERIES level (PS3.4 C.6.2)

                  unique    (0020,000e) UI  SeriesInstanceUID
                  required  (0008,0060) CS  Modality

                """))
    }

    @Test func `the version is the first line, what the program is made of the others`() {
        let lines = VersionText.text.split(separator: "\n").map { String($0) }
        #expect(lines.first == "dcmscu \(ImplementationIdentity.version)")
        let names = lines.dropFirst().map { $0.prefix { $0 != ":" } }
        #expect(names == ["commit", "compiler", "libraries", "transports"])
        #expect(lines.dropFirst().allSatisfy { !$0.hasSuffix(":") && !$0.hasSuffix(": ") })
        #expect(VersionText.text.hasSuffix("\n"))
    }
}
