import DICOM
import DICOMProtocol
import Testing

struct NegotiatedContextsTests {
    private static let implicit = TransferSyntax.implicitVRLittleEndian
    private static let explicit = TransferSyntax.explicitVRLittleEndian
    private static let proposed = [
        PresentationContextProposal(
            id: 1, abstractSyntax: "1.2", transferSyntaxes: [explicit.uid, implicit.uid]),
        PresentationContextProposal(id: 3, abstractSyntax: "1.2", transferSyntaxes: [implicit.uid]),
        PresentationContextProposal(id: 5, abstractSyntax: "1.3", transferSyntaxes: [implicit.uid]),
    ]

    @Test func `accepted contexts are found by abstract syntax, transfer syntax and id`() throws {
        let contexts = try negotiate([
            .init(id: 5, result: .acceptance, transferSyntax: Self.implicit.uid),
            .init(id: 1, result: .acceptance, transferSyntax: Self.explicit.uid),
            .init(id: 3, result: .acceptance, transferSyntax: Self.implicit.uid),
        ])
        #expect(contexts.refused.isEmpty)
        #expect(contexts.contexts(for: "1.2").map(\.id) == [1, 3])
        #expect(contexts.contexts(for: "1.2").map(\.transferSyntax) == [Self.explicit, Self.implicit])
        #expect(contexts.context(for: "1.2", transferSyntax: Self.implicit)?.id == 3)
        #expect(contexts.context(for: "1.3", transferSyntax: Self.explicit) == nil)
        #expect(contexts.context(id: 5)?.abstractSyntax == "1.3")
        #expect(contexts.context(id: 7) == nil)
        #expect(contexts.contexts(for: "1.4").isEmpty)
    }

    @Test(
        arguments: [
            (.userRejection, "rejected by the user"), (.noReason, "rejected, no reason given"),
            (.abstractSyntaxNotSupported, "abstract syntax not supported"),
            (.transferSyntaxesNotSupported, "transfer syntaxes not supported"),
            (9, "rejected, unknown reason 9"),
        ] as [(PresentationContextResult.Result, String)])
    func `a refused context keeps what was proposed and why not`(
        _ result: PresentationContextResult.Result, _ reason: String
    ) throws {
        let contexts = try negotiate([
            .init(id: 1, result: result, transferSyntax: nil),
            .init(id: 3, result: .acceptance, transferSyntax: Self.implicit.uid),
        ])
        let refusal = try #require(contexts.refusals(for: "1.2").first)
        #expect(refusal.id == 1)
        #expect(refusal.transferSyntaxes == [Self.explicit.uid, Self.implicit.uid])
        #expect(refusal.reason == reason)
        #expect(contexts.context(id: 1) == nil)
        #expect(contexts.contexts(for: "1.2").map(\.id) == [3])
    }

    @Test func `a context without an answer counts as refused`() throws {
        let contexts = try negotiate([])
        #expect(contexts.accepted.isEmpty)
        #expect(contexts.refused.map(\.id) == [1, 3, 5])
        #expect(contexts.refused.map(\.reason) == ["not answered", "not answered", "not answered"])
    }

    @Test func `the transfer syntax of a refused context means nothing`() throws {
        let contexts = try negotiate([.init(id: 1, result: .noReason, transferSyntax: "9.9")])
        #expect(contexts.accepted.isEmpty)
    }

    @Test(arguments: [7, 2, 0, 255] as [UInt8])
    func `an accepted context that was never proposed is a violation`(_ id: UInt8) {
        violates([.init(id: id, result: .acceptance, transferSyntax: Self.implicit.uid)])
    }

    @Test func `a refused context that was never proposed does no harm`() throws {
        let contexts = try negotiate([
            .init(id: 9, result: .abstractSyntaxNotSupported, transferSyntax: nil),
            .init(id: 5, result: .acceptance, transferSyntax: Self.implicit.uid),
        ])
        #expect(contexts.accepted.map(\.id) == [5])
        #expect(contexts.refused.map(\.id) == [1, 3])
    }

