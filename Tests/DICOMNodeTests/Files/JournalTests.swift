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

    /// What an entry says about its instance, by either reader.
    private struct Said: Equatable {
        var outcome: JournalOutcome?
        var path: FilePath?
        var instance: String?
        var bytes: Int?
        var modified: Int?
        var isStart: Bool

        init(_ entry: JournalEntry) {
            outcome = entry.outcome
            path = entry.path
            instance = entry[.sopInstanceUID]?.string
            bytes = entry[.bytes]?.integer
            modified = entry[.modified]?.integer
            isStart = entry[.journal] != nil
        }

        init(_ record: JournalReader.Record) {
            outcome = record.outcome
            path = record.path.map { FilePath(bytes: Array($0)) }
            instance = record.sopInstanceUID.map { String(decoding: $0, as: UTF8.self) }
            bytes = record.bytes
            modified = record.modified
            isStart = record.start != nil
        }
    }

    @Test func `says in passing what it says when its lines are parsed, however they are written`() throws {
        var odd = JournalEntry()
        odd.set(path: FilePath(bytes: [0x61, 0xFF, 0x0A, 0x22]))
        odd.set(.done)
        var full = entry("/a b/\u{FC}\t\"c\\", "committed")
        full.set(.error, "~ \u{7F} {},:")
        full.set(.time, JournalEntry.now)
        try write([entry("/a b/~c"), entry("b", "unheard of"), odd, full])
        let whole = try folder.read(path)
        let text = String(decoding: whole, as: UTF8.self)
        var lines = text.split(separator: "\n").map { String($0) }
        let plain = lines[1]
        // Cut at each length, as by a power cut; and what other programs might make of it.
        lines += plain.indices.map { String(plain[..<$0]) }
        lines += [
            plain + "x", plain + " ", " " + plain, plain.replacing(",", with: " , "), plain.replacing("7", with: "-7"),
            plain.replacing("7", with: "07"), plain.replacing("7", with: "7.5"), plain.replacing("7", with: "7e2"),
            plain.replacing("7", with: "12345678901234567890"),
            plain.replacing("7", with: "9223372036854775807"), plain.replacing("7", with: "9223372036854775808"),
            plain.replacing("7", with: "true"),
            plain.replacing("7", with: "\"7\""), plain.replacing("7", with: "[7,{\"a\":1}]"), "{}", "{", "[]", "7",
            plain.replacing("bytes", with: "modified"), plain.replacing("bytes", with: "b\\u0079tes"),
            plain.replacing("done", with: "d\u{1}one"), plain.replacing("1.2.3", with: "\\u0031"),
        ]
        // What ends a text, or may not be in it as it is, at each place among those that are looked at together.
        for length in 0..<20 {
            for text in ["\"", "\\u0041", "\\\"", "\u{1F}", "\u{7F}", "\u{80}", " ", "~", "!", "#", "[", "]"] {
                lines.append(
                    plain.replacing("/a b/~c", with: String(repeating: "x", count: length) + text + "yyyyyyyyy"))
            }
        }
        let start = lines[0]
        try folder.write(
            Array((start + "\n" + lines.joined(separator: "\n")).utf8) + [0x0A, 0x00, 0x00, 0x0A], to: "journal")
        let parsed = try read()
        var said: [Said] = []
        var reader = try JournalReader(path)
        var offsets: [UInt64] = []
        try reader.forEach { record throws(FileProblem) in
            said.append(Said(record))
            offsets.append(record.offset)
        }
        #expect(said == parsed.entries.map { Said($0) })
        #expect(reader.damagedLines == parsed.damaged)
        #expect(parsed.damaged > 10)
        for (offset, entry) in zip(offsets, parsed.entries) { #expect(try reader.entry(at: offset) == entry) }
    }

    @Test func `tells which files were retrieved, and which of them are on the disk`() throws {
        func file(_ instance: String, _ outcome: JournalOutcome = .done) -> JournalEntry {
            var entry = JournalEntry()
            entry.set(outcome)
            entry.set(.sopInstanceUID, UID(instance))
            entry.set(.bytes, 7)
            entry.set(.sha256, "ab\(instance)")
            entry.set(path: FilePath("/\(instance)"))
            return entry
        }
        var synced = JournalEntry()
        synced.set(.synced)
        try write([file("1.1"), synced, file("1.2"), file("1.3", .failed)])
        try write([file("1.4"), file("1.5")])
        try write([file("1.6"), synced, file("1.1")])
        let files = try RetrievedFiles(reading: path)
        #expect(files.damagedLines == 0)
        #expect(files.file(of: "1.6")?.isSynced == true)
        for instance in ["1.1", "1.2", "1.4", "1.5"] {
            let file = files.file(of: UID(instance))
            #expect(file?.isSynced == false)
            #expect(file?.path == FilePath("/\(instance)"))
            #expect(file?.bytes == 7)
            #expect(file?.digest == "ab\(instance)")
            #expect(file?.modified == nil)
        }
        #expect(files.file(of: "1.3") == nil)
        #expect(files.file(of: "1.7") == nil)
        #expect(throws: FileProblem.self) { try RetrievedFiles(reading: folder["none"]) }
    }

    @Test func `tells which instances are confirmed at the archive that they were copied to`() throws {
        func entry(_ instance: String, _ outcome: JournalOutcome) -> JournalEntry {
            var entry = JournalEntry()
            entry.set(outcome)
            entry.set(.sopInstanceUID, UID(instance))
            entry.set(.studyInstanceUID, "2.1")
            entry.set(.seriesInstanceUID, "2.2")
            return entry
        }
        func write(_ entries: [JournalEntry], operation: String = "copy", peer: String = "NEW@h:1") throws {
            let journal = try Journal(path, operation: operation, peer: peer)
            for entry in entries { try journal.append(entry) }
            try journal.sync()
        }
        func read(onlyCommitted: Bool = false) throws -> CopiedInstances {
            try CopiedInstances(reading: path, operation: "copy", peer: "NEW@h:1", onlyCommitted: onlyCommitted)
        }
        #expect(try read().count == 0)
        try write([entry("1.1", .confirmed), entry("1.2", .skipped), entry("1.3", .done), entry("1.4", .confirmed)])
        // The last entry counts; and what is elsewhere, or came by another operation, counts for nothing.
        try write([entry("1.4", .failed), entry("1.5", .committed)])
        try write([entry("1.6", .confirmed)], peer: "OTHER@h:1")
        try write([entry("1.7", .skipped)], operation: "store")
        let copied = try read()
        let there = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"].filter {
            copied.contains(UID($0), study: "2.1", series: "2.2")
        }
        #expect(there == ["1.1", "1.2", "1.5"])
        #expect(copied.count == 3)
        // The same UID in another study or series is another instance.
        #expect(!copied.contains("1.1", study: "2.1", series: "2.3"))
        #expect(!copied.contains("1.1", study: "2.3", series: "2.2"))
        // That it is listed is no commitment.
        let committed = try read(onlyCommitted: true)
        #expect(committed.count == 1 && committed.contains("1.5", study: "2.1", series: "2.2"))
    }
}
