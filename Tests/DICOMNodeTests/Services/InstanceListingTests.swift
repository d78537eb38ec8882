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
    }

    private final class ListServer: QuerySession {
        private let fault: Fault?
        private(set) var requests = 0

        init(_ fault: Fault? = nil) { self.fault = fault }

        func find(
            sopClass: UID, identifier: DataSet, priority: Priority, beforeBlockingRead: (() -> Void)?,
            onMatch: @escaping (FindSCU.Match) -> ExchangeControl
        ) throws(AssociationError) -> ExchangeResult {
            requests += 1
            var studies = identifier.uids(.studyInstanceUID)
            if case .refusesLists = fault, studies.count > 1 { return refused(sopClass) }
            if case .takesFirst = fault { studies = Array(studies.prefix(1)) }
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
                for series in 1...2 {
                    var match = DataSet()
                    let seriesUID = UID("\(study).\(series)")
                    match.set(.studyInstanceUID, study)
                    match.set(.seriesInstanceUID, seriesUID)
                    guard isOfImages else {
                        var count = 3
                        if case .countsMore = fault, study == studies.last, series == 2 { count = 4 }
                        if case .countsNothing = fault {
                        } else {
                            match.set(.numberOfSeriesRelatedInstances, .IS, "\(count)")
                        }
                        matches.append(match)
                        continue
                    }
                    let wanted = identifier.uids(.seriesInstanceUID)
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
