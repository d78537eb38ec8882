import DICOM
import Testing

@testable import CommandLineInterface

struct QueryValueTests {
    /// Keys and the bytes that they become, with today as 1 March 2024.
    static let encoded: [(String, [UInt8])] = [
        // Padded by representation: spaces for text, NUL for UIDs.
        ("PatientID=A", Array("A ".utf8)),
        ("PatientID= A ", Array(" A  ".utf8)),
        ("StudyInstanceUID=1.2", Array("1.2\0".utf8)),
        ("StudyInstanceUID=1.2\\1.30", Array("1.2\\1.30".utf8)),
        ("SOPClassesInStudy=1.2\\1.3\\1.4", Array("1.2\\1.3\\1.4\0".utf8)),
        // Text and wildcards.
        ("PatientName=A*", Array("A*".utf8)),
        ("PatientName=Yamada^Tarou=?^?=*", Array("Yamada^Tarou=?^?=*".utf8)),
        ("Modality=?T", Array("?T".utf8)),
        ("ModalitiesInStudy=CT", Array("CT".utf8)),
        ("StudyDescription=*head*", Array("*head*".utf8)),
        ("AccessionNumber=1234567890123456*", Array("1234567890123456* ".utf8)),
        ("RetrieveAETitle=PACS", Array("PACS".utf8)),
        ("PatientComments=two\nlines", Array("two\nlines ".utf8)),
        ("PatientComments=a\\b", Array("a\\b ".utf8)),
        // Strings that match as they are.
        ("PatientAge=018M", Array("018M".utf8)),
        ("SeriesNumber=12", Array("12".utf8)),
        ("SeriesNumber=-3", Array("-3".utf8)),
        ("SliceThickness=1.5e-1", Array("1.5e-1".utf8)),
        // Dates and times.
        ("StudyDate=20240229", Array("20240229".utf8)),
        ("StudyDate=20240101-20240131", Array("20240101-20240131 ".utf8)),
        ("StudyDate=20240101-", Array("20240101- ".utf8)),
        ("StudyDate=-20240131", Array("-20240131 ".utf8)),
        ("StudyDate=today", Array("20240301".utf8)),
        ("StudyDate=yesterday", Array("20240229".utf8)),
        ("StudyDate=tomorrow", Array("20240302".utf8)),
        ("StudyDate=today-7d..today", Array("20240223-20240301 ".utf8)),
        ("StudyDate=today-2w..", Array("20240216- ".utf8)),
        ("StudyDate=..yesterday", Array("-20240229 ".utf8)),
        ("StudyDate=today-1y", Array("20230301".utf8)),
        ("StudyDate=today-2m", Array("20240101".utf8)),
        ("StudyDate=20240101..today", Array("20240101-20240301 ".utf8)),
        ("StudyDate=2024-01-31", Array("20240131".utf8)),
        ("StudyDate=2024-02", Array("20240201-20240229 ".utf8)),
        ("StudyDate=2023", Array("20230101-20231231 ".utf8)),
        ("StudyDate=last-month", Array("20240201-20240229 ".utf8)),
        ("StudyDate=this-month", Array("20240301-20240331 ".utf8)),
        ("StudyDate=this-week", Array("20240226-20240303 ".utf8)),
        ("StudyDate=last-week", Array("20240219-20240225 ".utf8)),
        ("StudyDate=this-year", Array("20240101-20241231 ".utf8)),
        ("StudyDate=last-year", Array("20230101-20231231 ".utf8)),
        ("StudyDate=-7d", Array("20240223-20240301 ".utf8)),
        ("StudyDate=-1m", Array("20240201-20240301 ".utf8)),
        ("StudyDate=2023-12..2024-01", Array("20231201-20240131 ".utf8)),
        ("StudyDate=2023-12-2024-01", Array("20231201-20240131 ".utf8)),
        ("StudyDate=2023-12-24-2024-01-06", Array("20231224-20240106 ".utf8)),
        ("StudyDate=2023-2024", Array("20230101-20241231 ".utf8)),
        ("StudyDate=2024-01-", Array("20240101- ".utf8)),
        ("StudyDate=-2024-01", Array("-20240131 ".utf8)),
        ("StudyDate=last-month..", Array("20240201- ".utf8)),
        ("StudyDate=today-7d-today", Array("20240223-20240301 ".utf8)),
        ("StudyTime=12:30", Array("1230".utf8)),
        ("StudyTime=08:00..12:00", Array("0800-1200 ".utf8)),
        ("StudyTime=08:00-12:00:30", Array("0800-120030 ".utf8)),
        ("AcquisitionDateTime=2024-01", Array("20240101-20240131 ".utf8)),
        ("StudyTime=12", Array("12".utf8)),
        ("StudyTime=1230", Array("1230".utf8)),
        ("StudyTime=235960.123456", Array("235960.123456 ".utf8)),
        ("StudyTime=08-1200", Array("08-1200 ".utf8)),
        ("StudyTime=-12", Array("-12 ".utf8)),
        ("AcquisitionDateTime=2024", Array("2024".utf8)),
        ("AcquisitionDateTime=20240229120000.5+0100", Array("20240229120000.5+0100 ".utf8)),
        ("AcquisitionDateTime=2024-0500", Array("2024-0500 ".utf8)),
        ("AcquisitionDateTime=2023-2024", Array("2023-2024 ".utf8)),
        ("AcquisitionDateTime=2023-0500-2024-0500", Array("2023-0500-2024-0500 ".utf8)),
        ("AcquisitionDateTime=today-1d..today", Array("20240229-20240301 ".utf8)),
        // Numbers go in binary.
        ("Rows=512", [0x00, 0x02]),
        ("Rows=0x200", [0x00, 0x02]),
        ("SmallestImagePixelValue=65535", [0xFF, 0xFF]),
        ("SmallestImagePixelValue=-1", [0xFF, 0xFF]),
        ("TagAngleSecondAxis=-2", [0xFE, 0xFF]),
        ("SelectorULValue=4294967295", [0xFF, 0xFF, 0xFF, 0xFF]),
        ("SelectorSLValue=-2", [0xFE, 0xFF, 0xFF, 0xFF]),
        ("SelectorUVValue=1", [1, 0, 0, 0, 0, 0, 0, 0]),
        ("SelectorSVValue=-1", [255, 255, 255, 255, 255, 255, 255, 255]),
        ("SelectorFLValue=1.5", [0x00, 0x00, 0xC0, 0x3F]),
        ("SelectorFDValue=-2", [0, 0, 0, 0, 0, 0, 0, 0xC0]),
        ("FrameIncrementPointer=00181063", [0x18, 0x00, 0x63, 0x10]),
        ("FrameIncrementPointer=18,1063", [0x18, 0x00, 0x63, 0x10]),
        ("FrameIncrementPointer=FrameTime", [0x18, 0x00, 0x63, 0x10]),
        // Of unknown representation: as typed.
        ("0009,1001=ACME", Array("ACME".utf8)),
        ("0009,0010=ACME 1", Array("ACME 1".utf8)),
    ]

