package import DICOM

/// The result of the negotiation of contexts and roles, PS3.8 7.1.1.14 and PS3.7 D.3.3.4.
package struct NegotiatedContexts: Sendable {
    /// An accepted context.
    package struct Accepted: Hashable, Sendable {
        package let id: UInt8
        package let abstractSyntax: UID
        package let transferSyntax: TransferSyntax
    }

    /// A refused context, as it was proposed.
    package struct Refused: Hashable, Sendable {
        package let id: UInt8
        package let abstractSyntax: UID
        package let transferSyntaxes: [UID]
        /// The reason in words.
        package let reason: String
    }

    /// The roles of the association's requestor for a SOP class; the acceptor has the other of each.
    package struct Roles: Hashable, Sendable {
        package let scu: Bool
        package let scp: Bool

        /// The roles without negotiation: the requestor is SCU only, PS3.7 D.3.3.4.
        package static let standard = Roles(scu: true, scp: false)

        package init(scu: Bool, scp: Bool) {
            self.scu = scu
            self.scp = scp
        }
    }

    /// Accepted contexts in the order of the proposal.
    package let accepted: [Accepted]
    /// Refused contexts in the order of the proposal.
    package let refused: [Refused]
    /// Nil where none were granted, as in most associations.
    private let roles: RoleTable?

    /// Compares the accept with the request. A context without a result is refused.
    ///
    /// - Throws: `ProtocolError` if a context or transfer syntax was accepted that was not proposed, or a context
    ///   twice.
    package init(request: AssociateRequest, accept: AssociateAccept) throws(ProtocolError) {
        try self.init(
            proposed: request.presentationContexts, roleSelections: request.userInformation.roleSelections,
            accept: accept)
    }

    /// As `init(request:accept:)`, with the parts of the request that are needed.
    ///
    /// - Throws: `ProtocolError` as `init(request:accept:)`.
    package init(
        proposed: [PresentationContextProposal], roleSelections: [RoleSelection] = [], accept: AssociateAccept
    ) throws(ProtocolError) {
        var answered = OctetSet()
        for result in accept.presentationContexts {
            if result.result == .acceptance, !proposed.contains(where: { $0.id == result.id }) {
                throw .negotiation("presentation context \(result.id) was accepted, but never proposed")
            }
            guard answered.insert(result.id) else {
                throw .negotiation("presentation context \(result.id) was answered twice")
            }
        }
        var accepted: [Accepted] = []
        var refused: [Refused] = []
        for proposal in proposed {
            let result = accept.presentationContexts.first { $0.id == proposal.id }
            if let result, result.result == .acceptance {
                accepted.append(try Self.accepted(proposal, result))
            } else {
                refused.append(Self.refused(proposal, result))
            }
        }
        self.accepted = accepted
        self.refused = refused
        roles = Self.roles(proposed: roleSelections, answered: accept.userInformation.roleSelections)
    }

    /// The contexts accepted for an abstract syntax, in the order of the proposal.
    package func contexts(for abstractSyntax: UID) -> [Accepted] {
        accepted.filter { $0.abstractSyntax == abstractSyntax }
    }

    /// The context accepted for an abstract syntax in one transfer syntax.
    package func context(for abstractSyntax: UID, transferSyntax: TransferSyntax) -> Accepted? {
        accepted.first { $0.abstractSyntax == abstractSyntax && $0.transferSyntax == transferSyntax }
    }

    /// The accepted context of an id; nil for one that was refused or never proposed.
    package func context(id: UInt8) -> Accepted? {
        index(ofID: id).map { accepted[$0] }
    }

    /// True if the context of an id was accepted.
    package func accepts(id: UInt8) -> Bool { index(ofID: id) != nil }

    /// Elements that are passed to a closure would be copied.
    private func index(ofID id: UInt8) -> Int? {
        for index in accepted.indices where accepted[index].id == id { return index }
        return nil
    }

    /// The contexts refused for an abstract syntax.
    package func refusals(for abstractSyntax: UID) -> [Refused] {
        refused.filter { $0.abstractSyntax == abstractSyntax }
    }

    /// The requestor's roles for a SOP class: those that were proposed and granted, or the standard ones.
    package func roles(for sopClass: UID) -> Roles {
        roles?.bySOPClass[sopClass] ?? .standard
    }

    private static func accepted(
        _ proposal: PresentationContextProposal, _ result: PresentationContextResult
    ) throws(ProtocolError) -> Accepted {
        guard let syntax = result.transferSyntax else {
            throw .negotiation("presentation context \(proposal.id) was accepted without a transfer syntax")
        }
        guard proposal.transferSyntaxes.contains(syntax) else {
            throw .negotiation(
                "presentation context \(proposal.id) was accepted with \(WireText.printableASCII(syntax.string)), "
                    + "which was never proposed for it")
        }
        return Accepted(
            id: proposal.id, abstractSyntax: proposal.abstractSyntax, transferSyntax: TransferSyntax(syntax))
    }

    private static func refused(
        _ proposal: PresentationContextProposal, _ result: PresentationContextResult?
    ) -> Refused {
        Refused(
            id: proposal.id, abstractSyntax: proposal.abstractSyntax, transferSyntaxes: proposal.transferSyntaxes,
            reason: result?.result.description ?? "not answered")
    }

    private static func roles(proposed: [RoleSelection], answered: [RoleSelection]) -> RoleTable? {
        guard !proposed.isEmpty, !answered.isEmpty else { return nil }
        var roles: [UID: Roles] = [:]
        for proposal in proposed {
            guard let answer = answered.first(where: { $0.sopClass == proposal.sopClass }) else { continue }
            roles[proposal.sopClass] = Roles(scu: proposal.scu && answer.scu, scp: proposal.scp && answer.scp)
        }
        return RoleTable(bySOPClass: roles)
    }

    /// Holds the dictionary: its type is made at its first use, by a search through all conformances, which an
    /// association without roles does not pay.
    private final class RoleTable: Sendable {
        let bySOPClass: [UID: Roles]

        init(bySOPClass: [UID: Roles]) { self.bySOPClass = bySOPClass }
    }
}
