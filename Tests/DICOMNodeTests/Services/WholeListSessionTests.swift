import DICOM
import DICOMProtocol
import Testing

@testable import DICOMNode

struct WholeListSessionTests {
    private let today = CalendarDate(year: 2026, month: 11, day: 30) ?? .epoch

    /// A server with made-up studies that gives no more than so many of them.
    private final class LimitedServer: QuerySession {
        struct Study {
            let uid: String
            let date: String
            var time = "120000"
            var modality = "CT"
        }

        let studies: [Study]
        let limit: Int
        /// The status of a list that is cut short.
        let status: DIMSEStatus
        /// False for a server that gives nothing at all where there is too much.
        var givesBeginning = true
        private(set) var requests = 0

        init(_ studies: [Study], limit: Int, status: DIMSEStatus) {
            self.studies = studies
            self.limit = limit
            self.status = status
        }

        func find(
            sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
            onMatch: @escaping (FindSCU.Match) -> ExchangeControl
        ) throws(AssociationError) -> ExchangeResult {
            requests += 1
            let date = Self.range(identifier.string(.studyDate))
            let time = Self.range(identifier.string(.studyTime))
            let modality = identifier.string(.modalitiesInStudy)
            let matches = studies.filter { study in
                (date.map { !study.date.isEmpty && study.date >= $0 && study.date <= $1 } ?? true)
                    && (time.map { !study.time.isEmpty && study.time >= $0 && study.time <= $1 } ?? true)
                    && (modality.map { $0 == study.modality } ?? true)
            }
            let isCut = matches.count > limit
            for study in matches.prefix(isCut && !givesBeginning ? 0 : limit) {
                var match = DataSet()
                match.set(.studyInstanceUID, UID(study.uid))
                match.set(.studyDate, .DA, study.date)
                match.set(.studyTime, .TM, study.time)
                if onMatch(FindSCU.Match(match)) == .cancel { return .ofQuery(sopClass, wasCancelled: true) }
            }
            guard isCut, status != .success else { return .ofQuery(sopClass) }
            let response = CommandSet.findResponse(
                to: .findRequest(messageID: 1, sopClass: sopClass), status: status, hasIdentifier: false)
            return ExchangeResult(
                final: DIMSEMessage(command: response, contextID: 1), transferSyntax: .explicitVRLittleEndian,
                wasCancelled: false, wasInterrupted: false)
        }

        private static func range(_ text: String?) -> (String, String)? {
            guard let text, !text.isEmpty else { return nil }
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            return ends.count == 1 ? (text, text) : (ends[0], ends[1].isEmpty ? "99999999" : ends[1])
        }

        func grantedNegotiation(for sopClass: UID) -> QueryNegotiation { [] }
        func release() throws(AssociationError) {}
        func abort() {}
    }

    private struct Found {
        var uids: [String] = []
        var doubtful: [String] = []
        var byModality: [String] = []
        var isGivenUp = false
        /// Nil: nothing was told of matches without a date.
        var undated: Int?
        var cuts = 0
        var requests = 0
        var status: DIMSEStatus?
    }

