import DICOM
import DICOMProtocol
import Testing

/// Keys of queries held against data sets, PS3.4 C.2.2.2.
struct KeyCriterionTests {
    private func criteria(combined: Bool = false, _ build: (inout DataSet) -> Void) -> [KeyCriterion] {
        var keys = DataSet()
        build(&keys)
        return KeyCriterion.all(of: keys.elements, characterSet: .defaultRepertoire, combinesDateAndTime: combined)
    }

    private func match(
        _ key: (DICOM.Tag, ValueRepresentation, String), _ value: (ValueRepresentation, String)?
    ) throws -> KeyMatch {
        let criterion = try #require(criteria { $0.set(key.0, key.1, key.2) }.first)
        #expect(criterion.tags == [key.0])
        var dataSet = DataSet()
        if let value { dataSet.set(key.0, value.0, value.1) }
        return criterion.matches(dataSet)
    }

    @Test(
        arguments: [
            (.patientName, .PN, "DOE*", "Doe^John", true), (.patientName, .PN, "DOE*", "Smith", false),
            (.patientID, .LO, "A?", "A1", true), (.patientID, .LO, "a1", "A1", false),
            (.studyDate, .DA, "20200101-", "20210505", true), (.studyDate, .DA, "20200101-", "20191231", false),
            (.studyTime, .TM, "10-12", "113000.5", true), (.studyTime, .TM, "10", "11", false),
            (.instanceNumber, .IS, "1", "01", true), (.instanceNumber, .IS, "1", "2", false),
            (.studyInstanceUID, .UI, "1.2\\1.3", "1.3", true), (.studyInstanceUID, .UI, "1.2\\1.3", "1.4", false),
            (.modalitiesInStudy, .CS, "MR", "CT\\MR", true), (.modalitiesInStudy, .CS, "MR", "CT\\US", false),
        ] as [(DICOM.Tag, ValueRepresentation, String, String, Bool)])
    func `a value confirms a key or contradicts it`(
        tag: DICOM.Tag, vr: ValueRepresentation, key: String, value: String, isMatch: Bool
    ) throws {
        #expect(try match((tag, vr, key), (vr, value)) == (isMatch ? .confirmed : .contradicted))
    }

    @Test(
        arguments: [
            (.modalitiesInStudy, .CS, "CT\\MR", "MR\\SR\\CT", true, true),
            (.modalitiesInStudy, .CS, "CT\\MR", "CT\\SR", false, true),
            (.modalitiesInStudy, .CS, "CT\\M*", "CT\\MR", true, true),
            (.patientName, .PN, "DOE*\\*JIM", "DOE^JIM", true, true),
            (.patientName, .PN, "DOE*\\*JIM", "DOE^JOE", false, true),
            // Lists of UIDs, numbers and dates are not among them: one of the values is enough.
            (.studyInstanceUID, .UI, "1.2\\1.3", "1.3", true, true), (.instanceNumber, .IS, "1\\2", "2", true, true),
        ] as [(DICOM.Tag, ValueRepresentation, String, String, Bool, Bool)])
    func `a list of values is one of them, or all where that was negotiated`(
        tag: DICOM.Tag, vr: ValueRepresentation, key: String, value: String, hasAll: Bool, hasOne: Bool
    ) throws {
        var (keys, dataSet) = (DataSet(), DataSet())
        keys.set(tag, vr, key)
        dataSet.set(tag, vr, value)
        for (requiresAll, isMatch) in [(true, hasAll), (false, hasOne)] {
            let criteria = KeyCriterion.all(
                of: keys.elements, characterSet: .defaultRepertoire, combinesDateAndTime: false,
                requiresAllValues: requiresAll)
            #expect(criteria.matches(dataSet) == (isMatch ? .confirmed : .contradicted))
        }
    }

    @Test func `an absent or empty attribute leaves a key unconfirmed`() throws {
        #expect(try match((.patientID, .LO, "1"), nil) == .unconfirmed)
        #expect(try match((.patientID, .LO, "1"), (.LO, "")) == .unconfirmed)
    }

    @Test func `a key without a valid value leaves every attribute unconfirmed`() throws {
        #expect(try match((.studyDate, .DA, "yesterday"), (.DA, "20200101")) == .unconfirmed)
    }

    @Test func `keys that match everything have no criteria`() {
        let none = criteria { keys in
            keys.setEmpty(.studyInstanceUID, .UI)
            keys.set(.patientName, .PN, "*")
            keys.set(.patientID, .LO, "*")
            keys.set(.referencedStudySequence, items: [])
        }
        #expect(none.isEmpty)
        #expect(none.matches(DataSet()) == .confirmed)
    }

    @Test func `one contradiction outweighs what is confirmed and what is unconfirmed`() {
        let keys = criteria { keys in
            keys.set(.studyDate, .DA, "2020-2021")
            keys.set(.patientID, .LO, "1")
            keys.set(.accessionNumber, .SH, "A")
        }
        var dataSet = DataSet()
        dataSet.set(.studyDate, .DA, "20200505")
        #expect(keys.matches(dataSet) == .unconfirmed)
        dataSet.set(.patientID, .LO, "2")
        #expect(keys.matches(dataSet) == .contradicted)
        dataSet.set(.patientID, .LO, "1")
        dataSet.set(.accessionNumber, .SH, "A")
        #expect(keys.matches(dataSet) == .confirmed)
    }

    @Test func `one item of a sequence has to match all keys of the item`() {
        func reference(_ sopClass: UID?, _ sopInstance: UID) -> DataSet {
            var item = DataSet()
            if let sopClass { item.set(.referencedSOPClassUID, sopClass) }
            item.set(.referencedSOPInstanceUID, sopInstance)
            return item
        }
        func match(_ items: [DataSet]) -> KeyMatch {
            let keys = criteria { $0.set(.referencedStudySequence, items: [reference("1.2", "1.3")]) }
            var dataSet = DataSet()
            dataSet.set(.referencedStudySequence, items: items)
            return keys.matches(dataSet)
        }
        #expect(match([reference("1.2", "1.4"), reference("1.2", "1.3")]) == .confirmed)
        #expect(match([reference("1.2", "1.4"), reference("1.5", "1.3")]) == .contradicted)
        #expect(match([reference("1.2", "1.4"), reference(nil, "1.3")]) == .unconfirmed)
        #expect(match([]) == .unconfirmed)
    }

    @Test(
        arguments: [
            ("20260102", "0900", .confirmed), ("20260102", "0700", .contradicted), ("20260103", nil, .confirmed),
            ("20260102", nil, .unconfirmed), ("20260101", nil, .contradicted), ("20260105", nil, .contradicted),
            (nil, "0900", .unconfirmed),
        ] as [(String?, String?, KeyMatch)])
    func `a date and its time are compared with one range`(date: String?, time: String?, expected: KeyMatch) throws {
        let keys = criteria(combined: true) { keys in
            keys.set(.studyDate, .DA, "20260102-20260104")
            keys.set(.studyTime, .TM, "0800-1200")
        }
        #expect(keys.map(\.tags) == [[.studyDate, .studyTime]])
        var dataSet = DataSet()
        if let date { dataSet.set(.studyDate, .DA, date) }
        if let time { dataSet.set(.studyTime, .TM, time) }
        #expect(keys.matches(dataSet) == expected)
    }
}