    @Test(arguments: encoded)
    func `a value is encoded by its representation`(_ argument: String, _ bytes: [UInt8]) throws {
        let key = try QueryKeyParser.parse(argument)
        let query = try identifier([argument])
        #expect(query.bytes(key.tag).map { Array($0) } == bytes)
    }

    @Test func `a negative number makes US or SS an SS`() throws {
        let key = try QueryKeyParser.parse("SmallestImagePixelValue=-1")
        #expect(try identifier(["SmallestImagePixelValue=-1"])[key.tag]?.vr == .SS)
        #expect(try identifier(["SmallestImagePixelValue=1"])[key.tag]?.vr == .US)
    }

    static let refused: [(String, UsageError.Code)] = [
        ("StudyDate=2024-13-01", .invalidKeyValue),
        ("StudyDate=2024-02-30", .invalidKeyValue),
        ("StudyDate=20240230", .invalidKeyValue),
        ("StudyDate=202", .invalidKeyValue),
        ("StudyDate=2024-1", .invalidKeyValue),
        ("StudyDate=next-month", .invalidKeyValue),
        ("StudyDate=-7", .invalidKeyValue),
        ("StudyDate=-", .invalidKeyValue),
        ("StudyDate=..", .invalidKeyValue),
        ("StudyDate=20240101--20240102", .invalidKeyValue),
        ("StudyDate=todya", .invalidKeyValue),
        ("StudyDate=today-7x", .invalidKeyValue),
        ("StudyDate=today-99999999999999999999d", .invalidKeyValue),
        ("StudyDate=today-100000y", .invalidKeyValue),
        ("StudyDate=2024*", .unsupportedMatching),
        ("StudyDate=20240101\\20240102", .unsupportedMatching),
        ("StudyTime=25", .invalidKeyValue),
        ("StudyTime=123", .invalidKeyValue),
        ("StudyTime=12:3", .invalidKeyValue),
        ("StudyTime=1230.5", .invalidKeyValue),
        ("StudyTime=123000.", .invalidKeyValue),
        ("StudyTime=today", .invalidKeyValue),
        ("AcquisitionDateTime=20240229250000", .invalidKeyValue),
        ("AcquisitionDateTime=2024+1500", .invalidKeyValue),
        ("StudyInstanceUID=1.2.*", .unsupportedMatching),
        ("StudyInstanceUID=1.02", .invalidKeyValue),
        ("StudyInstanceUID=1.2\\", .invalidKeyValue),
        ("StudyInstanceUID=abc", .invalidKeyValue),
        ("StudyInstanceUID=1.2 ", .invalidKeyValue),
        ("Modality=ct", .invalidKeyValue),
        ("Modality=CT\\MR", .unsupportedMatching),
        ("Modality=ABCDEFGHIJKLMNOPQ", .invalidKeyValue),
        ("StudyID=12345678901234567", .invalidKeyValue),
        ("StudyID=a\tb", .invalidKeyValue),
        ("PatientName=A=B=C=D", .invalidKeyValue),
        ("PatientName=A^B^C^D^E^F", .invalidKeyValue),
        ("PatientName=\u{1B}(B", .invalidKeyValue),
        ("RetrieveAETitle=Ä", .invalidKeyValue),
        ("PatientAge=18", .invalidKeyValue),
        ("PatientAge=018m", .invalidKeyValue),
        ("PatientAge=01?M", .unsupportedMatching),
        ("SeriesNumber=1.5", .invalidKeyValue),
        ("SeriesNumber=2147483648", .invalidKeyValue),
        ("SeriesNumber=1*", .unsupportedMatching),
        ("SeriesNumber=1-5", .invalidKeyValue),
        ("SliceThickness=1,5", .invalidKeyValue),
        ("SliceThickness=0x10", .invalidKeyValue),
        ("SliceThickness=1.23456789012345678", .invalidKeyValue),
        ("Rows=65536", .invalidKeyValue),
        ("Rows=-1", .invalidKeyValue),
        ("Rows=5.0", .invalidKeyValue),
        ("Rows=5\\6", .invalidKeyValue),
        ("SelectorFLValue=1e39", .invalidKeyValue),
        ("SelectorFDValue=inf", .invalidKeyValue),
        ("FrameIncrementPointer=Foo", .invalidKeyValue),
        ("ScheduledProcedureStepSequence=A", .unsupportedMatching),
        ("PixelData=00", .unsupportedMatching),
    ]

