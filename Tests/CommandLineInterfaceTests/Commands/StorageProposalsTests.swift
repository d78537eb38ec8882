import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct StorageProposalsTests {
    private static let classes: [UID] = UIDRegistry.storageSOPClasses

    @Test(arguments: [0, 1, 2, 3, 6, 7, 50, 128])
    func `no round has more contexts than an association has room for beside the retrieval's own`(count: Int) {
        for round in StorageProposals.rounds(for: Array(Self.classes.prefix(count))) {
            let plan = PresentationContextPlan(needs: [.init("1.2.3", ["1.2"])] + round)
            #expect(plan.associations.count == 1)
        }
    }

    @Test(arguments: [1, 3, 50])
    func `every class that is known is proposed in every usual syntax, each in a context of its own`(count: Int) {
        let classes = Array(Self.classes.prefix(count))
        var proposed: [UID: Set<UID>] = [:]
        for need in StorageProposals.rounds(for: classes).joined() {
            #expect(need.separately)
            proposed[need.abstractSyntax, default: []].formUnion(need.transferSyntaxes)
        }
        #expect(Set(proposed.keys) == Set(classes))
        for syntaxes in proposed.values {
            #expect(syntaxes.isSuperset(of: ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"]))
        }
    }

    @Test func `where the server does not tell, every storage class is proposed`() {
        let proposed = Set(StorageProposals.rounds(for: []).joined().map(\.abstractSyntax))
        #expect(proposed.isSuperset(of: Self.classes))
    }

    @Test func `a preferred syntax is proposed alone first, then all`() {
        let rounds = StorageProposals.rounds(for: ["1.2.3"], preferring: ["1.2.840.10008.1.2.5"])
        #expect(rounds.first == [PresentationContextPlan.Need("1.2.3", ["1.2.840.10008.1.2.5"])])
        #expect(Array(rounds.dropFirst()) == StorageProposals.rounds(for: ["1.2.3"]))
    }
}