    @Test(arguments: ["1.2.840.10008.1.2.2", "9.9\u{1B}[2J"])
    func `an accepted transfer syntax that was never proposed is a violation`(_ syntax: String) {
        let message = violates([.init(id: 1, result: .acceptance, transferSyntax: UID(syntax))])
        #expect(message?.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
    }

    @Test func `a transfer syntax that was proposed for another context only is a violation`() {
        violates([.init(id: 3, result: .acceptance, transferSyntax: Self.explicit.uid)])
    }

    @Test func `an acceptance without a transfer syntax is a violation`() {
        violates([.init(id: 1, result: .acceptance, transferSyntax: nil)])
    }

    @Test func `two answers for one context are a violation`() {
        violates([
            .init(id: 1, result: .acceptance, transferSyntax: Self.implicit.uid),
            .init(id: 1, result: .acceptance, transferSyntax: Self.explicit.uid),
        ])
    }

    @Test func `without an answer the requestor is user only`() throws {
        let contexts = try negotiate([], roles: [.init(sopClass: "1.2", scu: true, scp: true)])
        #expect(contexts.roles(for: "1.2") == .init(scu: true, scp: false))
        #expect(contexts.roles(for: "1.3") == .standard)
    }

    @Test(
        arguments: [
            (true, true, true, true, true, true), (true, true, false, true, false, true),
            (false, true, true, true, false, true), (false, true, false, false, false, false),
            (true, false, true, true, true, false),
        ])
    func `a role holds when it was proposed and granted`(
        _ proposedSCU: Bool, _ proposedSCP: Bool, _ answeredSCU: Bool, _ answeredSCP: Bool, _ scu: Bool, _ scp: Bool
    ) throws {
        let contexts = try negotiate(
            [], roles: [.init(sopClass: "1.2", scu: proposedSCU, scp: proposedSCP)],
            answers: [.init(sopClass: "1.2", scu: answeredSCU, scp: answeredSCP)])
        #expect(contexts.roles(for: "1.2") == .init(scu: scu, scp: scp))
    }

    @Test func `a role that was never proposed is not granted`() throws {
        let contexts = try negotiate([], answers: [.init(sopClass: "1.2", scu: true, scp: true)])
        #expect(contexts.roles(for: "1.2") == .standard)
    }

    @Test func `request and accept are compared as wholes`() throws {
        let roles = [RoleSelection(sopClass: "1.2", scu: true, scp: true)]
        let title = AETitle(wire: Array("A".utf8))
        let request = AssociateRequest(
            calledAETitle: title, callingAETitle: title, presentationContexts: Self.proposed,
            userInformation: UserInformation(roleSelections: roles))
        let accept = AssociateAccept(
            answering: request,
            presentationContexts: [.init(id: 1, result: .acceptance, transferSyntax: Self.implicit.uid)],
            userInformation: UserInformation(roleSelections: roles))
        let contexts = try NegotiatedContexts(request: request, accept: accept)
        #expect(contexts.accepted.map(\.id) == [1])
        #expect(contexts.roles(for: "1.2") == .init(scu: true, scp: true))
    }

    private func negotiate(
        _ results: [PresentationContextResult], roles: [RoleSelection] = [], answers: [RoleSelection] = []
    ) throws(ProtocolError) -> NegotiatedContexts {
        let title = AETitle(wire: Array("A".utf8))
        return try NegotiatedContexts(
            proposed: Self.proposed, roleSelections: roles,
            accept: AssociateAccept(
                calledAETitle: title, callingAETitle: title, presentationContexts: results,
                userInformation: UserInformation(roleSelections: answers)))
    }

    @discardableResult
    private func violates(
        _ results: [PresentationContextResult], sourceLocation: SourceLocation = #_sourceLocation
    ) -> String? {
        do throws(ProtocolError) {
            _ = try negotiate(results)
            Issue.record("no error", sourceLocation: sourceLocation)
            return nil
        } catch {
            #expect(error.code == .unknownPresentationContext, sourceLocation: sourceLocation)
            #expect(error.section == "PS3.8 9.3.3.2", sourceLocation: sourceLocation)
            return error.message
        }
    }
}