    private func find(
        _ server: LimitedServer, date: String = "", steps: WholeListSession.Steps = .whole,
        maximumMatches: Int = WholeListSession.standardMaximumMatches
    ) throws -> Found {
        var found = Found()
        let session = WholeListSession(
            server, steps: steps, today: today, combinesDateAndTime: false, maximumMatches: maximumMatches
        ) { event in
            switch event {
            case .cutShort: found.cuts += 1
            case .doubtful(let part, _): found.doubtful.append(part)
            case .undated(let count): found.undated = (found.undated ?? 0) + count
            case .byModality(let part): found.byModality.append(part)
            case .givenUp: found.isGivenUp = true
            case .ended(let requests): found.requests += requests
            }
        }
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, .CS, "STUDY")
        identifier.set(.studyDate, .DA, date)
        identifier.setEmpty(.studyInstanceUID, .UI)
        let result = try session.find(
            sopClass: InformationModel.studyRoot.findSOPClass, identifier: identifier, priority: .medium,
            beforeBlockingRead: nil
        ) { match in
            found.uids.append((try? match.identifier())?.string(.studyInstanceUID) ?? "?")
            return .goOn
        }
        found.status = result.status
        return found
    }

    /// Studies of ten years, three a day at different times, every third day.
    private var tenYears: [LimitedServer.Study] {
        let start = CalendarDate(year: 2016, month: 1, day: 1) ?? .epoch
        return (0..<1_200).flatMap { step in
            let day = start.adding(days: step * 3)?.dicomText ?? ""
            return (0..<3).map {
                LimitedServer.Study(uid: "1.2.\(step).\($0)", date: day, time: ["070000", "120000", "235959.5"][$0])
            }
        }
    }

    @Test(arguments: [DIMSEStatus.outOfResources, .cancel, .attributeListError, .unableToProcess, .success])
    func `a list that is cut short becomes whole, each match once`(status: DIMSEStatus) throws {
        let server = LimitedServer(tenYears, limit: 200, status: status)
        let found = try find(server)
        #expect(found.uids.count == 3_600)
        #expect(Set(found.uids).count == 3_600)
        #expect(found.status == .success && found.doubtful.isEmpty && found.undated == 0)
        #expect(found.cuts == 1)
        #expect(found.requests == server.requests && found.requests < 80)
    }

    @Test func `a server that gives nothing where there is too much is asked in parts, too`() throws {
        let server = LimitedServer(tenYears, limit: 200, status: .outOfResources)
        server.givesBeginning = false
        #expect(Set(try find(server, date: "20160101-20261231").uids).count == 3_600)
    }

    @Test func `one day with too many is divided by time, one second by modality`() throws {
        let times = (0..<300).map {
            LimitedServer.Study(
                uid: "1.3.\($0)", date: "20260101", time: $0 < 150 ? "080000" : "09000\($0 % 10)",
                modality: $0 % 2 == 0 ? "CT" : "MR")
        }
        let found = try find(LimitedServer(times, limit: 100, status: .outOfResources), date: "20260101")
        #expect(Set(found.uids).count == 300)
        #expect(found.doubtful.isEmpty && found.status == .success)
        #expect(found.byModality == ["2026-01-01, 08:00:00 to 08:00:00"])
    }

    @Test func `what cannot be divided is told, and the rest goes on`() throws {
        let same = (0..<300).map { LimitedServer.Study(uid: "1.4.\($0)", date: "20260101", time: "080000") }
        let others = tenYears.prefix(400)
        let found = try find(
            LimitedServer(same + others, limit: 100, status: .outOfResources), date: "20160101-20261231")
        #expect(Set(found.uids).count == 500)
        #expect(found.doubtful == ["2026-01-01, 08:00:00 to 08:00:00, CT"])
        #expect(found.status == .success)
    }

    @Test func `a server that cuts without a word is asked for the rest after parts that stay doubtful`() throws {
        // More days than may be doubtful in a row, each with as many as the server gives at most, at one moment.
        let start = CalendarDate(year: 2026, month: 1, day: 1) ?? .epoch
        let crowded = (0..<12).flatMap { day in
            (0..<60).map {
                LimitedServer.Study(
                    uid: "1.7.\(day).\($0)", date: start.adding(days: day)?.dicomText ?? "", time: "080000")
            }
        }
        let last = LimitedServer.Study(uid: "1.8", date: "20260201")
        let found = try find(
            LimitedServer(crowded + [last], limit: 50, status: .success), date: "20260101-20260228")
        #expect(found.doubtful.count == 12)
        #expect(Set(found.uids).count == 12 * 50 + 1 && found.uids.contains("1.8"))
        #expect(found.status == .success && found.cuts == 1)
    }

    @Test func `a crowded moment with a round number by chance is no doubt`() throws {
        let crowded = (0..<50).map { LimitedServer.Study(uid: "1.9.\($0)", date: "20260101", time: "080000") }
        let found = try find(
            LimitedServer(crowded, limit: 1_000, status: .success), date: "20260101-20260228")
        #expect(found.uids.count == 50 && found.doubtful.isEmpty && found.cuts == 0)
    }

    @Test func `a round number by chance costs two queries and no doubt`() throws {
        let server = LimitedServer(Array(tenYears.prefix(128)), limit: 1_000, status: .success)
        let found = try find(server)
        #expect(found.uids.count == 128 && found.doubtful.isEmpty && found.cuts == 0)
        #expect(found.requests == 3)
    }

    @Test func `a server that repeats its matches, or has more than anybody, is given up`() throws {
        let one = LimitedServer.Study(uid: "1.2", date: "20260101")
        let repeating = LimitedServer([LimitedServer.Study](repeating: one, count: 200), limit: 1_000, status: .success)
        let found = try find(repeating, maximumMatches: 10)
        #expect(found.isGivenUp)
        #expect(found.uids.count < 100)
        let many = LimitedServer(
            (0..<200).map { LimitedServer.Study(uid: "1.\($0)", date: "20260101") }, limit: 1_000, status: .success)
        let first = try find(many, maximumMatches: 10)
        #expect(first.isGivenUp)
        #expect(first.uids.count == 11)
        #expect(try !find(many).isGivenUp)
    }

    @Test func `a list that is whole is one query`() throws {
        let found = try find(LimitedServer(Array(tenYears.prefix(301)), limit: 1_000, status: .success))
        #expect(found.uids.count == 301 && found.requests == 1)
    }

    @Test func `matches without a date are told as doubtful once a list is divided`() throws {
        let undated = (0..<3).map { LimitedServer.Study(uid: "1.5.\($0)", date: "", time: "") }
        let found = try find(LimitedServer(undated + tenYears, limit: 200, status: .outOfResources))
        #expect(Set(found.uids).count == 3_603)
        #expect(found.undated == 3)
    }

    @Test func `a server that refuses everything ends with its refusal, soon`() throws {
        let server = LimitedServer(tenYears, limit: -1, status: .outOfResources)
        server.givesBeginning = false
        let found = try find(server)
        #expect(found.status == .outOfResources && found.uids.isEmpty)
        #expect(server.requests < 200)
    }

    /// Beyond the days that are searched for, and without a date.
    private let odd = [("18991231", 1), ("20991231", 2), ("", 3)].map {
        LimitedServer.Study(uid: "1.6.\($0.1)", date: $0.0, time: "")
    }

    @Test func `a query in steps that is whole as it is asks no more`() throws {
        let found = try find(
            LimitedServer(Array(tenYears.prefix(60)) + odd, limit: 1_000, status: .success), steps: .days(1))
        #expect(Set(found.uids).count == 63 && found.requests == 1 && found.undated == nil)
    }

    @Test func `steps lose nothing before and after the days that have most`() throws {
        let found = try find(
            LimitedServer(odd + tenYears.prefix(600), limit: 50, status: .outOfResources), steps: .days(7))
        #expect(Set(found.uids).count == 603 && found.status == .success)
        #expect(found.undated == 1)
    }

    @Test func `a refusal of a query in steps is no empty list`() throws {
        let server = LimitedServer(tenYears, limit: -1, status: .unableToProcess)
        server.givesBeginning = false
        for date in ["", "20200101-", "20200101-20200131"] {
            let found = try find(server, date: date, steps: .days(1))
            #expect(found.status == .unableToProcess && found.uids.isEmpty)
        }
    }

    @Test func `steps of days and hours begin where something is`() throws {
        let server = LimitedServer(Array(tenYears.prefix(60)), limit: 59, status: .success)
        let weeks = try find(server, date: "20160101-20160301", steps: .days(7))
        #expect(Set(weeks.uids).count == 60 && weeks.status == .success)
        #expect(weeks.requests == 9)
        let hours = try find(server, date: "20160101-20160104", steps: .hours)
        #expect(Set(hours.uids).count == 6 && hours.requests == 4 * 24)
    }
}
