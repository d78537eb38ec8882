import DICOM
import Glibc
import Synchronization
import System
import TestSupport
import Testing

@testable import DICOMNode

struct InstanceWriterTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private let dataSet = DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet())

    private func writer(
        _ output: OutputFolder, _ pattern: String = InstanceNaming.standardPattern, uid: UID = "1.2.3.4"
    ) throws -> InstanceWriter {
        var meta = SampleInstance.meta()
        meta.mediaStorageSOPInstanceUID = uid
        return InstanceWriter(in: output, naming: try InstanceNaming(pattern: pattern), metaInformation: meta)
    }

    private func write(_ bytes: [UInt8], to writer: InstanceWriter) throws(FileProblem) {
        var failure: FileProblem?
        bytes.withUnsafeBytes {
            do throws(FileProblem) { try writer.write($0) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func store(
        _ bytes: [UInt8], _ existing: InstanceWriter.Existing, _ output: OutputFolder
    ) throws -> InstanceWriter.Outcome {
        let writer = try writer(output)
        try write(bytes, to: writer)
        return try writer.finish(existing: existing)
    }

    @Test(arguments: OutputFolder.Syncing.allCases)
    func `an instance appears whole, under its name`(syncing: OutputFolder.Syncing) throws {
        let output = try OutputFolder(folder["new/deep"], syncing: syncing)
        let outcome = try store(dataSet, .fail, output)
        #expect(outcome.path == folder["new/deep/1.2.3.4.dcm"])
        #expect(outcome.kind == .written)
        #expect(outcome.remark == nil)
        let bytes = try folder.read(outcome.path)
        #expect(bytes == SampleInstance.meta().encode() + dataSet)
        #expect(outcome.size == UInt64(bytes.count))
        try output.sync()
        #expect(try folder.names() == ["new/", "new/deep/", "new/deep/1.2.3.4.dcm"])
    }

    @Test(arguments: [1, 100, 16 * 1024, 70_000, 1 << 20])
    func `pieces of any size make the same file`(piece: Int) throws {
        let output = try OutputFolder(folder.path)
        let bytes = pattern(300_000)
        let writer = try writer(output)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try write(Array(bytes[start..<min(start + piece, bytes.count)]), to: writer)
        }
        let outcome = try writer.finish(existing: .fail)
        #expect(try folder.read(outcome.path) == SampleInstance.meta().encode() + bytes)
    }

    @Test(arguments: [
        [100], [30_000], [70_000, 200], [200, 70_000, 24_000, 10, 30_000], Array(repeating: 25_000, count: 100),
        Array(repeating: 16_372, count: 90),
    ])
    func `what is put off is written in its order, and let go of`(sizes: [Int]) throws {
        let output = try OutputFolder(folder.path)
        let digests = FileDigests()
        let writer = InstanceWriter(
            in: output, naming: try InstanceNaming(pattern: InstanceNaming.standardPattern),
            metaInformation: SampleInstance.meta(), digests: digests)
        // As of a connection: what has come lies there until the next read.
        let ofRead = sizes.reduce(0, +)
        let bytes = pattern(5 * ofRead)
        var received = [UInt8](repeating: 0, count: ofRead)
        for taken in stride(from: 0, to: bytes.count, by: ofRead) {
            received.replaceSubrange(0..., with: bytes[taken..<(taken + ofRead)])
            received.withUnsafeBytes { received in
                var start = 0
                for size in sizes {
                    let piece = UnsafeRawBufferPointer(rebasing: received[start..<(start + size)])
                    #expect(throws: Never.self) { try writer.write(piece, mayBePutOff: true) }
                    start += size
                }
                #expect(throws: Never.self) { try writer.flush() }
            }
        }
        let outcome = try writer.finish(existing: .fail)
        let expected = SampleInstance.meta().encode() + bytes
        #expect(try folder.read(outcome.path) == expected)
        var sum = FileDigest()
        expected.withUnsafeBytes { sum.update($0) }
        #expect(outcome.digest?.text == sum.hexadecimal())
    }

    @Test(arguments: [true, false])
    func `what is not finished leaves nothing`(isUnnamed: Bool) throws {
        let output = try OutputFolder(folder.path)
        if !isUnnamed { output.hasUnnamedFiles = false }
        do {
            let given = try writer(output)
            try write(pattern(200_000), to: given)
            #expect(try folder.names().count == (output.hasUnnamedFiles ? 0 : 1))
            given.discard()
            #expect(try folder.names() == [])
            #expect(throws: FileProblem.self) { try given.finish(existing: .overwrite) }
            let forgotten = try writer(output)
            try write(pattern(200_000), to: forgotten)
        }
        #expect(try folder.names() == [])
    }

    @Test(arguments: [true, false])
    func `a file gets its name by its descriptor or through the list of them, and never another's`(
        isDirect: Bool
    ) throws {
        // Other tests may run meanwhile: each way is good for them, too.
        OutputFile.namesByDescriptor.store(isDirect, ordering: .relaxed)
        defer { OutputFile.namesByDescriptor.store(true, ordering: .relaxed) }
        let output = try OutputFolder(folder.path)
        #expect(try store(dataSet, .fail, output).kind == .written)
        #expect(throws: FileProblem(folder["1.2.3.4.dcm"], .exists)) { try store(dataSet, .fail, output) }
        #expect(try store(dataSet + [0], .rename, output).kind == .renamed)
        #expect(try folder.names() == ["1.2.3.4-1.dcm", "1.2.3.4.dcm"])
    }

    @Test func `what is finished is there before it is put away, and takes nothing more`() throws {
        let output = try OutputFolder(folder.path)
        let writer = try writer(output)
        try write(dataSet, to: writer)
        let outcome = try writer.finish(existing: .fail)
        #expect(try folder.read(outcome.path) == SampleInstance.meta().encode() + dataSet)
        for _ in 1...2 {
            #expect(throws: FileProblem.self) { try write([1], to: writer) }
            #expect(throws: FileProblem.self) { try writer.finish(existing: .overwrite) }
            writer.close()
        }
        writer.discard()
        #expect(try folder.names() == ["1.2.3.4.dcm"])
    }

    @Test func `where a file must have a name it is hidden until it is finished`() throws {
        let output = try OutputFolder(folder.path)
        output.hasUnnamedFiles = false
        let writer = try writer(output)
        try write(pattern(200_000), to: writer)
        let name = try #require(try folder.names().first)
        #expect(name.hasPrefix(".") && name.hasSuffix(".part"))
    }

    @Test(arguments: [true, false])
    func `the same data set under another head is the same content`(isUnnamed: Bool) throws {
        let output = try OutputFolder(folder.path)
        if !isUnnamed { output.hasUnnamedFiles = false }
        func store(from title: String, _ bytes: [UInt8]) throws -> InstanceWriter.Outcome {
            var meta = SampleInstance.meta()
            meta.sourceApplicationEntityTitle = title
            let writer = InstanceWriter(in: output, naming: .standard, metaInformation: meta)
            try write(bytes, to: writer)
            return try writer.finish(existing: .rename)
        }
        #expect(try store(from: "ONE", dataSet).kind == .written)
        #expect(try store(from: "ANOTHER", dataSet).kind == .skipped)
        #expect(try store(from: "ONE", dataSet + [1, 2]).kind == .renamed)
        #expect(try store(from: "ANOTHER", dataSet + [1, 2]).kind == .skipped)
        #expect(try folder.names().count == 2)
    }

    @Test func `the digest is that of the whole file`() throws {
        let output = try OutputFolder(folder.path)
        let writer = InstanceWriter(
            in: output, naming: .standard, metaInformation: SampleInstance.meta(), digests: FileDigests())
        try write(pattern(150_000), to: writer)
        try write(pattern(7), to: writer)
        let outcome = try writer.finish(existing: .fail)
        let digest = try #require(outcome.digest?.text)
        #expect(WrittenFile.hasContent(outcome.size, digest, at: outcome.path))
        #expect(!WrittenFile.hasContent(outcome.size, String(digest.reversed()), at: outcome.path))
        #expect(!WrittenFile.hasLength(outcome.size + 1, at: outcome.path))
    }

    @Test(arguments: [InstanceWriter.Existing.skip, .rename, .overwrite])
    func `a file without a byte is in nobody's way`(existing: InstanceWriter.Existing) throws {
        let output = try OutputFolder(folder.path)
        try folder.write([], to: "1.2.3.4.dcm")
        #expect(try store(dataSet, existing, output).kind == .replaced)
        #expect(try folder.names() == ["1.2.3.4.dcm"])
        #expect(try !folder.read(folder["1.2.3.4.dcm"]).isEmpty)
    }

    @Test func `an existing file is treated as asked`() throws {
        let output = try OutputFolder(folder.path)
        let other = dataSet + [0x00]
        #expect(try store(dataSet, .skip, output).kind == .written)
        let first = try folder.read(folder["1.2.3.4.dcm"])

        #expect(try store(other, .skip, output).kind == .skipped)
        #expect(throws: FileProblem(folder["1.2.3.4.dcm"], .exists)) { try store(other, .fail, output) }
        #expect(try folder.read(folder["1.2.3.4.dcm"]) == first)
        #expect(try folder.names() == ["1.2.3.4.dcm"])

        let renamed = try store(other, .rename, output)
        #expect(renamed.kind == .renamed)
        #expect(renamed.path == folder["1.2.3.4-1.dcm"])
        #expect(try store(other + [1], .rename, output).path == folder["1.2.3.4-2.dcm"])
        #expect(try folder.read(folder["1.2.3.4.dcm"]) == first)

        #expect(try store(other, .overwrite, output).kind == .replaced)
        #expect(try folder.read(folder["1.2.3.4.dcm"]).count == first.count + 1)
        #expect(try folder.names() == ["1.2.3.4-1.dcm", "1.2.3.4-2.dcm", "1.2.3.4.dcm"])
    }

    @Test func `the same bytes are not kept under a second name`() throws {
        let output = try OutputFolder(folder.path)
        let other = dataSet + [0x00]
        for bytes in [dataSet, other] { _ = try store(bytes, .rename, output) }
        #expect(try store(dataSet, .rename, output).kind == .skipped)
        let again = try store(other, .rename, output)
        #expect(again.kind == .skipped)
        #expect(again.path == folder["1.2.3.4-1.dcm"])
        #expect(try folder.names() == ["1.2.3.4-1.dcm", "1.2.3.4.dcm"])
    }

    @Test func `the data set decides the folder`() throws {
        let output = try OutputFolder(folder.path)
        let writer = try writer(output, "{PatientID}/{StudyInstanceUID}/{SOPInstanceUID}.dcm")
        for byte in dataSet { try write([byte], to: writer) }
        let outcome = try writer.finish(existing: .fail)
        #expect(outcome.path == folder["P_1_2/1.2.3/1.2.3.4.dcm"])
    }

    @Test func `a deflated data set decides it as well, and a broken one does not stop the instance`() throws {
        let output = try OutputFolder(folder.path)
        let naming = try InstanceNaming(pattern: "{PatientID}/{SOPInstanceUID}.dcm")
        let syntax = TransferSyntax.deflatedExplicitVRLittleEndian
        let deflated = InstanceWriter(in: output, naming: naming, metaInformation: SampleInstance.meta(syntax))
        try write(DataSetEncoder(syntax).encode(SampleInstance.dataSet()), to: deflated)
        #expect(try deflated.finish(existing: .fail).path == folder["P_1_2/1.2.3.4.dcm"])
        let broken = InstanceWriter(in: output, naming: naming, metaInformation: SampleInstance.meta(syntax))
        try write([0xFF, 0xFF, 0xFF], to: broken)
        #expect(try broken.finish(existing: .fail).path == folder["unknown/1.2.3.4.dcm"])
    }

    @Test(arguments: ["../../x", "/etc/x", "", "1\n2", "-rf", String(repeating: "9", count: 300)])
    func `hostile UIDs stay within the folder`(uid: String) throws {
        try folder.makeFolder("out")
        let output = try OutputFolder(folder["out"])
        let writer = try writer(output, uid: UID(uid))
        try write(dataSet, to: writer)
        let outcome = try writer.finish(existing: .fail)
        #expect(outcome.remark != nil)
        let names = try folder.names()
        #expect(names.count == 2 && names[0] == "out/" && names[1].hasPrefix("out/invalid-uid-"))
    }

    @Test func `no link is followed out of the folder`() throws {
        let elsewhere = try TemporaryFolder()
        try folder.link("P_1_2", to: elsewhere.path.text)
        try elsewhere.write([1], to: "victim")
        try folder.link("1.2.3.4.dcm", to: elsewhere["victim"].text)
        let output = try OutputFolder(folder.path)

        let below = try writer(output, "{PatientID}/{SOPInstanceUID}.dcm")
        try write(dataSet, to: below)
        let problem = #expect(throws: FileProblem.self) { try below.finish(existing: .overwrite) }
        #expect(problem?.code == .notWritable)
        #expect(problem?.path == folder["P_1_2"])

        // A link in place of the file is replaced, not written through.
        #expect(try store(dataSet, .overwrite, output).kind == .replaced)
        #expect(try elsewhere.read(elsewhere["victim"]) == [1])
        #expect(try elsewhere.names() == ["victim"])
    }

    @Test(arguments: [false, true])
    func `a full disk is told apart and leaves nothing`(isPutOff: Bool) throws {
        let output = try OutputFolder(folder.path)
        // The test finds the file by its name.
        output.hasUnnamedFiles = false
        let writer = try writer(output)
        try write(pattern(200_000), to: writer)
        let temporary = folder.path.appending(try #require(try folder.names().first))
        let full = FileDescriptor(owning: open("/dev/full", O_WRONLY | O_CLOEXEC))
        #expect(dup2(full.rawValue, try #require(try descriptor(of: temporary))) != -1)
        let problem = try #require(
            #expect(throws: FileProblem.self) {
                guard isPutOff else { return try write(pattern(200_000), to: writer) }
                let rest = pattern(200_000)
                try rest.withUnsafeBytes { rest in
                    try writer.write(rest, mayBePutOff: true)
                    try writer.flush()
                }
            })
        #expect(problem.code == .outOfSpace)
        #expect(try folder.names() == [])
        // The rest of the message still comes and must not begin a new file.
        #expect(throws: problem) { try write([1], to: writer) }
        #expect(throws: problem) { try writer.finish(existing: .overwrite) }
        #expect(try folder.names() == [])
    }

    /// The open descriptor of a file, by the links that the system keeps of them.
    private func descriptor(of path: FilePath) throws -> CInt? {
        (3..<1024).first { number in
            var target = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(number)", &target, target.count)
            return count > 0 && FilePath(bytes: target[..<count]) == path
        }.map { CInt($0) }
    }

    @Test func `a folder that cannot be one is found out at once`() throws {
        try folder.write([1], to: "file")
        let problem = #expect(throws: FileProblem.self) { _ = try OutputFolder(folder["file"]) }
        #expect(problem?.code == .notWritable)
        let below = #expect(throws: FileProblem.self) { _ = try OutputFolder(folder["file/below"]) }
        #expect(below?.code == .notWritable)
    }

    @Test func `a folder that vanished is an error, not a new one`() throws {
        try folder.makeFolder("out")
        let output = try OutputFolder(folder["out"])
        #expect(folder["out"].withCString { rmdir($0) } == 0)
        #expect(throws: FileProblem.self) { try store(dataSet, .fail, output) }
        #expect(try folder.names() == [])
    }

    @Test func `many folders are written in turn`() throws {
        let output = try OutputFolder(folder.path)
        for round in 0..<2 {
            for number in 0..<100 {
                let writer = try writer(output, "\(number)/{SOPInstanceUID}.dcm", uid: UID("1.\(round + 1)"))
                try write(dataSet, to: writer)
                #expect(try writer.finish(existing: .fail).kind == .written)
            }
        }
        #expect(try folder.names().count == 300)
    }

    @Test func `several threads write at once`() throws {
        let output = try OutputFolder(folder.path, syncing: .none)
        let bytes = dataSet
        let writers = try (0..<4).map { worker in
            try Background {
                for number in 0..<50 {
                    var meta = SampleInstance.meta()
                    meta.mediaStorageSOPInstanceUID = UID("1.\(worker + 1).\(number + 1)")
                    let writer = InstanceWriter(in: output, naming: .standard, metaInformation: meta)
                    try bytes.withUnsafeBytes { try writer.write($0) }
                    _ = try writer.finish(existing: .fail)
                }
            }
        }
        for writer in writers { try writer.value() }
        #expect(try folder.names().count == 200)
    }
}
