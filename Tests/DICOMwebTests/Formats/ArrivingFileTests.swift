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

    @Test(arguments: [[], [0x50], Array("this is no file of DICOM".utf8), [UInt8](repeating: 0, count: 100_000)])
    func `bytes that are no file are told`(bytes: [UInt8]) {
        if case .notDICOM? = arrive(bytes, pieces: 999).problem {} else { Issue.record("taken for a file") }
    }
}
