package import DICOM

/// The presentation contexts to propose, divided among associations, PS3.8 7.1.1.13 and 9.3.2.2.
///
/// Context ids are odd numbers in one byte, so an association has room for 128; needs beyond that go to further
/// associations. The contexts of one need stay together if possible, so that all transfer syntaxes of an object are
/// on one association.
package struct PresentationContextPlan: Equatable, Sendable {
    /// One abstract syntax and its transfer syntaxes, best first.
    package struct Need: Equatable, Sendable {
        package var abstractSyntax: UID
        package var transferSyntaxes: [UID]
        /// True for one context for each transfer syntax, so that the peer accepts or refuses each syntax by itself.
        package var separately: Bool
        /// True for contexts that are proposed even if an earlier need has the same.
        package var isRepetition = false

        package init(_ abstractSyntax: UID, _ transferSyntaxes: [UID], separately: Bool = false) {
            self.abstractSyntax = abstractSyntax
            self.transferSyntaxes = transferSyntaxes
            self.separately = separately
        }
    }

    /// Odd numbers from 1 to 255, PS3.8 9.3.2.2.
    package static let maximumContextCount = 128

    /// The proposals of each association, in the order of the needs; empty without needs.
    package let associations: [[PresentationContextProposal]]

    package init(needs: [Need], maximumContextCount: Int = maximumContextCount) {
        let room = min(max(maximumContextCount, 1), Self.maximumContextCount)
        var associations: [[PresentationContextProposal]] = []
        for contexts in Self.contexts(of: needs) {
            var rest = contexts[...]
            if let count = associations.last?.count, rest.count <= room - count {
                associations[associations.count - 1] += Self.proposals(rest, after: count)
                continue
            }
            while !rest.isEmpty {
                associations.append(Self.proposals(rest.prefix(room), after: 0))
                rest = rest.dropFirst(room)
            }
        }
        self.associations = associations
    }

    private typealias Context = (abstractSyntax: UID, transferSyntaxes: [UID])

    /// The contexts of each need, without those of an earlier one unless it is a repetition.
    private static func contexts(of needs: [Need]) -> [[Context]] {
        // What was proposed for each abstract syntax that several needs have.
        var seen: [UID: Set<[UID]>] = [:]
        if needs.count > 1 {
            var once: Set<UID> = []
            for need in needs where !once.insert(need.abstractSyntax).inserted { seen[need.abstractSyntax] = [] }
        }
        // Most needs have the syntaxes of the one before.
        var last: (given: [UID], distinct: [UID]) = ([], [])
        return needs.map { need in
            if need.transferSyntaxes != last.given { last = (need.transferSyntaxes, distinct(need.transferSyntaxes)) }
            let syntaxes = last.distinct
            let groups = need.separately ? syntaxes.map { [$0] } : syntaxes.isEmpty ? [] : [syntaxes]
            return groups.filter {
                // A need whose abstract syntax no other has repeats nothing.
                seen.isEmpty || seen[need.abstractSyntax]?.insert($0).inserted ?? true || need.isRepetition
            }
            .map { (need.abstractSyntax, $0) }
        }
    }

    private static func distinct(_ syntaxes: [UID]) -> [UID] {
        var distinct: [UID] = []
        for syntax in syntaxes where !distinct.contains(syntax) { distinct.append(syntax) }
        return distinct
    }

    private static func proposals(_ contexts: ArraySlice<Context>, after count: Int) -> [PresentationContextProposal] {
        contexts.enumerated().map { offset, context in
            PresentationContextProposal(
                id: UInt8(truncatingIfNeeded: 2 * (count + offset) + 1), abstractSyntax: context.abstractSyntax,
                transferSyntaxes: context.transferSyntaxes)
        }
    }
}
