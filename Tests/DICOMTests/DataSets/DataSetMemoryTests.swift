import Testing

@testable import DICOM

struct DataSetMemoryTests {
    private func memory(_ bytes: [UInt8], _ syntax: TransferSyntax, atMost most: Int = .max) -> Int {
        DataSetDecoder(syntax).memoryNeeded(for: bytes[...], atMost: most)
    }

    private func element(_ number: UInt16, _ value: [UInt8] = []) -> [UInt8] {
        [0x09, 0, UInt8(number & 0xFF), UInt8(number >> 8), UInt8(value.count), 0, 0, 0] + value
    }

    @Test func `each element and each value is counted, long values are not`() {
        let one = memory(element(0x10), .implicitVRLittleEndian)
        #expect(one > 0)
        #expect(memory(element(0x10) + element(0x11) + element(0x12), .implicitVRLittleEndian) == 3 * one)
        #expect(memory(element(0x10, [UInt8](repeating: 0x41, count: 200)), .implicitVRLittleEndian) == one)
        let values = memory(element(0x10, Array("1\\2\\3\\4 ".utf8)), .implicitVRLittleEndian)
        #expect(values > one)
        #expect(memory(element(0x10, Array("1\\2\\3\\4\\5\\6\\7 ".utf8)), .implicitVRLittleEndian) == 2 * values - one)
    }

    @Test func `items and nested elements are counted`() {
        var item = DataSet()
        item.set(.referencedSOPInstanceUID, "1.2.3")
        var dataSet = DataSet()
        dataSet.set(.referencedSOPSequence, items: [item, item, item])
        for syntax in [.implicitVRLittleEndian, .explicitVRLittleEndian] as [TransferSyntax] {
            let one = memory(DataSetEncoder(syntax).encode(item), syntax)
            #expect(memory(DataSetEncoder(syntax).encode(dataSet), syntax) == 7 * one)
        }
    }

    @Test func `what is deflated counts as what it inflates to`() {
        var dataSet = DataSet()
        dataSet[Tag(0x0009_1010)] = DataElement(
            tag: Tag(0x0009_1010), vr: .OB, value: .bytes([UInt8](repeating: 0, count: 3_000_000)[...]))
        let bytes = DataSetEncoder(.deflatedExplicitVRLittleEndian).encode(dataSet)
        #expect(bytes.count < 10_000)
        #expect(memory(bytes, .deflatedExplicitVRLittleEndian) > 3_000_000)
        #expect(memory(bytes, .deflatedExplicitVRLittleEndian, atMost: 100_000) == 100_000)
    }

    @Test func `counting ends where the bytes are no data set`() {
        let good = element(0x10)
        #expect(memory(good + [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0] + good, .implicitVRLittleEndian) > 0)
        #expect(memory([1, 2, 3], .implicitVRLittleEndian) == 0)
        #expect(memory([], .explicitVRLittleEndian) == 0)
    }
}
