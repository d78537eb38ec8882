import DICOM
import DICOMNode
import System
import TestSupport
import Testing

@testable import PracticeArchive

struct ArchivedInstanceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A file whose data set has these texts, and its UIDs.
    private func file(
        _ name: String, _ uid: String = "1.2.3", _ syntax: TransferSyntax = .explicitVRLittleEndian,
        _ build: (inout DataSet) -> Void = { _ in }
    ) throws -> FilePath {
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.7")
        dataSet.set(.sopInstanceUID, UID(uid))
        dataSet.set(.studyInstanceUID, "1.2")
        dataSet.set(.seriesInstanceUID, "1.2.4")
        build(&dataSet)
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: "1.2.840.10008.5.1.4.1.1.7", mediaStorageSOPInstanceUID: UID(uid),
            transferSyntax: syntax)
        try folder.write(meta.encode() + DataSetEncoder(syntax).encode(dataSet), to: name)
        return folder[name]
    }

    private func attributes(_ texts: [UInt32: String]) -> DataSet {
        var dataSet = DataSet()
        for (tag, text) in texts.sorted(by: { $0.key < $1.key }) { dataSet.set(Tag(tag), .LO, text) }
        return dataSet
    }

    @Test(
        arguments: [
            [:], [0x0008_0060: "CT "], [0x0010_0020: "B ", 0x0020_0013: "2 "], [0x0008_0005: "X ", 0x0040_0254: "Y "],
            [0x0008_0060: "MR", 0x0008_103E: "A ", 0x0010_0020: "P1", 0x0020_0013: "1 "],
        ] as [[UInt32: String]])
    func `attributes are those that were given, however much another instance has of them`(
        _ texts: [UInt32: String]
    ) throws {
        let common: [UInt32: String] = [0x0008_0060: "MR", 0x0008_103E: "A ", 0x0010_0020: "P1", 0x0020_0013: "1 "]
        let file = try ArchivedInstance.read(self.file("1.dcm")).file
        let first = ArchivedInstance(file, attributes: EncodedElements(attributes(common)))
        #expect(first.attributes == attributes(common))
        let own = attributes(texts)
        #expect(ArchivedInstance(file, attributes: EncodedElements(own)).attributes == own)
        let second = ArchivedInstance(file, attributes: EncodedElements(own), like: first)
        #expect(second.attributes == own)
        for tag in Set(common.keys).union(texts.keys).map(Tag.init) { #expect(second[tag] == own[tag]) }
        var most = attributes(common.merging(texts) { _, new in new })
        #expect(ArchivedInstance(file, attributes: EncodedElements(most), like: first).attributes == most)
        most.remove(Tag(0x0008_103E))
        #expect(ArchivedInstance(file, attributes: EncodedElements(most), like: first).attributes == most)
    }

    @Test func `an instance like another keeps what differs`() throws {
        let file = try ArchivedInstance.read(self.file("1.dcm")).file
        var dataSet = DataSet()
        for number in 0..<60 { dataSet.set(Tag(0x0018_1000 + UInt32(number)), .LO, "VALUE NUMBER \(number + 10)") }
        let first = ArchivedInstance(file, attributes: EncodedElements(dataSet))
        dataSet.set(.instanceNumber, .IS, "12")
        let second = ArchivedInstance(file, attributes: EncodedElements(dataSet), like: first)
        #expect(second.attributes == dataSet)
        #expect(second.ownBytes == 10)
        #expect(ArchivedInstance(file, attributes: EncodedElements(dataSet), like: second).ownBytes == 10)
    }

    @Test func `instances of a series share what they have otherwise than others`() throws {
        let file = try ArchivedInstance.read(self.file("1.dcm")).file
        func attributes(_ series: Int, _ number: Int) -> DataSet {
            var dataSet = DataSet()
            for number in 0..<60 { dataSet.set(DICOM.Tag(0x0018_1000 + UInt32(number)), .LO, "VALUE \(number + 10)") }
            for number in 0..<20 {
                dataSet.set(DICOM.Tag(0x0018_1100 + UInt32(number)), .LO, "SERIES \(series) \(number + 10)")
            }
            if series == 2 { dataSet.remove(DICOM.Tag(0x0018_1001)) }
            dataSet.set(.seriesInstanceUID, UID("1.2.\(series)"))
            dataSet.set(.instanceNumber, .IS, "\(number)")
            return dataSet
        }
        var last: ArchivedInstance?
        var own: [Int] = []
        for series in 1...3 {
            for number in 11...14 {
                let wanted = attributes(series, number)
                let instance = ArchivedInstance(file, attributes: EncodedElements(wanted), like: last)
                #expect(instance.attributes == wanted)
                for element in wanted.elements { #expect(instance[element.tag] == element) }
                #expect(instance[DICOM.Tag(0x0018_1001)] == wanted[DICOM.Tag(0x0018_1001)])
                #expect(instance.seriesInstanceUID == wanted.uid(.seriesInstanceUID))
                own.append(instance.ownBytes)
                last = instance
            }
        }
        #expect(own[0] == 0 && own[4] > 300 && own[8] > 300)
        #expect([1, 2, 3, 5, 6, 7, 9, 10, 11].allSatisfy { own[$0] == 10 })
    }

    @Test func `instances of series that come by turns share what their series have`() throws {
        let index = ArchiveIndex()
        for number in 0..<40 {
            let uid = "1.2.3.\(number)"
            let path = try file("\(number).dcm", uid) { dataSet in
                for place in 0..<60 { dataSet.set(DICOM.Tag(0x0018_1000 + UInt32(place)), .LO, "VALUE \(place)") }
                dataSet.set(DICOM.Tag(0x0008_103E), .LO, "SERIES \(number % 4)")
                dataSet.set(.seriesInstanceUID, UID("1.2.\(number % 4)"))
                dataSet.set(.instanceNumber, .IS, "\(number)")
            }
            try index.add(stored: path)
        }
        let instances = index.contents.instances.values
        #expect(instances.count == 40)
        // One of all, and one of each series.
        #expect(Set(instances.map { ObjectIdentifier($0.base) }).count == 5)
    }

    @Test func `the attributes of an instance that is made of small elements are bounded`() throws {
        var items: [DataSet] = []
        for number in 0..<5_000 {
            var item = DataSet()
            item.set(.referencedSOPInstanceUID, UID("1.2.\(number)"))
            items.append(item)
        }
        let path = try file("many.dcm") { $0.set(.referencedStudySequence, items: items) }
        let attributes = try ArchivedInstance.read(path).attributes
        #expect(attributes.uid(.sopInstanceUID) == "1.2.3")
        #expect(attributes.bytes.count < 40 << 10)
    }

    @Test func `a deflated data set is inflated as far as its attributes may reach`() throws {
        let path = try file("bomb.dcm", "1.2.3", .deflatedExplicitVRLittleEndian) { dataSet in
            dataSet.append(
                DataElement(tag: Tag(0x0009_1001), vr: .OB, value: .bytes([UInt8](repeating: 0, count: 40 << 20)[...])))
            dataSet.set(.patientID, .LO, "BEHIND")
        }
        let found = try ArchivedInstance.read(path)
        let (file, attributes) = (found.file, found.attributes)
        #expect(file.sopInstanceUID == "1.2.3")
        #expect(attributes.string(.patientID) == nil)
        let small = try self.file("small.dcm", "1.2.4", .deflatedExplicitVRLittleEndian) { dataSet in
            dataSet.append(
                DataElement(tag: Tag(0x0009_1001), vr: .OB, value: .bytes([UInt8](repeating: 0, count: 2 << 20)[...])))
            dataSet.set(.patientID, .LO, "BEHIND")
        }
        #expect(try ArchivedInstance.read(small).attributes.string(.patientID) == "BEHIND")
    }

    @Test func `a replaced file is there as long as its instance is used, and no longer`() throws {
        let index = ArchiveIndex()
        try index.add(stored: file("1.2.3.dcm"))
        var reader = index.instance("1.2.3")
        try index.add(stored: file("1.2.3-1.dcm") { $0.set(.patientID, .LO, "OTHER") })
        #expect(index.instance("1.2.3")?.file.path == folder["1.2.3-1.dcm"])
        #expect(FileDescriptor.isFile(folder["1.2.3.dcm"]))
        #expect(reader?.file.sopInstanceUID == "1.2.3")
        reader = nil
        #expect(!FileDescriptor.isFile(folder["1.2.3.dcm"]))
        #expect(FileDescriptor.isFile(folder["1.2.3-1.dcm"]))
    }

    @Test func `a replaced file that is stored again stays`() throws {
        let index = ArchiveIndex()
        let path = try file("1.2.3.dcm")
        try index.add(stored: path)
        var reader = index.instance("1.2.3")
        try index.add(stored: file("1.2.3-1.dcm") { $0.set(.patientID, .LO, "OTHER") })
        try index.add(stored: path)
        #expect(reader != nil)
        reader = nil
        #expect(FileDescriptor.isFile(path))
        #expect(!FileDescriptor.isFile(folder["1.2.3-1.dcm"]))
    }

    @Test func `a file that the archive has not named is never removed`() throws {
        let index = ArchiveIndex()
        try index.add(stored: file("holiday.dcm"))
        try index.add(stored: file("1.2.3.dcm") { $0.set(.patientID, .LO, "OTHER") })
        #expect(FileDescriptor.isFile(folder["holiday.dcm"]))
        #expect(index.instance("1.2.3")?.file.path == folder["1.2.3.dcm"])
    }
}
