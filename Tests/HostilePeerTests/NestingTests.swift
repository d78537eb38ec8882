import DICOM
import TestSupport
import Testing

@testable import DICOMNode

/// Readers and writers call themselves for each level of nesting. That is safe as long as the deepest data set that is read fits
/// on the stack of a thread of ours, which this holds in a debug build, whose frames are the largest.
@Suite struct NestingTests {
    @Test func `the deepest data set that is read is shown, written and freed on a thread's stack`() throws {
        let depth = DecodingLimits.standard.maximumNestingDepth
        let level: [UInt8] =
            PeerBytes.explicitLong(0x0040_A730, "SQ", [], length: .max) + [0xFE, 0xFF, 0, 0xE0, 255, 255, 255, 255]
        let ends: [UInt8] = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
        let bytes =
            [[UInt8]](repeating: level, count: depth).flatMap { $0 } + PeerBytes.explicit(0x0010_0010, "PN", [65, 66])
            + [[UInt8]](repeating: ends, count: depth).flatMap { $0 }
        let working = try Background { () -> [Int] in
            let dataSet = try DataSetDecoder(.explicitVRLittleEndian).decode(bytes[...])
            var text: [UInt8] = []
            DataSetText.appendLines(dataSet, to: &text)
            var json: [UInt8] = []
            DICOMJSON.append(dataSet, to: &json)
            let again = DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
            #expect(try DataSetDecoder(.implicitVRLittleEndian).decode(again[...]) == dataSet)
            return [text.count, json.count]
        }
        let lengths = try working.value()
        #expect(lengths.allSatisfy { $0 > depth * 10 })
    }
}
