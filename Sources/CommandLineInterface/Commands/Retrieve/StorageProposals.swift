import DICOM
import DICOMNode
import DICOMProtocol

/// The presentation contexts that a C-GET proposes for its instances, in rounds: one association each, for the
/// instances that the association before could not bring.
enum StorageProposals {
    typealias Round = [PresentationContextPlan.Need]

    /// The contexts of an association, less the one that the retrieval itself takes.
    private static let room = PresentationContextPlan.maximumContextCount - 1

    /// - Parameters:
    ///   - classes: The SOP classes of the expected instances; empty if the peer does not return them.
    ///   - offered: The transfer syntaxes that the peer names for the instances of a class, whatever they are.
    ///   - areAllOffered: True if it has named that of every instance.
    ///   - preferred: The transfer syntaxes that are proposed alone first: a server that can convert then does.
    static func rounds(
        for classes: [UID], offered: [UID: Set<UID>] = [:], areAllOffered: Bool = false,
        preferring preferred: [UID] = []
    ) -> [Round] {
        let usual = classes.isEmpty ? unknownRounds : knownRounds(classes, offered, areAllOffered)
        guard !preferred.isEmpty else { return usual }
        return packed((classes.isEmpty ? common : classes).map { PresentationContextPlan.Need($0, preferred) }) + usual
    }

    /// The classes that nearly every archive holds, native and in the syntaxes that are most frequent, each in a context of
    /// its own; then all others, native, and what has room beside them; then the syntaxes that are left for the frequent
    /// ones. By then what came shows which classes are of interest.
    private static let unknownRounds: [Round] = {
        let usualCompressed: [UID] = [
            "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
        ]
        let frequent = common.prefix(room / (usualCompressed.count + 1))
        let first = frequent.flatMap { sopClass in
            [
                PresentationContextPlan.Need(sopClass, FindSCU.transferSyntaxes),
                PresentationContextPlan.Need(sopClass, usualCompressed, separately: true),
            ]
        }
        let others = common.dropFirst(frequent.count) + UIDRegistry.storageSOPClasses.filter { !common.contains($0) }
        let natives = others.map { PresentationContextPlan.Need($0, FindSCU.transferSyntaxes) }
        let films = videoClasses.map { PresentationContextPlan.Need($0, videoSyntaxes, separately: true) }
        let odd: [UID] = ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"]
        func frequently(_ syntaxes: [UID]) -> Round {
            frequent.map { PresentationContextPlan.Need($0, syntaxes, separately: true) }
        }
        let left = usual.filter { !(FindSCU.transferSyntaxes + usualCompressed + odd).contains($0) }
        return packed(first) + packed(natives + films + frequently(odd))
            + packed(frequently(Array(left.prefix(usualCompressed.count + 1))))
            + packed(frequently(Array(left.dropFirst(usualCompressed.count + 1))))
    }()

    /// One compressed syntax after the other, alone, for servers that use the first context of a class whatever they hold
    /// (dcmqrscp): where nothing has come at all.
    static let lastResort: [Round] = usual.dropFirst(FindSCU.transferSyntaxes.count).flatMap { syntax in
        packed(common.map { PresentationContextPlan.Need($0, [syntax]) })
    }

    /// Each class in each syntax in a context of its own, so that the peer can send every instance as it is stored.
    private static func knownRounds(_ classes: [UID], _ offered: [UID: Set<UID>], _ areAllOffered: Bool) -> [Round] {
        func needs(_ syntaxes: (_ named: [UID]) -> [UID]) -> Round {
            classes.map { sopClass in
                let named = (offered[sopClass] ?? []).filter { $0.isValid && !FindSCU.transferSyntaxes.contains($0) }
                    .sorted { $0.string < $1.string }.prefix(mostNamed)
                return PresentationContextPlan.Need(sopClass, unique(syntaxes(Array(named))), separately: true)
            }
        }
        // With few classes all syntaxes have room at once; otherwise those that the peer names are enough, and without them
        // those that hardly anybody uses come last.
        let all = packed(needs { FindSCU.transferSyntaxes + $0 + usual + rare })
        if all.count == 1 { return all }
        if areAllOffered { return packed(needs { FindSCU.transferSyntaxes + $0 }) }
        return packed(needs { FindSCU.transferSyntaxes + $0 + usual })
            + packed(needs { named in rare.filter { !named.contains($0) } })
    }

    /// The most syntaxes of one class that a peer is believed to have.
    private static let mostNamed = 32

    private static func unique(_ syntaxes: [UID]) -> [UID] {
        var seen: Set<UID> = []
        return syntaxes.filter { seen.insert($0).inserted }
    }

