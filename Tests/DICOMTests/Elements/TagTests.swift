import DICOM
import Testing

struct TagTests {
    @Test func `a tag is its group and its element`() {
        let tag = Tag(group: 0x0010, element: 0x0020)
        #expect(tag == .patientID)
        #expect(tag.rawValue == 0x0010_0020)
        #expect(tag.group == 0x0010)
        #expect(tag.element == 0x0020)
    }

    @Test func `tags ascend by group and then by element`() {
        #expect(Tag(0x0008_FFFF) < Tag(0x0010_0000))
        #expect(Tag(0x0010_0010) < Tag(0x0010_0020))
        #expect(!(Tag.pixelData < Tag.patientName))
    }

    @Test func `a tag is written with lower case digits`() {
        #expect(Tag.patientID.description == "(0010,0020)")
        #expect(Tag.pixelData.description == "(7fe0,0010)")
        #expect(Tag(0).description == "(0000,0000)")
    }

    @Test func `an odd group is private and reserves its blocks`() {
        #expect(Tag(0x0009_1001).isPrivate)
        #expect(!Tag(0x0009_1001).isPrivateCreator)
        #expect(Tag(0x0009_0010).isPrivateCreator)
        #expect(Tag(0x0009_00FF).isPrivateCreator)
        #expect(!Tag(0x0009_000F).isPrivateCreator)
        #expect(!Tag(0x0009_0100).isPrivateCreator)
        #expect(!Tag(0x0008_0010).isPrivateCreator)
    }

    @Test func `group lengths and delimiters are told apart`() {
        #expect(Tag(0x0008_0000).isGroupLength)
        #expect(!Tag(0x0008_0001).isGroupLength)
        #expect(Tag.item.isDelimiter && Tag.itemDelimitationItem.isDelimiter)
        #expect(!Tag.pixelData.isDelimiter)
    }

    @Test(arguments: [
        (Tag.specificCharacterSet, "SpecificCharacterSet"), (.queryRetrieveLevel, "QueryRetrieveLevel"),
        (.sopClassUID, "SOPClassUID"), (.transactionUID, "TransactionUID"), (.failedSOPSequence, "FailedSOPSequence"),
        (.failedSOPInstanceUIDList, "FailedSOPInstanceUIDList"), (.modalitiesInStudy, "ModalitiesInStudy"),
        (.scheduledProcedureStepSequence, "ScheduledProcedureStepSequence"), (.pixelData, "PixelData"),
    ])
    func `a named tag is the one of its keyword`(tag: Tag, keyword: String) {
        #expect(DataDictionary.tag(forKeyword: keyword) == tag)
    }
}
