import DICOM
import DICOMProtocol
import TestSupport
import Testing

@testable import DICOMNode

/// Lists of several studies by few queries: what a server does with lists of UIDs must not make a study look smaller than it is.
struct InstanceListingTests {
    /// The faults of a server with series of three instances, two in each study.
    private enum Fault {
        /// The first value of a list is the only one.
        case takesFirst
        case countsNothing
        /// So many matches of a query are all that there are.
        case cutsAt(Int)
        /// The last series has an instance more than is listed.
        case countsMore
        /// The last study has a series more than is listed.
        case countsMoreSeries
        case refusesSyntaxes
        case refusesLists
        case refusesCounts
        case abortsLists
    }

    private final class ListServer: QuerySession {
        private let fault: Fault?
        private let seriesOfStudy: Int
        private(set) var requests = 0

        init(_ fault: Fault? = nil, series: Int = 2) { (self.fault, seriesOfStudy) = (fault, series) }

        func find(
            sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
            onMatch: @escaping (FindSCU.Match) -> ExchangeControl
        ) throws(AssociationError) -> ExchangeResult {
            requests += 1
            var studies = identifier.uids(.studyInstanceUID)
            var wanted = identifier.uids(.seriesInstanceUID)
            let hasList = studies.count > 1 || wanted.count > 1
            if case .refusesLists = fault, hasList { return refused(sopClass) }
            if case .abortsLists = fault, hasList { throw .releasedByPeer }
            if case .refusesCounts = fault, identifier[.numberOfSeriesRelatedInstances] != nil {
                return refused(sopClass)
            }
            if case .takesFirst = fault { (studies, wanted) = (Array(studies.prefix(1)), Array(wanted.prefix(1))) }
            let isOfImages = identifier.string(.queryRetrieveLevel) == "IMAGE"
            let isOfStudies = identifier.string(.queryRetrieveLevel) == "STUDY"
            if case .refusesSyntaxes = fault, identifier[.availableTransferSyntaxUID] != nil {
                return refused(sopClass)
            }
            var matches: [DataSet] = []
            for study in studies {
                if isOfStudies {
                    var match = DataSet()
                    match.set(.studyInstanceUID, study)
                    var count = 2
                    if case .countsMoreSeries = fault, study == studies.last { count = 3 }
                    if case .countsNothing = fault {
                    } else {
                        match.set(.numberOfStudyRelatedSeries, .IS, "\(count)")
                    }
                    matches.append(match)
                    continue
                }
                for series in 1...seriesOfStudy {
                    var match = DataSet()
                    let seriesUID = UID("\(study).\(series)")
                    match.set(.studyInstanceUID, study)
                    match.set(.seriesInstanceUID, seriesUID)
                    guard isOfImages else {
                        var count = 3
                        if case .countsMore = fault, study == studies.last, series == seriesOfStudy { count = 4 }
                        if case .countsNothing = fault {
                        } else {
                            match.set(.numberOfSeriesRelatedInstances, .IS, "\(count)")
                        }
                        matches.append(match)
                        continue
                    }
                    guard wanted.contains(seriesUID) else { continue }
                    for instance in 1...3 {
                        match.set(.sopInstanceUID, UID("\(seriesUID).\(instance)"))
                        match.set(.sopClassUID, SampleInstance.sopClassUID)
                        matches.append(match)
                    }
                }
            }
            if case .cutsAt(let limit) = fault { matches = Array(matches.prefix(limit)) }
            for match in matches { _ = onMatch(FindSCU.Match(match)) }
            return .ofQuery(sopClass)
        }

        private func refused(_ sopClass: UID) -> ExchangeResult {
            let response = CommandSet.findResponse(
                to: .findRequest(messageID: 1, sopClass: sopClass), status: 0xA900, hasIdentifier: false)
            return ExchangeResult(
                final: DIMSEMessage(command: response, contextID: 1), transferSyntax: .explicitVRLittleEndian,
                wasCancelled: false, wasInterrupted: false)
        }

        func grantedNegotiation(for sopClass: UID) -> QueryNegotiation { [] }
        func release() throws(AssociationError) {}
        func abort() {}
    }

    private func studies(_ count: Int) -> [UID] { (1...count).map { UID("1.2.3.\($0)") } }

