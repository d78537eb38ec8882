import DICOM
import DICOMNode
import TestSupport
import Testing

@testable import DICOMweb

struct ArrivingFileTests {
    private func arrive(_ bytes: [UInt8], study: UID? = nil, pieces: Int) -> ArrivingFile {
        let file = ArrivingFile(for: nil, study: study)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes { file.write($0) }
        }
        file.end()
        return file
    }

    @Test(arguments: [1, 100, 100_000])
    func `the instance is known however the file is cut into pieces`(pieces: Int) {
        for syntax in [TransferSyntax.explicitVRLittleEndian, .implicitVRLittleEndian, .deflatedExplicitVRLittleEndian]
        {
            let file = arrive(SampleInstance.file(syntax, pixels: 70_000), pieces: pieces)
            #expect(file.problem == nil)
            #expect(file.sopInstanceUID == SampleInstance.sopInstanceUID)
            #expect(file.sopClassUID == SampleInstance.sopClassUID)
            #expect(file.studyInstanceUID == SampleInstance.studyInstanceUID)
        }
    }

    @Test func `an instance of another study is told from one of the study`() {
        let bytes = SampleInstance.file()
        if case .otherStudy? = arrive(bytes, study: "9.9", pieces: 64).problem {} else { Issue.record("accepted") }
        #expect(arrive(bytes, study: SampleInstance.studyInstanceUID, pieces: 64).problem == nil)
    }

    /// A file whose data set has these UIDs.
    private func file(study: UID?, instance: UID = SampleInstance.sopInstanceUID) -> [UInt8] {
        var dataSet = SampleInstance.dataSet()
        dataSet[.studyInstanceUID] = nil
        dataSet.set(.sopInstanceUID, instance)
        if let study { dataSet.set(.studyInstanceUID, study) }
        return SampleInstance.meta().encode() + DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
    }

    @Test(arguments: [1, 100_000])
    func `a data set of no study is told`(pieces: Int) {
        for study in [nil, UID("")] {
            let found = arrive(file(study: study), pieces: pieces)
            if case .noStudy? = found.problem {} else { Issue.record("accepted") }
            #expect(found.sopInstanceUID == SampleInstance.sopInstanceUID)
        }
    }

    @Test func `a UID that is longer than any can be is told, and not kept`() {
        for length in [65, 60_000] {
            let long = UID("1." + String(repeating: "9", count: length - 2))
            for bytes in [file(study: long), file(study: "1.2", instance: long)] {
                let found = arrive(bytes, pieces: 1000)
                if case .longUID? = found.problem {} else { Issue.record("accepted") }
                #expect(found.sopInstanceUID.string.isEmpty && found.studyInstanceUID == nil)
            }
        }
        let longest = UID("1." + String(repeating: "9", count: 62))
        #expect(arrive(file(study: longest, instance: longest), pieces: 1000).problem == nil)
    }

    @Test func `a header without an end is given up before the file ends`() {
        // A private element of 16 MB.
        var bytes = Array(SampleInstance.file().prefix(132))
        bytes += [0x02, 0x00, 0x02, 0x01, 0x4F, 0x42, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01]
        bytes += [UInt8](repeating: 0, count: 300 << 10)
        let file = ArrivingFile(for: nil, study: nil)
        for start in stride(from: 0, to: bytes.count, by: 1000) {
            bytes[start..<min(start + 1000, bytes.count)].withUnsafeBytes { file.write($0) }
        }
        if case .notDICOM? = file.problem {} else { Issue.record("still held in memory") }
    }

    @Test(arguments: [[], [0x50], Array("this is no file of DICOM".utf8), [UInt8](repeating: 0, count: 100_000)])
    func `bytes that are no file are told`(bytes: [UInt8]) {
        if case .notDICOM? = arrive(bytes, pieces: 999).problem {} else { Issue.record("taken for a file") }
    }
}
