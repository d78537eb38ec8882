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

    @Test(arguments: [1, 2, 3]) func `studies take no more associations than jobs`(_ jobs: Int) throws {
        // The first two have CT and MR, of which nearly all studies are.
        let result = retrieve(
            "--get", try TestArchive(holdsImages: true), "--jobs", "\(jobs)", "--sort", "PatientID", "--limit", "2")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count - 1)
        #expect(associations(result) <= jobs, "\(result.messages)")
    }

    @Test func `a class that hardly any study has takes one more`() throws {
        let result = retrieve("--get", try TestArchive(holdsImages: true))
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
        #expect(associations(result) <= 2, "\(result.messages)")
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

    @Test func `a server that takes fewer associations than jobs is asked on those that it takes`() throws {
        // Every second association is rejected for now.
        let result = retrieve("--get", try TestArchive(faults: ["reject=2"], holdsImages: true), "--jobs", "3")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
        #expect(result.messages.contains("takes no more than 1 association of ours at once"), "\(result.messages)")
    }

    @Test func `with syntaxes to be preferred each class is proposed in these alone first`() throws {
        let result = retrieve("--get", try TestArchive(holdsImages: true), "--prefer", "JPEGLosslessSV1")
        #expect(result.exitCode == .success, "\(result.messages)")
        #expect(folder.fileCount("out") == Self.count)
    }

    // MARK: Contexts

    private static let ct: UID = "1.2.840.10008.5.1.4.1.1.2"
    private static let doseReport: UID = "1.2.840.10008.5.1.4.1.1.88.67"
    private static let nuclear: UID = "1.2.840.10008.5.1.4.1.1.20"

    @Test func `before anything is listed the most frequent classes are proposed, in all that they may be stored in`() {
        let before = StorageProposals.beforeList
        let plan = PresentationContextPlan(
            needs: GetSCU.needs("1.2.3", storage: []) + FindSCU.needs("1.2.4") + before)
        #expect(plan.associations.count == 1)
        for classes in [[Self.ct], [Self.ct, Self.doseReport]] {
            #expect(StorageProposals.covers(before, StorageProposals.rounds(for: classes)[0]))
        }
        #expect(!StorageProposals.covers(before, StorageProposals.rounds(for: [Self.nuclear])[0]))
        let named = StorageProposals.rounds(for: [Self.nuclear, Self.ct], offered: [Self.nuclear: ["1.2.3.4"]])[0]
        #expect(!StorageProposals.covers(before, named))
    }

    @Test func `a round is widened by other classes as far as there is room`() {
        let round = StorageProposals.rounds(for: [Self.nuclear])[0]
        let widened = StorageProposals.widened(round, by: StorageProposals.beforeList)
        #expect(Array(widened.prefix(round.count)) == round)
        #expect(StorageProposals.covers(widened, StorageProposals.rounds(for: [Self.ct])[0]))
        let plan = PresentationContextPlan(
            needs: GetSCU.needs("1.2.3", storage: []) + FindSCU.needs("1.2.4") + widened)
        #expect(plan.associations.count == 1)
    }
}
