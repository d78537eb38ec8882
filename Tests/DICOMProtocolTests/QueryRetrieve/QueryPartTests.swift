import DICOM
import Testing

@testable import DICOMProtocol

struct QueryPartTests {
    private let today = CalendarDate(year: 2026, month: 11, day: 30) ?? .epoch

    private func part(_ date: String, time: String = "", _ level: QueryLevel = .study, combines: Bool = false)
        -> QueryPart
    {
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, .CS, level.rawValue)
        identifier.set(.studyDate, .DA, date)
        identifier.set(.studyTime, .TM, time)
        return QueryPart(identifier, level: level, combinesDateAndTime: combines)
    }

    private func dates(_ parts: [QueryPart]) -> [String] { parts.map { $0.identifier.string(.studyDate) ?? "" } }

    @Test func `a range of days is halved, and its halves touch`() {
        let halves = part("20260101-20260104").divided(today: today, modalities: [])
        #expect(dates(halves) == ["20260101-20260102", "20260103-20260104"])
        #expect(dates(halves[0].divided(today: today, modalities: [])) == ["20260101", "20260102"])
        #expect(halves[0].name == "2026-01-01 to 2026-01-02")
    }

    @Test func `a day is halved by time, down to the second`() {
        let day = part("20260101")
        var halves = day.divided(today: today, modalities: [])
        #expect(halves.map { $0.identifier.string(.studyTime) } == ["000000-115959.999999", "120000-235959.999999"])
        #expect(halves.allSatisfy { $0.identifier.string(.studyDate) == "20260101" })
        var depth = 0
        while !halves.isEmpty, depth < 20 {
            halves = halves[0].divided(today: today, modalities: [])
            depth += 1
        }
        #expect(depth == 17)
    }

    @Test func `a second is divided by modality, and no further`() {
        var part = part("20260101")
        while let next = part.divided(today: today, modalities: []).first { part = next }
        let parts = part.divided(today: today, modalities: ["CT", "MR"])
        #expect(parts.map { $0.identifier.string(.modalitiesInStudy) } == ["CT", "MR"])
        #expect(parts[0].divided(today: today, modalities: ["CT"]).isEmpty)
        #expect(parts[0].name == "2026-01-01, 00:00:00 to 00:00:00, CT")
    }

    @Test func `an open range is divided where something is, without a gap`() {
        var open = part("").divided(today: today, modalities: [])
        #expect(dates(open) == ["-20211130", "20211201-"])
        #expect(dates(open[1].divided(today: today, modalities: [])) == ["20211201-20261130", "20261201-"])
        // It ends: before the oldest images there is nothing to divide.
        var steps = 0
        while let earlier = open.first, !earlier.divided(today: today, modalities: []).isEmpty,
            earlier.identifier.string(.studyTime) == nil, steps < 100
        {
            open = earlier.divided(today: today, modalities: [])
            steps += 1
        }
        #expect(steps < 10)
    }

    @Test(arguments: ["20260101\\20260103", "2026", "tomorrow", "20261301"])
    func `a date that is no range is not divided`(value: String) {
        let part = part(value)
        #expect(part.divided(today: today, modalities: []).isEmpty)
        #expect(part.identifier.bytes(.studyDate).map(Array.init) != nil)
    }

    @Test func `a time that is a key is not divided, nor a date that belongs to it`() {
        let day = part("20260101", time: "080000-090000")
        #expect(
            day.divided(today: today, modalities: ["CT"]).map { $0.identifier.string(.studyTime) } == ["080000-090000"])
        #expect(part("20260101-20260131", time: "080000-090000").divided(today: today, modalities: []).count == 2)
        let combined = part("20260101-20260131", time: "080000-090000", combines: true)
        #expect(combined.divided(today: today, modalities: []).isEmpty)
    }

    @Test func `series are divided by modality alone, instances not at all`() {
        var identifier = DataSet()
        identifier.set(.studyInstanceUID, UID("1.2"))
        #expect(
            QueryPart(identifier, level: .image, combinesDateAndTime: false).divided(today: today, modalities: ["CT"])
                .isEmpty)
        let series = QueryPart(identifier, level: .series, combinesDateAndTime: false)
        #expect(series.divided(today: today, modalities: ["CT"]).map { $0.identifier.string(.modality) } == ["CT"])
        identifier.set(.modality, .CS, "MR")
        #expect(
            QueryPart(identifier, level: .series, combinesDateAndTime: false).divided(today: today, modalities: ["CT"])
                .isEmpty)
    }

    @Test func `steps cover the range, the last one shorter`() {
        #expect(dates(part("20260101-20260110").steps(days: 7)) == ["20260101-20260107", "20260108-20260110"])
        #expect(part("20260101").hours.count == 24)
        #expect(part("20260101").hours.last?.identifier.string(.studyTime) == "230000-235959.999999")
        #expect(part("20260101-20260102").hours.count == 1)
    }

    @Test func `the range of what is there is found by asking`() throws {
        let days = ["20190503", "20220101", "20240229"]
        var asked = 0
        func hasMatches(_ part: QueryPart) -> Bool {
            asked += 1
            let range = (part.identifier.string(.studyDate) ?? "").split(separator: "-")
            return days.contains { $0 >= range[0] && $0 <= range[range.count - 1] }
        }
        #expect(
            part("").closed(today: today, hasMatches: hasMatches)?.identifier.string(.studyDate) == "20190503-20240229")
        #expect(asked < 40)
        #expect(part("20300101-").closed(today: today, hasMatches: hasMatches) == nil)
        #expect(
            part("-20211231").closed(today: today, hasMatches: hasMatches)?.identifier.string(.studyDate)
                == "20190503-20211231")
    }
}
