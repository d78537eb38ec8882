import DICOM
import Glibc
import TestSupport
import Testing

@testable import DICOMNode

struct InstanceFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ bytes: some Sequence<UInt8>) throws -> InstanceFile {
        try folder.write(bytes, to: "file")
        let opened = try InstanceFile.open(folder["file"])
        return opened.file
    }

    private func problem(_ bytes: some Sequence<UInt8>) throws -> FileProblem.Code? {
        try folder.write(bytes, to: "file")
        let path = folder["file"]
        let problem = #expect(throws: FileProblem.self) { _ = try InstanceFile.open(path) }
        #expect(problem?.path == path)
        return problem?.code
    }

    @Test(arguments: TransferSyntax.uncompressed)
    func `a file says what it is and where its data set begins`(syntax: TransferSyntax) throws {
        let bytes = SampleInstance.file(syntax)
        let file = try open(bytes)
        #expect(file.form == .part10)
        #expect(file.transferSyntax == syntax)
        #expect(file.sopClassUID == SampleInstance.sopClassUID)
        #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
        #expect(file.studyInstanceUID == SampleInstance.studyInstanceUID)
        #expect(file.size == UInt64(bytes.count))
        #expect(Array(bytes[Int(file.dataSetOffset)...]) == DataSetEncoder(syntax).encode(SampleInstance.dataSet()))
    }

    @Test func `group 0002 again at the beginning of an implicit data set is not a part of it`() throws {
        let dataSet = DataSetEncoder(.implicitVRLittleEndian).encode(SampleInstance.dataSet())
        // (0002,0010) with the UID of its syntax, in Implicit VR.
        let again = [0x02, 0, 0x10, 0, 18, 0, 0, 0] + Array("1.2.840.10008.1.2\0".utf8)
        for meta in [SampleInstance.meta(.implicitVRLittleEndian).encode(), []] {
            let file = try open(meta + again + dataSet)
            #expect(file.transferSyntax == .implicitVRLittleEndian)
            #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
            #expect(Int(file.dataSetOffset) == meta.count + again.count)
        }
    }

    @Test func `a group length that leads to a data set leads over an element that makes no sense`() throws {
        var meta = SampleInstance.meta().encode()
        // A private element of group 0002 whose length is a lie, and one without a representation.
        let lie: [UInt8] = [0x02, 0, 0x02, 0x01, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]
        let nonsense: [UInt8] = [0x02, 0, 0x03, 0x01, 1, 2, 3, 4]
        for strange in [lie, nonsense] {
            meta = SampleInstance.meta().encode() + strange
            meta[140] += UInt8(strange.count)
            let file = try open(meta + DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet()))
            #expect(Int(file.dataSetOffset) == meta.count)
            #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
        }
        // Where nothing readable is, it is as before.
        #expect(try problem(meta + [UInt8](repeating: 0xEE, count: 1000)) == .notDICOM)
    }

    @Test func `meta information without a preamble is recognised`() throws {
        let bytes = SampleInstance.file().dropFirst(132)
        let file = try open(bytes)
        #expect(file.form == .metaInformationAlone)
        #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
        #expect(
            Int(file.dataSetLength) == DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet()).count)
    }

    @Test(arguments: [
        TransferSyntax.implicitVRLittleEndian, .explicitVRLittleEndian, .explicitVRBigEndian,
    ])
    func `a data set alone is recognised by its first element`(syntax: TransferSyntax) throws {
        let file = try open(DataSetEncoder(syntax).encode(SampleInstance.dataSet()))
        #expect(file.form == .dataSetAlone)
        #expect(file.transferSyntax == syntax)
        #expect(file.dataSetOffset == 0)
        #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
    }

    @Test func `the data set's UIDs win over those of the meta information`() throws {
        var meta = SampleInstance.meta()
        meta.mediaStorageSOPInstanceUID = "1.9.9"
        let file = try open(meta.encode() + DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet()))
        #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
    }

    @Test func `meta information longer than one read is read on`() throws {
        var meta = SampleInstance.meta()
        meta.otherElements[Tag(0x0002_0102)] = DataElement(
            tag: Tag(0x0002_0102), vr: .OB, value: .bytes([UInt8](repeating: 1, count: 50_000)[...]))
        let file = try open(meta.encode() + DataSetEncoder(.explicitVRLittleEndian).encode(SampleInstance.dataSet()))
        #expect(file.dataSetOffset > 50_000)
        #expect(file.studyInstanceUID == SampleInstance.studyInstanceUID)
    }

    @Test func `problems are told apart`() throws {
        #expect(try problem([]) == .empty)
        #expect(try problem([0x00]) == .notDICOM)
        #expect(try problem("just some text, longer than a preamble would be\n".utf8) == .notDICOM)
        #expect(try problem([UInt8](repeating: 0, count: 4096)) == .notDICOM)
        #expect(try problem(SampleInstance.file().prefix(200)) == .truncated)
        #expect(try problem(SampleInstance.meta().encode()) == .noDataSet)
        var noClass = SampleInstance.dataSet()
        noClass.remove(.sopClassUID)
        #expect(try problem(DataSetEncoder(.explicitVRLittleEndian).encode(noClass)) == .noSOPClassUID)
        var noInstance = SampleInstance.dataSet()
        noInstance.remove(.sopInstanceUID)
        #expect(try problem(DataSetEncoder(.explicitVRLittleEndian).encode(noInstance)) == .noSOPInstanceUID)
    }

    @Test func `what is no file is not waited for`() throws {
        let fifo = folder["pipe"]
        #expect(fifo.withCString { mkfifo($0, 0o600) } == 0)
        #expect(throws: FileProblem(fifo, .notAFile)) { _ = try InstanceFile.open(fifo) }
        let path = folder.path
        #expect(throws: FileProblem(path, .notAFile)) { _ = try InstanceFile.open(path) }
        let missing = folder["missing"]
        #expect(throws: FileProblem(missing, .notFound)) { _ = try InstanceFile.open(missing) }
    }

    @Test func `every cut of a header ends in a problem or a description`() throws {
        let bytes = SampleInstance.file()
        for length in 1..<bytes.count {
            try folder.write(bytes.prefix(length), to: "file")
            do throws(FileProblem) {
                let opened = try InstanceFile.open(folder["file"])
                #expect(opened.file.size == UInt64(length))
            } catch {
                #expect([.notDICOM, .truncated, .noDataSet, .noSOPClassUID, .noSOPInstanceUID].contains(error.code))
            }
        }
    }

    @Test func `a file that changed after it was opened is found out`() throws {
        try folder.write(SampleInstance.file(), to: "file")
        let opened = try InstanceFile.open(folder["file"])
        try opened.file.checkUnchanged(opened.descriptor)
        try folder.write(SampleInstance.file(pixels: 128), to: "file")
        let problem = #expect(throws: FileProblem.self) { try opened.file.checkUnchanged(opened.descriptor) }
        #expect(problem?.code == .changed)
    }

    @Test func `a table of contents is known as such`() throws {
        var meta = SampleInstance.meta()
        meta.mediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
        var directory = DataSet()
        directory.set(Tag(0x0004_1130), .CS, "DISC")
        let file = try open(meta.encode() + DataSetEncoder(.explicitVRLittleEndian).encode(directory))
        #expect(file.isMediaStorageDirectory)
    }
}
