import DICOM
import System
import TestSupport
import Testing

@testable import DICOMNode

@Suite("A journal")
struct JournalTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: FilePath { folder["journal"] }

    private func entry(_ name: String, _ outcome: String = "done") -> JournalEntry {
        var entry = JournalEntry()
        entry.set(path: FilePath(name))
        entry.set(.sopInstanceUID, UID("1.2.3"))
        entry.set(.bytes, 7)
        entry.set(.modified, 8)
        entry.set(.outcome, outcome)
        return entry
    }

    private func write(_ entries: [JournalEntry], peer: String = "A@h:1") throws {
        let journal = try Journal(path, operation: "store", peer: peer)
        for entry in entries { try journal.append(entry) }
        try journal.sync()
    }

    private func read() throws -> (entries: [JournalEntry], damaged: Int) {
        var reader = try JournalReader(path)
        var entries: [JournalEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return (entries, reader.damagedLines)
    }

    @Test func `gives back what was recorded, behind a line that names the run`() throws {
        try write([entry("a"), entry("b", "failed")])
        let (entries, damaged) = try read()
        #expect(damaged == 0)
        #expect(entries.count == 3)
        #expect(entries[0][.journal] == .string("dcmscu"))
        #expect(entries[0][.peer] == .string("A@h:1"))
        #expect(entries[1] == entry("a"))
        #expect(entries[2][.outcome] == .string("failed"))
    }

    @Test func `keeps a path that is no UTF-8 exactly`() throws {
        let odd = FilePath(bytes: [0x61, 0xFF, 0x0A, 0x22])
        var entry = JournalEntry()
        entry.set(path: odd)
        try write([entry])
        #expect(try read().entries[1].path == odd)
    }

    @Test func `cut at any length gives every whole line and loses no later run`() throws {
        try write([entry("a"), entry("b")])
        let whole = try folder.read(path)
        let lineFeed = UInt8(ascii: "\n")
        for length in whole.indices {
            try folder.write(whole[..<length], to: "journal")
            let lines = whole[..<length].count { $0 == lineFeed }
            let cut = try read()
            // A line that only lacks its line feed is whole as well.
            #expect([lines, lines + 1].contains(cut.entries.count))
            try write([entry("c")])
            let (entries, damaged) = try read()
            #expect(damaged == 0)
            #expect(entries.count == lines + 2)
            #expect(entries.last == entry("c"))
        }
    }

    @Test func `passes over the zeros that a power cut leaves`() throws {
        try write([entry("a")])
        try folder.write(try folder.read(path) + [UInt8](repeating: 0, count: 3000), to: "journal")
        #expect(try read().entries.count == 2)
        try write([entry("b")])
        #expect(try read().damaged == 0)
        #expect(try read().entries.count == 4)
    }

    @Test func `is not begun in a file that is something else`() throws {
        try folder.write(Array("precious\n".utf8), to: "journal")
        #expect(throws: FileProblem.self) { try Journal(path, operation: "store", peer: "A@h:1") }
        #expect(try folder.read(path) == Array("precious\n".utf8))
    }

    @Test func `belongs to one run at a time`() throws {
        let journal = try Journal(path, operation: "store", peer: "A@h:1")
        #expect(throws: FileProblem.self) { try Journal(path, operation: "store", peer: "A@h:1") }
        try journal.append(entry("a"))
        try journal.sync()
        #expect(try read().entries.count == 2)
    }

    @Test func `of another peer counts for nothing`() throws {
        try write([entry("a")], peer: "A@h:1")
        try write([entry("b"), entry("c", "failed")], peer: "B@h:1")
        #expect(try CompletedInstances(reading: path, operation: "store", peer: "A@h:1").count == 1)
        #expect(try CompletedInstances(reading: path, operation: "store", peer: "B@h:1").count == 1)
        #expect(try CompletedInstances(reading: path, operation: "get", peer: "A@h:1").count == 0)
        #expect(try CompletedInstances(reading: folder["none"], operation: "store", peer: "A@h:1").count == 0)
    }

    @Test func `knows the file that was stored, and not one that has changed since`() throws {
        try folder.write(SampleInstance.file(), to: "image")
        let file = try InstanceFile.open(folder["image"]).file
        var entry = JournalEntry()
        entry.set(path: file.path)
        entry.set(.sopInstanceUID, file.sopInstanceUID)
        entry.set(.bytes, file.size)
        entry.set(.modified, file.modified)
        entry.set(.outcome, "warning")
        try write([entry])
        #expect(try CompletedInstances(reading: path, operation: "store", peer: "A@h:1")[file] == .wasSentWithWarning)
        entry.set(.outcome, "skipped")
        try write([entry])
        #expect(try CompletedInstances(reading: path, operation: "store", peer: "A@h:1")[file] == .wasThere)
        entry.set(.outcome, "done")
        try write([entry])
        #expect(try CompletedInstances(reading: path, operation: "store", peer: "A@h:1")[file] == .wasSent)
        try folder.write(SampleInstance.file(pixels: 66), to: "image")
        let changed = try InstanceFile.open(folder["image"]).file
        #expect(try !CompletedInstances(reading: path, operation: "store", peer: "A@h:1").contains(changed))
    }
}
