import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import PracticeArchive
import System
import Testing

@testable import CommandLineInterface

/// A practice archive in the process of the test, over a folder that is removed with it.
final class TestArchive: Sendable {
    let folder: TestFolder
    let archive: PracticeArchive
    /// The AE title of the commands that call it; it sends to them at the port of ``init(faults:receiverPort:holdsImages:onEvent:)``.
    static let aeTitle = "TESTER"

    /// - Parameters:
    ///   - faults: as the command line writes them.
    ///   - receiverPort: the port of ``aeTitle``; nil: the archive does not know it.
    ///   - holdsImages: whether it holds the generated studies from the start.
    ///   - onEvent: called with the text of each event.
    init(
        faults: [String] = [], receiverPort: UInt16? = nil, holdsImages: Bool = false,
        onEvent: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        folder = try TestFolder()
        let output = try OutputFolder(FilePath(folder["archive"]), syncing: .none)
        if holdsImages { _ = try GeneratedStudy.all(in: output) }
        var endpoints: [AETitle: Endpoint] = [:]
        if let receiverPort {
            endpoints[AETitle(wire: Self.aeTitle.utf8)] = Endpoint(host: "127.0.0.1", port: receiverPort)
        }
        var options = PracticeArchive.Options(
            title: AETitle(wire: "PRACTICE".utf8),
            destinations: Destinations(endpoints, limits: AssociationLimits()))
        options.faults = try faults.map { try Fault(parsing: $0) }
        archive = try PracticeArchive(
            folder: output, listener: try TCPListener(port: 0, bind: "127.0.0.1"), options: options,
            report: { onEvent($0.text) })
        archive.readFolder { Issue.record("\($0.code)") }
        try archive.start()
    }

    deinit {
        do { try archive.stop() } catch { Issue.record(error) }
    }

    /// Host, port and AE titles for a command line.
    var peer: [String] { ["127.0.0.1", "\(archive.port)", "--aetitle", Self.aeTitle, "--call", "PRACTICE"] }

    var count: Int { archive.index.instanceCount }
}

/// A folder for one test, removed with all it holds.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/dcmscu-test-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit { Self.removeAll(path) }

    private static func removeAll(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { removeAll("\(path)/\(name)") }
            }
            closedir(directory)
        }
        remove(path)
    }

    subscript(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes the images of the self-test below the folder, and returns their studies.
    func makeImages(_ name: String = "images") throws -> [GeneratedStudy] {
        try GeneratedStudy.all(in: try OutputFolder(FilePath(self[name]), syncing: .none))
    }

    /// The number of regular files below a folder of it.
    func fileCount(_ name: String) -> Int {
        var scanner = FileScanner([FilePath(self[name])], recursive: true)
        var count = 0
        while let finding = scanner.next() {
            if case .file = finding { count += 1 }
        }
        return count
    }

    /// The lines of a text file.
    func lines(_ name: String) throws -> [String] {
        let file = try #require(fopen(self[name], "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { String($0) }
    }

    func write(_ text: String, to name: String) throws {
        let file = try #require(fopen(self[name], "w"))
        fputs(text, file)
        fclose(file)
    }
}

/// A command line that was run in the process of the test.
struct CommandResult {
    let exitCode: ExitCode
    let pluginState: PluginState?
    let output: String
    let messages: String

    init(
        _ arguments: [String], cancellation: Cancellation = .never, output: any ByteSink = MemorySink(),
        messages: MemorySink = MemorySink()
    ) {
        let environment = Environment(
            standardOutput: output, standardError: messages, today: .epoch, cancellation: cancellation,
            randomBytes: {
                var generator = SystemRandomNumberGenerator()
                return unsafeBitCast((generator.next(), generator.next()), to: UIDGenerator.UUIDBytes.self)
            })
        let result = CommandLineInterface.result(of: arguments, in: environment)
        exitCode = result.exitCode
        pluginState = result.pluginState
        self.output = (output as? MemorySink)?.text ?? ""
        self.messages = messages.text
    }

    var lines: [String] { output.split(separator: "\n").map { String($0) } }
}

/// A sink whose disk is full.
final class FullSink: ByteSink {
    func write(_ bytes: RawSpan) throws(ByteSinkError) {
        throw ByteSinkError(errorNumber: ENOSPC, description: "No space left on device")
    }
}

/// A port of this machine at which nothing listens; a free one might be taken by another test meanwhile.
let closedPort: UInt16 = 1

/// A port that is free now.
func freePort() throws -> UInt16 { try TCPListener(port: 0, bind: "127.0.0.1").port }
