import DICOM
import DICOMNode
import DICOMProtocol
import System
import Testing

@testable import CommandLineInterface

/// What a copy does not confirm it lists: no instance is lost between the two.
struct CopyLossTests {
    private let folder: TestFolder
    private static let count = 13

    init() throws { folder = try TestFolder() }

    private static func copy(
        _ old: TestArchive, _ new: String, _ options: [String], keys: [String] = ["-k", "StudyDate=20260102"],
        cancellation: Cancellation = .never
    ) -> CommandResult {
        CommandResult(
            ["--copy", "PRACTICE@127.0.0.1:\(old.archive.port)", new] + keys + ["--aetitle", TestArchive.aeTitle]
                + options,
            cancellation: cancellation)
    }

    private static func peer(_ archive: TestArchive) -> String { "PRACTICE@127.0.0.1:\(archive.archive.port)" }

    /// The values of a member in the lines of JSON that have a text.
    private static func values(_ key: String, in lines: [String], having text: String) throws -> [String] {
        try lines.filter { $0.contains(text) }.compactMap { line in
            guard case .object(let members) = try JSONValue.parse(Array(line.utf8)).content else { return nil }
            return members.first { $0.key == key }?.value.string
        }
    }

    /// The instances of an archive.
    private func all(_ old: TestArchive) throws -> Set<String> {
        let other = try TestArchive()
        let result = Self.copy(old, Self.peer(other), ["--format", "jsonl"])
        #expect(result.exitCode == .success, "\(result.messages)")
        let all = Set(try Self.values("sopInstanceUID", in: result.lines, having: "\"event\":\"copy\""))
        #expect(all.count == Self.count)
        return all
    }

    /// The instances that a list names.
    private func listed(_ result: CommandResult) -> Set<String> {
        Set(
            result.lines.dropFirst().compactMap {
                $0.split(separator: ",", omittingEmptySubsequences: false).last.map { String($0) }
            })
    }

    private func expectNothingLost(_ result: CommandResult, _ all: Set<String>) throws {
        let confirmed = try Self.values(
            "sopInstanceUID", in: try folder.lines("journal"), having: "\"outcome\":\"confirmed\"")
        #expect(Set(confirmed).count == confirmed.count)
        #expect(listed(result).union(confirmed) == all, "\(result.messages)\(result.output)")
        #expect(listed(result).isDisjoint(with: confirmed), "\(result.output)")
    }

