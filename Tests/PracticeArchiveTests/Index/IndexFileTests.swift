import DICOM
import DICOMNode
import Glibc
import System
import TestSupport
import Testing

@testable import PracticeArchive

/// The hidden index file of a folder. Its Patient IDs are other ones than those of the files here, so that it can be told who has
/// said them.
struct IndexFileTests {
    private let folder: TemporaryFolder
    private static let count = 300
    private var path: FilePath { folder[".dcmscu-index"] }

    init() throws {
        folder = try TemporaryFolder()
        for name in ["a", "a.b", "b"] { try folder.makeFolder(name) }
        for number in 0..<Self.count { try write(number) }
    }

    private func name(_ number: Int) -> String { "\(["a", "a.b", "b"][number % 3])/\(number).dcm" }

    private func write(_ number: Int, _ patient: String = "FILE", to name: String? = nil) throws {
        let (sopClass, uid): (UID, UID) = ("1.2.840.10008.5.1.4.1.1.7", UID("1.2.3.\(number)"))
        let syntax = TransferSyntax.explicitVRLittleEndian
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, sopClass)
        dataSet.set(.sopInstanceUID, uid)
        dataSet.set(.patientID, .LO, patient)
        dataSet.set(.studyInstanceUID, UID("1.2.\(number / 50)"))
        dataSet.set(.seriesInstanceUID, UID("1.2.\(number / 50).\(number / 10)"))
        dataSet.set(.instanceNumber, .IS, "\(number)")
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass, mediaStorageSOPInstanceUID: uid, transferSyntax: syntax)
        try folder.write(meta.encode() + DataSetEncoder(syntax).encode(dataSet), to: name ?? self.name(number))
    }

    /// Reads the folder so much later that all files have been as they are for long.
    private func read(_ folder: TemporaryFolder? = nil) -> ArchiveIndex {
        let index = ArchiveIndex()
        index.rebuild(from: (folder ?? self.folder).path, at: FileStamp.now + 10_000_000_000, problem: { _ in })
        return index
    }

    private func writeIndex() throws {
        let instances = read().contents.instances.values.map { instance in
            var attributes = instance.attributes
            attributes.set(.patientID, .LO, "INDEX")
            return ArchivedInstance(
                instance.file, identity: instance.identity, attributes: EncodedElements(attributes),
                like: nil)
        }
        try IndexFile.write(instances, in: OutputFolder(folder.path, syncing: .none))
    }

    /// The numbers of all instances, and of those that the index has told.
    private func counts(_ index: ArchiveIndex) -> [Int] {
        let instances = index.contents.instances.values
        return [instances.count, instances.count { $0.patientID == "INDEX" }]
    }

    private func bytes() throws -> [UInt8] { try folder.read(path) }

    @Test func `what the index tells of files that are as they were is believed`() throws {
        #expect(counts(read()) == [300, 0])
        try writeIndex()
        let index = read()
        #expect(counts(index) == [300, 300])
        #expect(index.studyCount == 6)
        let file = try #require(index.instance("1.2.3.7")?.file)
        #expect(try file == InstanceFile.open(folder["a.b/7.dcm"]).file)
        #expect(index.instance("1.2.3.7")?.attributes.string(.instanceNumber) == "7")
    }

    @Test func `it is written at the first reading, and again only if there is news`() throws {
        let output = try OutputFolder(folder.path, syncing: .none)
        try read().writeFile(in: output)
        let first = try #require(path.ownStamp)
        try read().writeFile(in: output)
        #expect(path.ownStamp == first)
        let index = read()
        try write(1_000, to: "b/1000.dcm")
        try index.add(stored: folder["b/1000.dcm"])
        try index.writeFile(in: output)
        #expect(path.ownStamp != first)
        var reader = IndexFileReader(in: folder.path)
        #expect(reader?.record(for: Array("b/1000.dcm".utf8)[...]) != nil)
        for number in 0..<Self.count { _ = name(number).withCString { _ in unlink(folder[name(number)].text) } }
        reader = nil
        try read().writeFile(in: output)
        // Too few for a file of ours: the old one stays, and is asked for nothing.
        #expect(counts(read()) == [1, 0])
    }

    @Test func `an older file of an instance is no news`() throws {
        try write(7, "OLDER", to: "a/older.dcm")
        let old = timespec(tv_sec: 1_000_000, tv_nsec: 1)
        #expect(folder["a/older.dcm"].withCString { path in utimensat(AT_FDCWD, path, [old, old], 0) } == 0)
        let output = try OutputFolder(folder.path, syncing: .none)
        try read().writeFile(in: output)
        let first = try #require(path.ownStamp)
        let again = read()
        #expect(again.instanceCount == 300)
        try again.writeFile(in: output)
        #expect(path.ownStamp == first)
    }

    @Test func `files that have just changed are not in it`() throws {
        let index = ArchiveIndex()
        index.rebuild(from: folder.path, problem: { _ in })
        try index.writeFile(in: OutputFolder(folder.path, syncing: .none))
        #expect(!FileDescriptor.isFile(path))
    }

    @Test func `a file that is another one is read anew`() throws {
        try writeIndex()
        let stamp = try #require(folder[name(5)].ownStamp)
        func setTime(_ path: FilePath) {
            let time = timespec(
                tv_sec: Int(stamp.modified / 1_000_000_000), tv_nsec: Int(stamp.modified % 1_000_000_000))
            #expect(utimensat(AT_FDCWD, path.text, [time, time], 0) == 0)
        }
        // The same length and time: in another inode, and in the same.
        try write(5, "ELSE", to: "a.b/new.dcm")
        setTime(folder["a.b/new.dcm"])
        #expect(rename(folder["a.b/new.dcm"].text, folder[name(5)].text) == 0)
        try write(6, "ELSE")
        setTime(folder[name(6)])
        #expect(folder[name(5)].ownStamp?.size == stamp.size && folder[name(5)].ownStamp?.modified == stamp.modified)
        // Another length, one that is gone, one that is new, one that has moved.
        try write(7, "LONGER VALUE")
        #expect(unlink(folder[name(8)].text) == 0)
        try write(2_000, to: "2000.dcm")
        #expect(rename(folder[name(9)].text, folder["b/moved.dcm"].text) == 0)
        let index = read()
        #expect(counts(index) == [300, 295])
        #expect(
            ["5", "6", "7"].map { index.instance(UID("1.2.3.\($0)"))?.patientID } == ["ELSE", "ELSE", "LONGER VALUE"])
        #expect(index.instance("1.2.3.8") == nil && index.instance("1.2.3.9")?.patientID == "FILE")
    }

    @Test func `a damaged file is believed as far as it is sound`() throws {
        try writeIndex()
        let whole = try bytes()
        #expect(whole.count > IndexFile.longestBlock)
        for length in stride(from: 0, to: whole.count, by: whole.count / 7) {
            try folder.write(whole[..<length], to: path)
            let found = counts(read())
            #expect(found[0] == 300 && (length == 0 || found[1] < 300), "\(length) bytes")
        }
        for place in [0, 14, IndexFile.head.count, IndexFile.head.count + 5, IndexFile.head.count + 100] {
            var damaged = whole
            damaged[place] ^= 1
            try folder.write(damaged, to: path)
            #expect(counts(read()) == [300, 0], "byte \(place)")
        }
        var damaged = whole
        damaged[whole.count - 1] ^= 1
        try folder.write(damaged, to: path)
        let found = counts(read())
        #expect(found[0] == 300 && found[1] > 0 && found[1] < 300)
    }

    @Test func `whatever it says, files are not opened at other places or read behind their end`() throws {
        try writeIndex()
        let whole = try bytes()
        let start = IndexFile.head.count
        let length = Int(whole[start]) | Int(whole[start + 1]) << 8 | Int(whole[start + 2]) << 16
        var state: UInt64 = 17
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for _ in 0..<200 {
            var block = Array(whole[(start + 12)..<(start + 12 + length)])
            for _ in 0..<3 { block[random(length)] = UInt8(random(256)) }
            let sum = withUnsafeBytes(of: IndexFile.sum(block).littleEndian) { Array($0) }
            try folder.write(whole[..<(start + 4)] + sum + block, to: path)
            for instance in read().contents.instances.values {
                #expect(instance.file.path.bytes.starts(with: folder.path.bytes))
                #expect(instance.file.dataSetOffset < instance.file.size)
                _ = instance.attributes
            }
        }
    }

    @Test func `a file that is not ours alone is neither believed nor replaced`() throws {
        try writeIndex()
        let whole = try bytes()
        let elsewhere = try TemporaryFolder()
        try elsewhere.write(whole, to: "index")
        let output = try OutputFolder(folder.path, syncing: .none)
        func expectLeftAlone(_ what: Comment) throws {
            let before = path.ownStamp
            let index = read()
            #expect(counts(index) == [300, 0], what)
            try index.writeFile(in: output)
            #expect(path.ownStamp == before, what)
        }
        #expect(chmod(path.text, 0o622) == 0)
        try expectLeftAlone("others may write to it")
        #expect(chmod(path.text, 0o600) == 0 && link(path.text, elsewhere["second"].text) == 0)
        try expectLeftAlone("it has another name")
        #expect(unlink(path.text) == 0 && symlink(elsewhere["index"].text, path.text) == 0)
        try expectLeftAlone("it is a link")
        #expect(try elsewhere.read(elsewhere["index"]) == whole)
        #expect(unlink(path.text) == 0)
        try folder.makeFolder(".dcmscu-index")
        try expectLeftAlone("it is a folder")
        #expect(rmdir(path.text) == 0 && mkfifo(path.text, 0o600) == 0)
        try expectLeftAlone("it is a pipe")
        #expect(unlink(path.text) == 0)
        try read().writeFile(in: output)
        #expect(path.ownStamp?.size ?? 0 > 1_000)
        #expect(try FileDescriptor.open(path).isOursAlone)
    }

    @Test func `the index of another folder is believed of nothing`() throws {
        try writeIndex()
        let other = try TemporaryFolder()
        for name in ["a", "a.b", "b"] { try other.makeFolder(name) }
        for number in 0..<Self.count { try other.write(folder.read(folder[name(number)]), to: name(number)) }
        try other.write(bytes(), to: ".dcmscu-index")
        #expect(chmod(other[".dcmscu-index"].text, 0o600) == 0)
        #expect(counts(read(other)) == [300, 0])
    }

    @Test func `several archives may write it at a time`() throws {
        let indexes = (0..<4).map { _ in read() }
        let output = try OutputFolder(folder.path, syncing: .none)
        let path = folder.path
        let failures = Locked(0)
        let threads = try WorkerThreads(count: 4, name: "write") { worker in
            for _ in 0..<10 {
                do throws(FileProblem) {
                    try IndexFile.write(indexes[worker].contents.instances.values, in: output)
                } catch {
                    failures.withLock { $0 += 1 }
                }
                if IndexFileReader(in: path) == nil { failures.withLock { $0 += 1 } }
            }
        }
        threads.join()
        #expect(failures.withLock { $0 } == 0)
        #expect(try folder.names().count { $0.hasPrefix(".") } == 1)
        let reader = try #require(IndexFileReader(in: path))
        #expect(reader.record(for: Array("a/0.dcm".utf8)[...]) != nil)
    }

    @Test func `names are in the order of the walk`() throws {
        var scanner = FileScanner([folder.path], recursive: true)
        var names: [[UInt8]] = []
        while case .file(let path)? = scanner.next() {
            names.append(Array(path.bytes.dropFirst(folder.path.bytes.count + 1)))
        }
        #expect(names.count == 300)
        #expect(zip(names, names.dropFirst()).allSatisfy { IndexFile.precedes($0, $1) })
    }
}
