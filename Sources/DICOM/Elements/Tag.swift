/// The tag that identifies a data element: group number, then element number (PS3.5 7.1).
///
/// Kept as one 32-bit number, group in the upper half, so that comparing tags is the ascending order of PS3.5 7.1.
package struct Tag: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package init(group: UInt16, element: UInt16) {
        rawValue = UInt32(group) << 16 | UInt32(element)
    }

    package var group: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 16) }
    package var element: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    /// Private elements have an odd group number (PS3.5 7.8).
    package var isPrivate: Bool { rawValue & 0x0001_0000 != 0 }

    /// (gggg,0010-00FF) of an odd group reserves a block of private elements (PS3.5 7.8.1).
    package var isPrivateCreator: Bool { isPrivate && (0x0010...0x00FF).contains(element) }

    /// (gggg,0000), retired everywhere but in groups 0000 and 0002 (PS3.5 7.2).
    package var isGroupLength: Bool { element == 0 }

    /// Item, Item Delimitation and Sequence Delimitation, which have no VR in any syntax (PS3.5 7.5).
    package var isDelimiter: Bool { group == 0xFFFE }

    package static func < (left: Tag, right: Tag) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String {
        "(\(Hexadecimal.text(group, digits: 4)),\(Hexadecimal.text(element, digits: 4)))"
    }
}

/// The elements that the program itself names, by their keywords in PS3.6; every other one is in `DataDictionary`.
extension Tag {

    package static let fileMetaInformationGroupLength = Tag(0x0002_0000)
    package static let fileMetaInformationVersion = Tag(0x0002_0001)
    package static let mediaStorageSOPClassUID = Tag(0x0002_0002)
    package static let mediaStorageSOPInstanceUID = Tag(0x0002_0003)
    package static let transferSyntaxUID = Tag(0x0002_0010)
    package static let implementationClassUID = Tag(0x0002_0012)
    package static let implementationVersionName = Tag(0x0002_0013)
    package static let sourceApplicationEntityTitle = Tag(0x0002_0016)

    package static let specificCharacterSet = Tag(0x0008_0005)
    package static let imageType = Tag(0x0008_0008)
    package static let sopClassUID = Tag(0x0008_0016)
    package static let sopInstanceUID = Tag(0x0008_0018)
    package static let studyDate = Tag(0x0008_0020)
    package static let seriesDate = Tag(0x0008_0021)
    package static let contentDate = Tag(0x0008_0023)
    package static let studyTime = Tag(0x0008_0030)
    package static let seriesTime = Tag(0x0008_0031)
    package static let contentTime = Tag(0x0008_0033)
    package static let accessionNumber = Tag(0x0008_0050)
    package static let queryRetrieveLevel = Tag(0x0008_0052)
    package static let queryRetrieveView = Tag(0x0008_0053)
    package static let retrieveAETitle = Tag(0x0008_0054)
    package static let instanceAvailability = Tag(0x0008_0056)
    package static let failedSOPInstanceUIDList = Tag(0x0008_0058)
    package static let modality = Tag(0x0008_0060)
    package static let modalitiesInStudy = Tag(0x0008_0061)
    package static let sopClassesInStudy = Tag(0x0008_0062)
    package static let availableTransferSyntaxUID = Tag(0x0008_3002)
    package static let manufacturer = Tag(0x0008_0070)
    package static let referringPhysicianName = Tag(0x0008_0090)
    package static let timezoneOffsetFromUTC = Tag(0x0008_0201)
    package static let studyDescription = Tag(0x0008_1030)
    package static let seriesDescription = Tag(0x0008_103E)
    package static let referencedStudySequence = Tag(0x0008_1110)
    package static let referencedSOPClassUID = Tag(0x0008_1150)
    package static let referencedSOPInstanceUID = Tag(0x0008_1155)
    package static let retrieveURL = Tag(0x0008_1190)
    package static let transactionUID = Tag(0x0008_1195)
    package static let failureReason = Tag(0x0008_1197)
    package static let failedSOPSequence = Tag(0x0008_1198)
    package static let referencedSOPSequence = Tag(0x0008_1199)
    package static let otherFailuresSequence = Tag(0x0008_119A)

    package static let patientName = Tag(0x0010_0010)
    package static let patientID = Tag(0x0010_0020)
    package static let patientBirthDate = Tag(0x0010_0030)
    package static let patientSex = Tag(0x0010_0040)

    package static let bodyPartExamined = Tag(0x0018_0015)

    package static let studyInstanceUID = Tag(0x0020_000D)
    package static let seriesInstanceUID = Tag(0x0020_000E)
    package static let studyID = Tag(0x0020_0010)
    package static let seriesNumber = Tag(0x0020_0011)
    package static let instanceNumber = Tag(0x0020_0013)
    package static let numberOfPatientRelatedStudies = Tag(0x0020_1200)
    package static let numberOfPatientRelatedSeries = Tag(0x0020_1202)
    package static let numberOfPatientRelatedInstances = Tag(0x0020_1204)
    package static let numberOfStudyRelatedSeries = Tag(0x0020_1206)
    package static let numberOfStudyRelatedInstances = Tag(0x0020_1208)
    package static let numberOfSeriesRelatedInstances = Tag(0x0020_1209)

    package static let samplesPerPixel = Tag(0x0028_0002)
    package static let photometricInterpretation = Tag(0x0028_0004)
    package static let numberOfFrames = Tag(0x0028_0008)
    package static let rows = Tag(0x0028_0010)
    package static let columns = Tag(0x0028_0011)
    package static let bitsAllocated = Tag(0x0028_0100)
    package static let bitsStored = Tag(0x0028_0101)
    package static let highBit = Tag(0x0028_0102)
    package static let pixelRepresentation = Tag(0x0028_0103)

    package static let requestedProcedureDescription = Tag(0x0032_1060)

    package static let scheduledStationAETitle = Tag(0x0040_0001)
    package static let scheduledProcedureStepStartDate = Tag(0x0040_0002)
    package static let scheduledProcedureStepStartTime = Tag(0x0040_0003)
    package static let scheduledProcedureStepDescription = Tag(0x0040_0007)
    package static let scheduledProcedureStepID = Tag(0x0040_0009)
    package static let scheduledProcedureStepSequence = Tag(0x0040_0100)
    package static let requestedProcedureID = Tag(0x0040_1001)

    package static let storageMediaFileSetID = Tag(0x0088_0130)
    package static let storageMediaFileSetUID = Tag(0x0088_0140)

    package static let floatPixelData = Tag(0x7FE0_0008)
    package static let doubleFloatPixelData = Tag(0x7FE0_0009)
    package static let pixelData = Tag(0x7FE0_0010)
    /// True for the pixels of an image, of whatever numbers.
    var isPixels: Bool { self == .pixelData || self == .floatPixelData || self == .doubleFloatPixelData }

    package static let item = Tag(0xFFFE_E000)
    package static let itemDelimitationItem = Tag(0xFFFE_E00D)
    package static let sequenceDelimitationItem = Tag(0xFFFE_E0DD)
}
