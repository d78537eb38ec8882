import DICOM
import DICOMNode
import DICOMProtocol
import System
import Testing

@testable import CommandLineInterface

/// Associations are kept from study to study, and there are never more than jobs.
struct RetrievalAssociationsTests {
    private let folder: TestFolder
    /// The generated studies have eight, four and one image.
    private static let count = 13

    init() throws { folder = try TestFolder() }

    private func retrieve(_ operation: String, _ archive: TestArchive, _ options: String...) -> CommandResult {
        CommandResult(
            [operation, "--studyroot", "--verbose"] + archive.peer + ["-k", "StudyDate=19000101-"]
                + ["-o", folder["out"]] + options)
    }

    private func associations(_ result: CommandResult) -> Int {
        result.messages.split(separator: "\n").count { $0.contains(/-> A-ASSOCIATE-RQ/) }
    }

    @Test(arguments: [1, 3]) func `studies are retrieved on associations that are kept`(_ jobs: Int) throws {
        let result = retrieve("--get", try TestArchive(holdsImages: true), "--jobs", "\(jobs)")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
        // Each of the three is in syntaxes of its own, which the archive names.
        #expect(associations(result) <= jobs + 3, "\(result.messages)")
    }

    @Test func `how many associations there were is told where it was found out`() throws {
        let result = retrieve("--get", try TestArchive(holdsImages: true), "--jobs", "auto", "--format", "jsonl")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
        // Few instances show little; it depends on the machine.
        let numbers = (1...8).filter { result.output.contains("\"associations\":\($0),") }
        #expect(numbers.count == 1, "\(result.output)")
        #expect(result.messages.contains("over \(Quantity.count(numbers.first ?? 0, "association"))"))
    }

    @Test func `C-MOVE takes one for the queries and all requests`() throws {
        let port = try freePort()
        let archive = try TestArchive(receiverPort: port, holdsImages: true)
        let result = retrieve("--move", archive, "--port-scp", "\(port)", "--grace", "1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
        #expect(associations(result) == 1, "\(result.messages)")
    }

    @Test func `what is only shown takes one association with a context for queries alone`() throws {
        let result = retrieve("--get", try TestArchive(holdsImages: true), "--dry-run")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(associations(result) == 1)
        #expect(result.messages.contains("proposes 1 presentation context"), "\(result.messages)")
    }

    @Test func `an association that the server ends at its next request is replaced without a word`() throws {
        // Every third request is answered with an A-ABORT.
        let archive = try TestArchive(faults: ["abort-after=3"], holdsImages: true)
        let result = retrieve("--get", archive)
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
    }

    @Test func `with syntaxes to be preferred each class is proposed in these alone first`() throws {
        let result = retrieve("--get", try TestArchive(holdsImages: true), "--prefer", "JPEGLosslessSV1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
    }

    @Test func `who needs none any more releases none that another is about to take again`() throws {
        let archive = try TestArchive(holdsImages: true)
        let invocation = try invocation("--get --studyroot \(archive.peer.joined(separator: " ")) -k StudyDate=2000-")
        let environment = Environment(
            standardOutput: MemorySink(), standardError: MemorySink(), today: .epoch,
            randomBytes: { unsafeBitCast((0 as UInt64, 0 as UInt64), to: UIDGenerator.UUIDBytes.self) })
        let diagnostics = Diagnostics(sink: environment.standardError)
        let security = try RunSecurity(invocation.connection, environment: environment, diagnostics: diagnostics)
        let network = Network(
            .get, invocation.connection, security: security, diagnostics: diagnostics, cancellation: .never,
            makeUID: { "1.2.3" })
        let associations = RetrievalAssociations(network, try #require(invocation.retrieve))
        let both = [try associations.forQueries(), try associations.forQueries()]
        for one in both { associations.keep(one) }
        associations.releaseIdle(beyond: 1)
        let left = try associations.forQueries()
        #expect(both.contains { $0 === left })
        #expect(both.count { $0.association.isEstablished } == 1)
        associations.release(left)
    }

    // MARK: Contexts

    private static let ct: UID = "1.2.840.10008.5.1.4.1.1.2"
    private static let doseReport: UID = "1.2.840.10008.5.1.4.1.1.88.67"
    private static let segmentation: UID = "1.2.840.10008.5.1.4.1.1.66.4"
    private static let nuclear: UID = "1.2.840.10008.5.1.4.1.1.20"

    @Test func `before anything is listed the most frequent classes are proposed, in all that they may be stored in`() {
        let before = StorageProposals.beforeList
        let plan = PresentationContextPlan(
            needs: GetSCU.needs("1.2.3", storage: []) + FindSCU.needs("1.2.4") + before)
        #expect(plan.associations.count == 1)
        func covers(_ classes: [UID], _ named: [UID: Set<UID>] = [:]) -> Bool {
            StorageProposals.covers(before, StorageProposals.rounds(for: classes, offered: named)[0], named: named)
        }
        #expect(covers([Self.ct]))
        #expect(covers([Self.ct, Self.doseReport]))
        #expect(!covers([Self.nuclear]))
        // What the server names, and what has pixels, comes as it is stored.
        #expect(covers([Self.ct], [Self.ct: ["1.2.840.10008.1.2.4.90"]]))
        #expect(!covers([Self.ct], [Self.ct: ["1.2.840.113619.5.2"]]))
        #expect(!covers([Self.ct, Self.segmentation]))
    }

    @Test func `a round is widened by other classes as far as there is room`() {
        let round = StorageProposals.rounds(for: [Self.nuclear])[0]
        let widened = StorageProposals.widened(round, by: StorageProposals.beforeList)
        #expect(Array(widened.prefix(round.count)) == round)
        #expect(StorageProposals.covers(widened, StorageProposals.rounds(for: [Self.ct])[0], named: [:]))
        let plan = PresentationContextPlan(
            needs: GetSCU.needs("1.2.3", storage: []) + FindSCU.needs("1.2.4") + widened)
        #expect(plan.associations.count == 1)
    }
}