    @Test(arguments: refused)
    func `a value that the standard does not allow is refused`(_ argument: String, _ code: UsageError.Code) throws {
        let error = try #require(throws: UsageError.self) { _ = try identifier([argument]) }
        #expect(error.code == code)
        #expect(error.option == "--key")
        #expect(error.accepted != nil)
        let keyword = argument.prefix { $0 != "=" }
        #expect(error.problem.hasPrefix("--key \(keyword)"))
    }

    /// Values that archives have, against the rules of their representation, and the bytes that are sent.
    @Test(arguments: [
        ("StudyInstanceUID=1.02", "1.02"), ("StudyInstanceUID=1.2.abc", "1.2.abc\0"), ("Modality=ct", "ct"),
        ("ModalitiesInStudy=CT\\MR", "CT\\MR "), ("AccessionNumber=123456789012345678", "123456789012345678"),
        ("StudyID=12345678901234567", "12345678901234567 "), ("PatientName=A^B^C^D^E^F", "A^B^C^D^E^F "),
        ("SeriesNumber=1.0", "1.0 "), ("PatientAge=18Y", "18Y "),
        ("SliceThickness=1.23456789012345678", "1.23456789012345678 "),
    ])
    func `a value that archives have is sent with a warning, and refused if asked for`(
        _ argument: String, _ sent: String
    ) throws {
        let key = try QueryKeyParser.parse(argument)
        var encoder = QueryValueEncoder(
            key: key, characterSet: try SpecificCharacterSet(definedTerms: ["ISO_IR 192"]), today: .epoch)
        #expect(throws: UsageError.self) { _ = try encoder.element() }
        encoder.isStrict = false
        var doubts: [String] = []
        let element = try encoder.element { doubts.append($0) }
        #expect(element.value == .bytes(Array(sent.utf8)[...]))
        #expect(doubts.count == 1, "\(doubts)")
    }

    @Test(arguments: [
        "StudyInstanceUID=1.2.*", "StudyInstanceUID=1.2\\", "StudyInstanceUID=1 2", "StudyID=a\tb", "Modality=Ä",
        "SeriesNumber=1-5", "PatientAge=01?M", "StudyDate=todya", "StudyDate=20240101\\20240102", "Modality=CT\\",
    ])
    func `a value that cannot be meant is refused always`(_ argument: String) throws {
        var encoder = QueryValueEncoder(
            key: try QueryKeyParser.parse(argument),
            characterSet: try SpecificCharacterSet(definedTerms: ["ISO_IR 192"]), today: .epoch)
        encoder.isStrict = false
        #expect(throws: UsageError.self) { _ = try encoder.element() }
    }

    @Test func `a patient's value never stands in a message`() throws {
        for argument in [
            "PatientBirthDate=SECRET", "AccessionNumber=SECRET-SECRET-SECRET", "ReferringPhysicianName=S\u{1}",
        ] {
            let error = try #require(throws: UsageError.self) { _ = try identifier([argument]) }
            #expect(!error.description.contains("SECRET"))
        }
    }

    @Test func `every attribute can be asked for without a value`() throws {
        for keyword in DataDictionary.keywords {
            guard let tag = DataDictionary.tag(forKeyword: keyword), tag.group > 6, tag.element != 0,
                tag.group != 0xFFFE,
                tag != .queryRetrieveLevel, tag != .specificCharacterSet
            else { continue }
            let query = try identifier([keyword])
            let element = try #require(query[tag])
            #expect(element.value == (element.vr == .SQ ? .items([]) : .bytes([])))
        }
    }
}
