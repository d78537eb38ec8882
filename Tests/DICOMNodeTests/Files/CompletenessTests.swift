import DICOM
import TestSupport
import Testing

@testable import DICOMNode

struct CompletenessTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Where the data set ends.
    private func check(_ bytes: some Sequence<UInt8>) throws(FileProblem) -> UInt64 {
        try folder.replace(bytes, of: "file")
        let opened = try InstanceFile.open(folder["file"])
        return try opened.file.checkComplete(opened.descriptor)
    }

    private func problem(_ bytes: some Sequence<UInt8>) throws -> FileProblem.Code? {
        #expect(throws: FileProblem.self) { _ = try check(bytes) }?.code
    }

    @Test(arguments: TransferSyntax.uncompressed, [0, 64, 300_000])
    func `a whole file is complete`(syntax: TransferSyntax, pixels: Int) throws {
        let bytes = SampleInstance.file(syntax, pixels: pixels)
        #expect(try check(bytes) == UInt64(bytes.count))
    }

    @Test(arguments: [
        (TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian),
        (.implicitVRLittleEndian, .explicitVRLittleEndian), (.explicitVRBigEndian, .explicitVRLittleEndian),
        (.explicitVRLittleEndian, .explicitVRBigEndian), (.implicitVRLittleEndian, .explicitVRBigEndian),
    ])
    func `a data set in another syntax than the file says is called that`(
        said: TransferSyntax, written: TransferSyntax
    ) throws {
        let bytes = SampleInstance.meta(said).encode() + DataSetEncoder(written).encode(SampleInstance.dataSet())
        #expect(try problem(bytes) == .mislabelled)
    }

    @Test(arguments: TransferSyntax.uncompressed)
    func `a cut is found at every length but the ends of elements`(syntax: TransferSyntax) throws {
        let bytes = SampleInstance.file(syntax)
        let start = SampleInstance.meta(syntax).encode().count
        var ends: Set<Int> = []
        if syntax.isDeflated {
            // The last byte may be the padding to an even length (PS3.5 A.5).
            if bytes.last == 0 { ends.insert(bytes.count - 1) }
        } else {
            var prefix = DataSet()
            for element in SampleInstance.dataSet().elements {
                prefix.append(element)
                ends.insert(start + DataSetEncoder(syntax).encode(prefix).count)
            }
        }
        for length in start + 1..<bytes.count {
            let piece = bytes.prefix(length)
            if ends.contains(length) {
                // Without its UIDs the file is refused before it is checked.
                do throws(FileProblem) {
                    #expect(try check(piece) == UInt64(length))
                } catch {
                    #expect(error.code == .noSOPClassUID || error.code == .noSOPInstanceUID)
                }
            } else {
                #expect(try problem(piece) == .truncated)
            }
        }
    }

    @Test(arguments: [1, 7, 8, 512, 4096])
    func `zeros behind the data set are tolerated and not counted`(count: Int) throws {
        for syntax in TransferSyntax.uncompressed where !syntax.isDeflated && (count > 3 || !syntax.isBigEndian) {
            let bytes = SampleInstance.file(syntax)
            #expect(try check(bytes + [UInt8](repeating: 0, count: count)) == UInt64(bytes.count))
        }
    }

    @Test(arguments: [0, 3, 70_000])
    func `zeros that belong to a value or to a header are counted`(zeros: Int) throws {
        var dataSet = SampleInstance.dataSet()
        let pixels = [1] + [UInt8](repeating: 0, count: zeros)
        dataSet[.pixelData] = DataElement(tag: .pixelData, vr: .OW, value: .bytes(pixels[...]))
        for syntax in [TransferSyntax.implicitVRLittleEndian, .explicitVRLittleEndian] {
            let bytes = SampleInstance.meta(syntax).encode() + DataSetEncoder(syntax).encode(dataSet)
            #expect(try check(bytes) == UInt64(bytes.count))
            #expect(try check(bytes + [UInt8](repeating: 0, count: 512)) == UInt64(bytes.count))
            #expect(try problem(bytes.dropLast(max(zeros, 1))) == .truncated)
        }
        var empty = SampleInstance.dataSet()
        empty.setEmpty(.pixelData, .OW)
        let bytes = SampleInstance.meta().encode() + DataSetEncoder(.explicitVRLittleEndian).encode(empty)
        #expect(try check(bytes) == UInt64(bytes.count))
    }

    @Test func `zeros where a value or a sequence should go on are not tolerated`() throws {
        let bytes = SampleInstance.file(pixels: 4096)
        // The pixels' length says 4096, and zeros stand for the last of them: only the number of bytes can tell.
        #expect(try problem(bytes.dropLast(100) + [UInt8](repeating: 0, count: 50)) == .truncated)
        // An item of undefined length that is never closed.
        let open: [UInt8] = [
            0x08, 0x00, 0x99, 0x11, 0x53, 0x51, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF,  // (0008,1199) SQ, undefined length
            0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF,  // item, undefined length
        ]
        #expect(try problem(SampleInstance.file() + open + [UInt8](repeating: 0, count: 64)) != nil)
        #expect(try problem(SampleInstance.file() + open) == .truncated)
    }

    @Test func `anything else behind the data set is an error`() throws {
        #expect(try problem(SampleInstance.file() + Array("\n".utf8)) == .truncated)
        #expect(try problem(SampleInstance.file() + Array("trailing text here".utf8)) != nil)
    }

    @Test func `a length beyond the file is a cut, whatever it promises`() throws {
        var bytes = SampleInstance.file(pixels: 64)
        // The length field of the pixel data.
        let at = bytes.count - 64 - 4
        bytes.replaceSubrange(at..<at + 4, with: [0xFE, 0xFF, 0xFF, 0xFF])
        #expect(try problem(bytes) == .truncated)
    }

    @Test func `a deflated stream that is not one is malformed`() throws {
        let meta = SampleInstance.meta(.deflatedExplicitVRLittleEndian).encode()
        #expect(try problem(meta + [UInt8](repeating: 0xFF, count: 100)) == .malformed)
    }

    @Test func `fragments are passed over one by one`() throws {
        var dataSet = SampleInstance.dataSet()
        let fragments: [ArraySlice<UInt8>] = [[], [UInt8](repeating: 1, count: 70_000)[...], [1, 2], [3, 4]]
        dataSet[.pixelData] = DataElement(tag: .pixelData, vr: .OB, value: .fragments(fragments))
        let bytes =
            SampleInstance.meta(.jpegBaseline8Bit).encode() + DataSetEncoder(.jpegBaseline8Bit).encode(dataSet)
        #expect(try check(bytes) == UInt64(bytes.count))
        #expect(try problem(bytes.dropLast(8)) == .truncated)
        #expect(try problem(bytes.dropLast(9)) == .truncated)
    }
}