    /// Divides needs into associations; the contexts of one stay together.
    private static func packed(_ needs: Round) -> [Round] {
        var rounds: [Round] = []
        var used = room
        for need in needs where !need.transferSyntaxes.isEmpty {
            let count = need.separately ? need.transferSyntaxes.count : 1
            if used + count > room {
                rounds.append([])
                used = 0
            }
            rounds[rounds.count - 1].append(need)
            used += count
        }
        return rounds
    }

    /// Video: endoscopic, microscopic, photographic.
    private static let videoClasses: [UID] = [
        "1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.2.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1",
    ]

    private static let videoSyntaxes: [UID] = [
        "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103",
        "1.2.840.10008.1.2.4.104", "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108",
    ]

    /// CT, MR, CR, DX (presentation, processing), MG, US, US multi-frame, SC, XA, RF, NM, PT, RT image, dose, structure
    /// set, plan, enhanced CT and MR, basic, enhanced and comprehensive SR, key object, presentation state, PDF,
    /// segmentation, multi-frame SC.
    private static let common: [UID] = [
        "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.2",
        "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.7",
        "1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.20",
        "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.481.1", "1.2.840.10008.5.1.4.1.1.481.2",
        "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22",
        "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.11.1",
        "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.7.2",
        "1.2.840.10008.5.1.4.1.1.7.4",
    ]

    private static let usual: [UID] =
        FindSCU.transferSyntaxes + [
            "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
            "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
            "1.2.840.10008.1.2.4.81", TransferSyntax.deflatedExplicitVRLittleEndian.uid,
            TransferSyntax.explicitVRBigEndian.uid, "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103",
            "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
        ]

    private static let rare = UIDRegistry.transferSyntaxes.filter { !usual.contains($0) && !UIDRegistry.isRetired($0) }
}

/// The rounds of one retrieval by C-GET: what is proposed now, and what is proposed next.
struct ProposalRounds {
    private let usual: [StorageProposals.Round]
    private var left: [StorageProposals.Round]
    /// The rounds at the end that are for nothing but an association on which nothing came.
    private var lastResorts = 0
    /// True if the server tells the SOP classes of all that may come.
    let knowsClasses: Bool
    /// True if the first round is for some of the classes alone.
    let isDivided: Bool
    private var isFirst = true

    /// - Parameter expected: what is known of the instances. A C-MOVE proposes nothing.
    init(_ expected: ExpectedInstances, _ options: RetrieveOptions) {
        let classes = expected.sopClasses
        usual =
            options.method != .get
            ? []
            : StorageProposals.rounds(
                for: classes, offered: expected.transferSyntaxes, areAllOffered: expected.tellsSyntaxes,
                preferring: options.preferredSyntaxes)
        knowsClasses = !classes.isEmpty
        left = usual
        let first = Set((usual.first ?? []).map(\.abstractSyntax))
        isDivided =
            knowsClasses && usual.count > 1 && (!options.preferredSyntaxes.isEmpty || first != Set(classes))
        if options.method == .get, !knowsClasses { appendLastResort() }
    }

    var current: StorageProposals.Round { left.first ?? [] }
    var hasMore: Bool { left.count > 1 }

    /// Goes on to the next round. Where the classes are not known, those that came by now are no longer proposed with the
    /// others: an instance that is requested as a whole with others would come a second time. What is requested by name
    /// is requested in all syntaxes of these classes first. Returns false if nothing is left to propose.
    mutating func next(seen: Set<UID>, byName: Bool) -> Bool {
        left.removeFirst()
        guard !knowsClasses else { return true }
        if !seen.isEmpty {
            left.removeLast(min(lastResorts, left.count))
            lastResorts = 0
        }
        left = left.map { $0.filter { !seen.contains($0.abstractSyntax) } }.filter { !$0.isEmpty }
        if isFirst, byName, !seen.isEmpty { left = Self.rounds(for: seen) + left }
        isFirst = false
        return !left.isEmpty
    }

    /// Begins again, for what a server may have failed for a moment.
    mutating func restart(seen: Set<UID>) {
        left = knowsClasses || seen.isEmpty ? usual : Self.rounds(for: seen)
        lastResorts = 0
        if !knowsClasses, seen.isEmpty, !usual.isEmpty { appendLastResort() }
    }

    private mutating func appendLastResort() {
        left += StorageProposals.lastResort
        lastResorts = StorageProposals.lastResort.count
    }

    private static func rounds(for seen: Set<UID>) -> [StorageProposals.Round] {
        StorageProposals.rounds(for: seen.sorted { $0.string < $1.string })
    }
}
