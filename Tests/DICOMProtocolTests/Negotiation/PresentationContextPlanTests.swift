import DICOM
import DICOMProtocol
import Testing

struct PresentationContextPlanTests {
    private let implicit = TransferSyntax.implicitVRLittleEndian.uid
    private let explicit = TransferSyntax.explicitVRLittleEndian.uid
    private let jpeg = TransferSyntax.jpegBaseline8Bit.uid

    @Test func `nothing needed is no association`() {
        #expect(PresentationContextPlan(needs: []).associations.isEmpty)
        #expect(PresentationContextPlan(needs: [.init("1.2", [])]).associations.isEmpty)
    }

    @Test func `contexts have odd ids in the order of the needs`() {
        let plan = PresentationContextPlan(needs: [.init("1.2", [explicit, implicit]), .init("1.3", [jpeg])])
        #expect(
            plan.associations == [
                [
                    PresentationContextProposal(
                        id: 1, abstractSyntax: "1.2", transferSyntaxes: [explicit, implicit]),
                    PresentationContextProposal(id: 3, abstractSyntax: "1.3", transferSyntaxes: [jpeg]),
                ]
            ])
    }

    @Test func `each transfer syntax has a context of its own where that is wanted`() {
        let plan = PresentationContextPlan(needs: [.init("1.2", [explicit, implicit, jpeg], separately: true)])
        #expect(plan.associations.map { $0.map(\.transferSyntaxes) } == [[[explicit], [implicit], [jpeg]]])
        #expect(plan.associations.map { $0.map(\.id) } == [[1, 3, 5]])
    }

    @Test func `what is needed twice is proposed once`() {
        let plan = PresentationContextPlan(needs: [
            .init("1.2", [explicit, implicit, explicit]), .init("1.2", [explicit, implicit]),
            .init("1.2", [explicit], separately: true), .init("1.2", [explicit]),
        ])
        #expect(plan.associations.map { $0.map(\.transferSyntaxes) } == [[[explicit, implicit], [explicit]]])
    }

    @Test func `an association has room for 128 contexts and the rest goes to further ones`() throws {
        for (count, sizes) in [(128, [128]), (129, [128, 1]), (300, [128, 128, 44])] {
            let plan = PresentationContextPlan(needs: (0..<count).map { .init(UID("1.2.\($0)"), [implicit]) })
            #expect(plan.associations.map(\.count) == sizes)
            #expect(plan.associations.joined().map(\.abstractSyntax) == (0..<count).map { UID("1.2.\($0)") })
            for proposals in plan.associations {
                #expect(proposals.map { Int($0.id) } == proposals.indices.map { 2 * $0 + 1 })
                #expect(try #require(proposals.last).id <= 255)
            }
        }
    }

    @Test func `the contexts of one need stay on one association`() {
        let plan = PresentationContextPlan(needs: [
            .init("1.1", (0..<127).map { UID("2.\($0)") }, separately: true),
            .init("1.2", [explicit, implicit], separately: true), .init("1.3", [implicit]),
        ])
        #expect(plan.associations.map(\.count) == [127, 3])
    }

    @Test func `a need of more contexts than an association has is divided`() {
        let plan = PresentationContextPlan(needs: [.init("1.1", (0..<200).map { UID("2.\($0)") }, separately: true)])
        #expect(plan.associations.map(\.count) == [128, 72])
    }

    @Test(arguments: [(0, [1, 1, 1]), (2, [2, 1]), (1000, [3])] as [(Int, [Int])])
    func `the room can be less but never more`(_ maximum: Int, _ sizes: [Int]) {
        let needs: [PresentationContextPlan.Need] = (0..<3).map { .init(UID("1.\($0)"), [implicit]) }
        #expect(
            PresentationContextPlan(needs: needs, maximumContextCount: maximum).associations.map(\.count) == sizes)
    }
}