    @Test(arguments: [1, 3])
    func `what is in the buffer when the new archive dies is listed, and the list repairs it`(_ jobs: Int) throws {
        let old = try TestArchive(holdsImages: true)
        let new = try TestArchive(faults: ["abort-after=6", "delay=0.05"])
        let all = try all(old)
        let result = Self.copy(
            old, Self.peer(new), ["--series", "--jobs", "\(jobs)", "--journal", folder["journal"], "--grace", "0"])
        #expect(result.exitCode != .success)
        #expect(new.count < Self.count)
        try expectNothingLost(result, all)
        #expect(!result.messages.contains("sub-operation"), "\(result.messages)")
        #expect(!result.messages.contains("cut off"), "\(result.messages)")
        #expect(!result.messages.contains("/dcmscu-copy-"), "\(result.messages)")
        try folder.write(result.output, to: "missing.csv")
        let again = Self.copy(
            old, Self.peer(new), ["--retries", "20", "--retry-delay", "0.05"],
            keys: ["--from-list", folder["missing.csv"]])
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `what an interrupted run has not confirmed is listed`() throws {
        let cancellation = try Cancellation()
        let old = try TestArchive(holdsImages: true)
        let new = try TestArchive(faults: ["delay=0.1"])
        let all = try all(old)
        let stopper = try PosixThread(name: "stop") {
            while new.count < 2 { _ = try? Cancellation().wait(until: .after(seconds: 0.01)) }
            cancellation.raise(to: .graceful)
        }
        let result = Self.copy(
            old, Self.peer(new), ["--journal", folder["journal"], "--jobs", "3"], cancellation: cancellation)
        stopper.join()
        #expect(result.exitCode == .interrupted, "\(result.messages)")
        let confirmed = try Self.values(
            "sopInstanceUID", in: try folder.lines("journal"), having: "\"outcome\":\"confirmed\"")
        // A study that was not begun has one line for all its instances.
        let whole = result.lines.dropFirst().contains { $0.hasSuffix(",") }
        if !whole { #expect(listed(result).union(confirmed) == all, "\(result.messages)\(result.output)") }
        try folder.write(result.output, to: "missing.csv")
        let again = Self.copy(old, Self.peer(new), [], keys: ["--from-list", folder["missing.csv"]])
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `nothing is fetched for a new archive that is not there, and one line says so`() throws {
        let asked = Locked<[String]>([])
        let old = try TestArchive(holdsImages: true, onEvent: { text in asked.withLock { $0.append(text) } })
        let result = Self.copy(old, "NEW@127.0.0.1:\(closedPort)", [])
        #expect(result.exitCode == .unreachable, "\(result.messages)")
        let said = result.messages.split(separator: "\n").filter {
            !$0.hasPrefix("dcmscu: note") && !$0.hasPrefix("hint")
        }
        #expect(said.count == 1, "\(result.messages)")
        #expect(!asked.withLock { $0 }.contains { $0.split(separator: " ").contains { $0.hasPrefix("C-GET") } })
        // All studies are left for another run.
        #expect(result.lines.count == 4, "\(result.output)")
        try folder.write(result.output, to: "missing.csv")
        let new = try TestArchive()
        let again = Self.copy(old, Self.peer(new), [], keys: ["--from-list", folder["missing.csv"]])
        #expect(again.exitCode == .success, "\(again.messages)")
        #expect(new.count == Self.count)
    }

    @Test func `what is received without a list is confirmed, too`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive(faults: ["silent-drop=6"]))
        let result = Self.copy(
            old, Self.peer(new), ["--no-check", "--grace", "0", "--journal", folder["journal"]])
        #expect(result.exitCode == .incomplete, "\(result.messages)")
        #expect(listed(result).count == Self.count / 6, "\(result.output)")
    }

    // MARK: Storage commitment

    @Test func `another run commits to nothing that the first could not`() throws {
        let old = try TestArchive(holdsImages: true)
        let new = try TestArchive(faults: ["commit-report=same", "commit-failure=0110/1"])
        let options = ["--verify", "commit", "--journal", folder["journal"]]
        for resuming in [[], ["--resume"], ["--resume"], []] {
            let result = Self.copy(old, Self.peer(new), options + resuming)
            #expect(result.exitCode == .commitmentFailed, "\(result.messages)")
            #expect(listed(result).count == Self.count, "\(result.output)")
        }
    }

    @Test func `what is only listed there is committed to, and not copied again`() throws {
        let old = try TestArchive(holdsImages: true)
        let new = try TestArchive(faults: ["commit-report=same"])
        let journal = ["--journal", folder["journal"], "--resume"]
        #expect(Self.copy(old, Self.peer(new), journal).exitCode == .success)
        let result = Self.copy(old, Self.peer(new), journal + ["--verify", "commit"])
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(result.messages.contains("\(Self.count) there before"), "\(result.messages)")
        #expect(try folder.lines("journal").count { $0.contains("\"outcome\":\"committed\"") } == Self.count)
        let again = Self.copy(old, Self.peer(new), journal + ["--verify", "commit"])
        #expect(again.messages.contains("\(Self.count) confirmed in an earlier run"), "\(again.messages)")
    }

    // MARK: A third party

    @Test func `a move that has not begun everything has failed, whatever ended it`() throws {
        let (old, new) = (try TestArchive(holdsImages: true), try TestArchive())
        #expect(Self.copy(old, Self.peer(new), ["--limit", "1"]).exitCode == .success)
        try folder.write(
            """
            {"nodes": {"old": {"host": "127.0.0.1", "port": \(old.archive.port), "called": "PRACTICE"},
            "new": {"host": "127.0.0.1", "port": \(new.archive.port), "called": "PRACTICE"}}}
            """, to: "nodes.json")
        let move = ["--move", "@old", "--config", folder["nodes.json"], "--to", "@new", "-k", "StudyDate=20260102"]
        let result = CommandResult(move + ["--verify", "find", "--grace", "0"])
        #expect(result.exitCode == .failureStatus, "\(result.messages)")
        #expect(result.messages.contains("2 of 3 requests not made"), "\(result.messages)")
        #expect(result.messages.contains("register the AE title"), "\(result.messages)")
        #expect(result.lines.count == 3, "\(result.output)")
        // Nothing comes here that a journal could record.
        for journal in [["--journal", folder["journal"]], ["--journal", folder["journal"], "--resume"]] {
            let refused = CommandResult(move + journal)
            #expect(refused.exitCode == .usage)
            #expect(refused.messages.contains("--journal does not apply"), "\(refused.messages)")
            #expect(refused.messages.contains("--report"), "\(refused.messages)")
        }
    }
}
