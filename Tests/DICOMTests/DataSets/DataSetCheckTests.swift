import DICOM
import Testing

struct DataSetCheckTests {
    /// The error at the end or before it; nil if the bytes are a whole data set.
    private func flaw(
        _ bytes: [UInt8], _ syntax: TransferSyntax, step: Int = 7, behind walked: WalkedElements? = nil
    ) -> DataSetError? {
        var check = DataSetCheck(syntax)
        do throws(DataSetError) {
            var offset = 0
            if let walked { check.pass(walked) }
            while offset < bytes.count {
                let end = min(offset + step, bytes.count)
                let piece = Array(bytes[offset..<end])
                try check.consume(piece.span.bytes)
                offset = end
            }
            try check.finish()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: DataSetWalkerTests.samples)
    func `a whole data set passes in pieces of any size`(
        syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]
    ) {
        for step in [1, 2, 7, 12, bytes.count] { #expect(flaw(bytes, syntax, step: step) == nil) }
    }

    @Test(arguments: DataSetWalkerTests.samples)
    func `a flaw is the same whatever the pieces`(syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]) {
        for place in bytes.indices {
            for value in [0x00, 0x01, 0x42, 0x51, 0x7F, 0xE0, 0xFE, 0xFF] as [UInt8] where value != bytes[place] {
                var changed = bytes
                changed[place] = value
                let (whole, pieces) = (flaw(changed, syntax, step: bytes.count), flaw(changed, syntax, step: 1))
                #expect(whole?.code == pieces?.code, "\(value) at \(place)")
                #expect(whole?.tag == pieces?.tag, "\(value) at \(place)")
            }
        }
    }

    @Test(arguments: DataSetWalkerTests.samples)
    func `a flaw is the same whether the beginning was read before`(
        syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]
    ) throws {
        let decoder = DataSetDecoder(syntax)
        let tags = try decoder.decode(bytes[...]).elements.map(\.tag)
        var walkedCount = 0
        for (place, value) in bytes.indices.flatMap({ place in [0x00, 0x42, 0xFF].map { (place, $0 as UInt8) } }) {
            var changed = bytes
            changed[place] = value
            for last in tags {
                guard let found = try? decoder.decodeBeginning(changed[...], through: last, only: [last]),
                    let walked = found.walked
                else { continue }
                walkedCount += 1
                let (whole, rest) = (flaw(changed, syntax), flaw(changed, syntax, behind: walked))
                #expect(whole?.code == rest?.code, "\(value) at \(place), behind \(last)")
                #expect(
                    whole?.tag == rest?.tag && whole?.offset == rest?.offset, "\(value) at \(place), behind \(last)")
            }
        }
        #expect(walkedCount > 0 || syntax.isDeflated || tags.count < 2)
    }

    @Test(arguments: [TransferSyntax.explicitVRLittleEndian, .implicitVRLittleEndian, .explicitVRBigEndian])
    func `two data sets in one are found behind a beginning that was read`(syntax: TransferSyntax) throws {
        var values = DataSet()
        for tag in [Tag.sopClassUID, .sopInstanceUID, .patientID, .studyInstanceUID] { values.set(tag, .LO, "1.2") }
        var led = values
        led.set(.imageType, items: [values])
        var alone = DataSet()
        alone.set(.imageType, items: [values])
        alone.set(.studyInstanceUID, .UI, "1.2")
        for dataSet in [values, led, alone] {
            let one = DataSetEncoder(syntax).encode(dataSet)
            for bytes in [one, one + one, one + one + one] {
                let whole = flaw(bytes, syntax)
                #expect((whole == nil) == (bytes.count == one.count || dataSet == alone))
                for last in [Tag(0x0008_0005), .imageType, .sopClassUID, .patientID, .patientSex, .studyInstanceUID] {
                    for wanted in [nil, [], [.patientID], [.imageType]] as [[Tag]?] {
                        let decoder = DataSetDecoder(syntax)
                        let walked = try decoder.decodeBeginning(bytes[...], through: last, only: wanted).walked
                        #expect(flaw(bytes, syntax, behind: walked)?.code == whole?.code, "through \(last)")
                    }
                }
            }
        }
    }

    @Test(arguments: DataSetWalkerTests.samples)
    func `a data set that is cut is truncated`(syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]) {
        for cut in 1..<bytes.count where !boundaries.contains(cut) {
            // The zeros of a header of which nothing else has come could be the padding of the data set.
            let error = flaw(Array(bytes[..<cut]), syntax)
            #expect(error?.code == .truncated || (error == nil && bytes[cut - 1] == 0), "cut at \(cut)")
        }
    }

    @Test(arguments: [1, 2, 8, 13, 4096])
    func `zeros behind the data set are the filling of a block`(_ count: Int) {
        let bytes = NestedSamples.explicitUndefinedLength + [UInt8](repeating: 0, count: count)
        for step in [1, 5, 8, 1000] { #expect(flaw(bytes, .explicitVRLittleEndian, step: step) == nil) }
    }

    @Test func `more than a megabyte of zeros is no filling`() {
        let zeros = [UInt8](repeating: 0, count: Int(DataSetCheck.longestFilling) + 8)
        #expect(flaw(zeros, .implicitVRLittleEndian, step: 65536)?.code == .notDICOM)
    }

    @Test func `an element behind zeros makes no sense`() {
        let element: [UInt8] = [0x10, 0, 0x20, 0, 0x4C, 0x4F, 2, 0, 0x41, 0x42]
        let error = flaw(element + [UInt8](repeating: 0, count: 16) + element, .explicitVRLittleEndian)
        #expect(error?.code == .notDICOM)
        #expect(error?.offset == 26)
    }

    @Test func `text is no data set`() {
        let text = Array(repeating: Array("the quick brown fox jumps over the lazy dog. ".utf8), count: 50).joined()
        for syntax in [.explicitVRLittleEndian, .implicitVRLittleEndian, .explicitVRBigEndian] as [TransferSyntax] {
            #expect(flaw(Array(text), syntax) != nil)
        }
    }

    @Test func `a deflated data set is inflated as it comes`() throws {
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "1")
        dataSet[.pixelData] = DataElement(
            tag: .pixelData, vr: .OW, value: .bytes([UInt8](repeating: 0x5A, count: 300_000)[...]))
        let syntax = TransferSyntax.deflatedExplicitVRLittleEndian
        let bytes = DataSetEncoder(syntax).encode(dataSet)
        for step in [1, 100, bytes.count] { #expect(flaw(bytes, syntax, step: step) == nil) }
        #expect(flaw(bytes + [0], syntax) == nil)
        #expect(flaw(Array(bytes[..<(bytes.count / 2)]), syntax)?.code == .truncated)
        #expect(flaw(Array(bytes.reversed()), syntax) != nil)
    }
}
