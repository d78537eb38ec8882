import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct MatchLookupTests {
    private let station = Tag(0x0008_1010)
    private let frames = Tag(0x0028_0008)

    private func dataSet(_ values: [(Tag, String)]) -> DataSet {
        var dataSet = DataSet()
        for (tag, value) in values { dataSet.set(tag, DataDictionary.vr(of: tag), value) }
        return dataSet
    }

    private func lookups(
        _ query: [(Tag, String)], _ match: [(Tag, String)], _ level: QueryLevel,
        _ model: InformationModel = .studyRoot, negotiation: QueryNegotiation = []
    ) -> [MatchLookup] {
        MatchLookup.all(
            for: query.map(\.0), of: dataSet(match), in: dataSet(query), model: model, level: level,
            negotiation: negotiation)
    }

    @Test func `a study has all modalities of a list if its series have them`() throws {
        let query: [(Tag, String)] = [(.modalitiesInStudy, "CT\\MR")]
        let match: [(Tag, String)] = [(.studyInstanceUID, "1.2")]
        for (negotiation, ofCT) in [
            (.multipleValues, .contradicted(.modalitiesInStudy)), ([], .confirmed),
        ] as [(QueryNegotiation, MatchReview.Verdict)] {
            var lookup = try #require(lookups(query, match, .study, negotiation: negotiation).first)
            lookup.record(dataSet([(.modality, "CT")]))
            #expect(lookup.verdict == ofCT)
            lookup.record(dataSet([(.modality, "MR")]))
            #expect(lookup.verdict == .confirmed)
        }
    }

    @Test func `the series tell the modalities of a study, whatever is asked of them`() throws {
        for asked in ["", "MR"] {
            var lookup = try #require(
                lookups([(.modalitiesInStudy, asked)], [(.studyInstanceUID, "1.2")], .study).first)
            for modality in ["MR", "CT", "MR", "", "LONGER THAN A CODE STRING"] {
                lookup.record(dataSet([(.modality, modality)]))
            }
            lookup.record(dataSet([(.modality, "US"), (.studyInstanceUID, "1.3")]))
            #expect(lookup.modalities == ["CT", "MR"])
            #expect(lookup.verdict == .confirmed)
            for number in 0..<1000 { lookup.record(dataSet([(.modality, "M\(number)")])) }
            #expect(lookup.modalities.count == 64)
            lookup.forget()
            #expect(lookup.modalities.isEmpty)
        }
    }

    @Test func `the modalities of a study are looked up in its series`() throws {
        var lookup = try #require(
            lookups([(.modalitiesInStudy, "MR")], [(.studyInstanceUID, "1.2")], .study).first)
        #expect(lookup.identifier.string(.queryRetrieveLevel) == "SERIES")
        #expect(lookup.identifier.string(.studyInstanceUID) == "1.2")
        #expect(lookup.identifier[.modality]?.isEmpty == true)
        #expect(lookup.verdict == .unconfirmed([.modalitiesInStudy]))
        lookup.record(dataSet([(.modality, "CT")]))
        #expect(lookup.verdict == .contradicted(.modalitiesInStudy))
        lookup.record(dataSet([(.modality, "MR"), (.studyInstanceUID, "1.3")]))
        #expect(lookup.verdict == .contradicted(.modalitiesInStudy))
        lookup.record(dataSet([(.modality, "MR"), (.studyInstanceUID, "1.2")]))
        #expect(lookup.verdict == .confirmed)
        lookup.forget()
        lookup.record(dataSet([(.modality, "CT")]))
        lookup.record(dataSet([]))
        #expect(lookup.verdict == .unconfirmed([.modalitiesInStudy]))
        // Each series has a modality: an empty one was not returned.
        lookup.forget()
        lookup.record(dataSet([(.modality, "")]))
        #expect(lookup.verdict == .unconfirmed([.modalitiesInStudy]))
    }

    @Test func `keys of the next level are looked up there, all of one entity`() throws {
        let query: [(Tag, String)] = [(.modality, "MR"), (.seriesNumber, "2"), (.instanceNumber, "1")]
        var lookup = try #require(lookups(query, [(.studyInstanceUID, "1.2")], .study).first)
        #expect(lookup.keys == [.modality, .seriesNumber])
        #expect(lookup.identifier.string(.queryRetrieveLevel) == "SERIES")
        #expect(lookup.identifier[.modality]?.isEmpty == true)
        lookup.record(dataSet([(.modality, "MR"), (.seriesNumber, "1")]))
        lookup.record(dataSet([(.modality, "CT"), (.seriesNumber, "2")]))
        #expect(lookup.verdict != .confirmed)
        lookup.record(dataSet([(.modality, "MR"), (.seriesNumber, "2")]))
        #expect(lookup.verdict == .confirmed)
    }

    @Test func `keys of higher levels are looked up there`() throws {
        let query: [(Tag, String)] = [(.patientName, "DOE*"), (.studyDate, "20260101-"), (.modality, "CT")]
        let series = [(Tag.studyInstanceUID, "1.2"), (.seriesInstanceUID, "1.2.1")]
        var lookup = try #require(lookups(query, series, .series).first)
        #expect(lookup.keys == [.patientName, .studyDate])
        #expect(lookup.identifier.string(.queryRetrieveLevel) == "STUDY")
        #expect(lookup.identifier[.seriesInstanceUID] == nil)
        lookup.record(dataSet([(.patientName, "ROE^JANE"), (.studyDate, "20260102")]))
        #expect(lookup.verdict == .contradicted(.patientName))
        lookup.forget()
        lookup.record(dataSet([(.studyDate, "20260102")]))
        #expect(lookup.verdict == .unconfirmed([.patientName]))
        // A server returns the keys of a level that are required there: an empty one means that there is no value.
        lookup.forget()
        lookup.record(dataSet([(.patientName, ""), (.studyDate, "20260102")]))
        #expect(lookup.verdict == .contradicted(.patientName))
        lookup.forget()
        lookup.record(dataSet([(.patientName, "^"), (.specificCharacterSet, "ISO_IR 100"), (.studyDate, "20260102")]))
        #expect(lookup.verdict == .contradicted(.patientName))
        let image = lookups(query, series, .image)
        #expect(image.map(\.keys) == [[.patientName, .studyDate], [.modality]])
        let patient = lookups([(.patientName, "DOE*")], [(.patientID, "1")] + series, .series, .patientRoot)
        #expect(patient.map { $0.identifier.string(.queryRetrieveLevel) } == ["PATIENT"])
    }

    @Test func `nothing is looked up of what does not say what it belongs to`() {
        #expect(lookups([(.modalitiesInStudy, "MR")], [(.patientID, "1")], .study).isEmpty)
        #expect(lookups([(frames, "1")], [(.studyInstanceUID, "1.2")], .study).isEmpty)
        #expect(
            lookups([(.modalitiesInStudy, "MR")], [(.studyInstanceUID, "1.2")], .study, .patientRoot).isEmpty)
        #expect(
            MatchLookup.uniqueKeys(for: [.modalitiesInStudy], model: .patientRoot, level: .study)
                == [.patientID, .studyInstanceUID])
        #expect(MatchLookup.uniqueKeys(for: [frames], model: .studyRoot, level: .study).isEmpty)
    }

    @Test func `what no lookup settles stays open`() {
        #expect(
            MatchLookup.verdict(
                leaving: [.modalitiesInStudy, station], after: [([.modalitiesInStudy], .confirmed)])
                == .unconfirmed([station]))
        #expect(
            MatchLookup.verdict(
                leaving: [.modalitiesInStudy, station],
                after: [([.modalitiesInStudy], .contradicted(.modalitiesInStudy))])
                == .contradicted(.modalitiesInStudy))
        #expect(
            MatchLookup.verdict(
                leaving: [.patientName, .studyDate],
                after: [
                    ([.patientName, .studyDate], .unconfirmed([.patientName]))
                ]) == .unconfirmed([.patientName]))
    }
}