    private func list(_ server: ListServer, _ count: Int) throws -> [UID: [InstanceListing.Series]]? {
        try InstanceListing(on: server, model: .studyRoot).list(studies: studies(count))
    }

    @Test func `the instances of sixteen studies are listed by three queries`() throws {
        let server = ListServer()
        let listed = try #require(try list(server, 16))
        #expect(listed.count == 16)
        #expect(listed.values.allSatisfy { $0.count == 2 && $0.allSatisfy { $0.sopInstanceUIDs.count == 3 } })
        #expect(listed["1.2.3.7"]?[1].sopInstanceUIDs.map(\.string) == ["1.2.3.7.2.1", "1.2.3.7.2.2", "1.2.3.7.2.3"])
        #expect(server.requests == 3)
    }

    @Test func `more series than fit into one query take several`() throws {
        let server = ListServer()
        #expect(try list(server, 30)?.count == 30)
        #expect(server.requests == 4)
    }

    @Test func `a server without transfer syntaxes is asked without them from then on`() throws {
        let server = ListServer(.refusesSyntaxes)
        #expect(try list(server, 30)?.count == 30)
        #expect(server.requests == 5)
    }

    /// The instances of a study that is listed alone, and the queries that it took.
    private func listAlone(
        _ fault: Fault?, _ lists: InstanceListing.SeriesLists = .init(), series: Int = 60
    ) throws -> (instances: [Int], requests: Int) {
        let server = ListServer(fault, series: series)
        var study = DataSet()
        study.set(.studyInstanceUID, UID("1.2.3.1"))
        let listed = try InstanceListing(on: server, model: .studyRoot, seriesLists: lists).list(study, level: .study)
        #expect(listed.map(\.seriesInstanceUID.string) == (1...series).map { "1.2.3.1.\($0)" })
        return (listed.map(\.sopInstanceUIDs.count), server.requests)
    }

    @Test(arguments: [(2, 3), (3, 2), (60, 3)])
    func `a study of many series is listed by few queries`(_ series: Int, _ requests: Int) throws {
        #expect(try listAlone(nil, series: series) == (Array(repeating: 3, count: series), requests))
    }

    @Test func `what a list of series does not bring is listed series by series`() throws {
        let all = Array(repeating: 3, count: 60)
        #expect(try listAlone(.takesFirst) == (all, 1 + 1 + 59))
        // With transfer syntaxes and without.
        #expect(try listAlone(.refusesLists) == (all, 1 + 2 + 60))
        #expect(try listAlone(.countsNothing) == (all, 1 + 60))
        #expect(try listAlone(.refusesCounts) == (all, 2 + 60))
        #expect(try listAlone(.countsMore) == (all, 3 + 1))
    }

    @Test func `lists of series that were in vain are not asked for again in a run`() throws {
        let lists = InstanceListing.SeriesLists()
        _ = try listAlone(.refusesLists, lists)
        #expect(!lists.areOfUse)
        #expect(try listAlone(nil, lists).requests == 61)
        let others = InstanceListing.SeriesLists()
        #expect(throws: InstanceListing.Failure.self) { try listAlone(.abortsLists, others) }
        #expect(!others.areOfUse)
    }

    @Test func `the first study of a list is no answer for all`() throws {
        #expect(try list(ListServer(.takesFirst), 3) == nil)
    }

    @Test func `series without numbers of instances leave a study to a query of its own`() throws {
        #expect(try list(ListServer(.countsNothing), 3) == nil)
    }

    @Test func `a study with an instance or a series more than is listed is left out, and no other`() throws {
        for fault in [Fault.countsMore, .countsMoreSeries] {
            let listed = try list(ListServer(fault), 3)
            #expect(listed.map { Set($0.keys) } == ["1.2.3.1", "1.2.3.2"])
        }
    }

    @Test(arguments: [(7, 4), (17, 4), (50, 30)])
    func `a list that is cut off leaves out each study that it cuts`(_ limit: Int, _ count: Int) throws {
        let listed = try #require(try list(ListServer(.cutsAt(limit)), count))
        #expect(listed.values.allSatisfy { $0.count == 2 && $0.allSatisfy { $0.sopInstanceUIDs.count == 3 } })
        #expect(listed.count < count)
    }

    @Test func `a refusal is an error for the caller to act on`() throws {
        #expect(throws: InstanceListing.Failure.self) { try list(ListServer(.refusesLists), 3) }
    }
}
