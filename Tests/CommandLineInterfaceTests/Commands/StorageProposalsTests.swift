import DICOM
import DICOMNode
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
        for need in StorageProposals.rounds(for: classes).joined() where need.separately {
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

    @Test func `where the server does not tell, a few associations are enough`() {
        let rounds = StorageProposals.rounds(for: [])
        #expect(rounds.count <= 8)
        // The most frequent class, in the first association: native and compressed, each by itself.
        let first = rounds[0].filter { $0.abstractSyntax == "1.2.840.10008.5.1.4.1.1.2" }
        #expect(first.flatMap(\.transferSyntaxes).contains("1.2.840.10008.1.2.4.70"))
        #expect(first[0].transferSyntaxes == FindSCU.transferSyntaxes)
    }

    private static let offered: [UID] = ["1.2.840.10008.1.2.4.53", "1.2.840.113619.5.2", "1.3.46.670589.33.1.4.1"]

    @Test func `what the server names is proposed, also a retired or private syntax`() {
        let few = StorageProposals.rounds(for: ["1.2.3"], offered: ["1.2.3": Set(Self.offered)])
        #expect(few.count == 2)
        #expect(Set(few[0][0].transferSyntaxes).isSuperset(of: Self.offered))
        #expect(few[0][0].transferSyntaxes.prefix(2) == FindSCU.transferSyntaxes[...])
    }

    @Test func `of many classes that is enough if the server names that of every instance`() {
        let classes = Array(Self.classes.prefix(20))
        let offered = Dictionary(uniqueKeysWithValues: classes.map { ($0, Set(Self.offered)) })
        let rounds = StorageProposals.rounds(for: classes, offered: offered, areAllOffered: true)
        #expect(rounds.count == 1)
        #expect(rounds[0].allSatisfy { $0.isRepetition || $0.transferSyntaxes.count == 5 })
        let unsure = StorageProposals.rounds(for: classes, offered: offered)
        #expect(unsure.count > 1)
        #expect(unsure[0][0].transferSyntaxes.contains("1.2.840.10008.1.2.4.53"))
    }

    @Test func `a server that names thousands of syntaxes, or nonsense, is not believed`() {
        let many = Set((0..<5_000).map { UID("1.2.\($0)") } + ["nonsense", "1..2"])
        for areAll in [true, false] {
            let rounds = StorageProposals.rounds(
                for: Array(Self.classes.prefix(3)), offered: [Self.classes[0]: many], areAllOffered: areAll)
            for round in rounds {
                #expect(PresentationContextPlan(needs: [.init("1.2.3", ["1.2"])] + round).associations.count == 1)
                #expect(!round.contains { $0.transferSyntaxes.contains { !$0.isValid } })
            }
        }
    }

    @Test func `a preferred syntax is proposed alone first, then all`() {
        let rounds = StorageProposals.rounds(for: ["1.2.3"], preferring: ["1.2.840.10008.1.2.5"])
        #expect(rounds.first == [PresentationContextPlan.Need("1.2.3", ["1.2.840.10008.1.2.5"])])
        #expect(Array(rounds.dropFirst()) == StorageProposals.rounds(for: ["1.2.3"]))
    }

    // MARK: What a server makes of it

    /// The contexts of each class in the order of the association.
    private func contexts(_ round: StorageProposals.Round) -> [UID: [[UID]]] {
        let plan = PresentationContextPlan(needs: [.init("1.2.3", ["1.2"])] + round)
        return Dictionary(grouping: plan.associations[0], by: \.abstractSyntax).mapValues { $0.map(\.transferSyntaxes) }
    }

    @Test(arguments: [0, 1, 3, 50])
    func `a server that uses the first or the last context of a class sends natively`(count: Int) {
        let rounds = StorageProposals.rounds(for: Array(Self.classes.prefix(count)))
        for (sopClass, contexts) in contexts(rounds[0]) where sopClass != "1.2.3" {
            #expect(contexts.first?.first == TransferSyntax.explicitVRLittleEndian.uid)
            #expect(contexts.last?.first == TransferSyntax.explicitVRLittleEndian.uid)
        }
    }

    @Test(arguments: [0, 1, 3, 50])
    func `a costly syntax is proposed last, unless the server names it`(count: Int) {
        let classes = Array(Self.classes.prefix(count))
        let rounds = StorageProposals.rounds(for: classes)
        func isCostly(_ round: StorageProposals.Round) -> Bool {
            round.contains { !Set($0.transferSyntaxes).isDisjoint(with: StorageProposals.costly) }
        }
        let first = rounds.firstIndex(where: isCostly)
        #expect(first != nil && first != 0)
        #expect(rounds.drop { !isCostly($0) }.allSatisfy(isCostly))
        guard let sopClass = classes.first else { return }
        let named = StorageProposals.rounds(for: classes, offered: [sopClass: [StorageProposals.costly[0]]])
        #expect(contexts(named[0])[sopClass]?.contains([StorageProposals.costly[0]]) == true)
    }

    @Test func `where nothing comes, every round is reached`() {
        var proposals = ProposalRounds(.unknown, RetrieveOptions(), proposes: true)
        let count = proposals.count
        #expect(count >= StorageProposals.rounds(for: []).count + StorageProposals.lastResort.count)
        var alone: Set<UID> = []
        for number in 1...count {
            let syntaxes = Set(proposals.current.flatMap(\.transferSyntaxes))
            if syntaxes.count == 1 { alone.formUnion(syntaxes) }
            #expect(proposals.hasMore == (number < count))
            guard proposals.hasMore else { break }
            let isMore = proposals.next(seen: [], byName: false)
            #expect(isMore)
        }
        #expect(alone.count == StorageProposals.lastResort.count)
    }

    @Test func `a class that came, and then fails by name, is proposed in every syntax`() {
        var proposals = ProposalRounds(.unknown, RetrieveOptions(), proposes: true)
        let seen: Set<UID> = [Self.classes[0]]
        var isMore = proposals.next(seen: seen, byName: true)
        var proposed: Set<UID> = []
        while isMore {
            for need in proposals.current where seen.contains(need.abstractSyntax) && need.separately {
                proposed.formUnion(need.transferSyntaxes)
            }
            isMore = proposals.hasMore && proposals.next(seen: seen, byName: true)
        }
        #expect(proposed.isSuperset(of: FindSCU.transferSyntaxes + StorageProposals.costly))
    }

    @Test func `a few classes whose rounds are over are proposed again in one`() {
        let expected = ExpectedInstances(series: [], transferSyntaxes: [Self.classes[0]: []])
        var proposals = ProposalRounds(expected, RetrieveOptions(), proposes: true)
        #expect(proposals.count == 2)
        proposals.restart(seen: [])
        #expect(proposals.count == 1)
        let syntaxes = Set(proposals.current.flatMap(\.transferSyntaxes))
        #expect(syntaxes.isSuperset(of: FindSCU.transferSyntaxes + StorageProposals.costly))
    }
}
