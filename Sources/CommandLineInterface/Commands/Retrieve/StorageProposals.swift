import DICOM
import DICOMNode
import DICOMProtocol

/// The presentation contexts that a C-GET proposes for its instances, in rounds: one association each, for the
/// instances that the association before could not bring.
enum StorageProposals {
    typealias Round = [PresentationContextPlan.Need]

    /// The contexts of an association, less those that the retrieval itself and the queries before it take.
    private static let room = PresentationContextPlan.maximumContextCount - 2

    /// Where a class is proposed in compressed syntaxes too, native ones come first and last: servers that use the first
    /// context of a class whatever they hold (dcmqrscp), or the last one, then send natively.
    ///
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
        let alone = (classes.isEmpty ? common : classes).map { [PresentationContextPlan.Need($0, preferred)] }
        return packed(alone) + usual
    }

    /// The classes that nearly every archive holds, native and in the syntaxes that are most frequent, each in a context of
    /// its own; then all others, native, and what has room beside them; then the syntaxes that are left for images. By then
    /// what came shows which classes are of interest.
    private static let unknownRounds: [Round] = {
        let usualCompressed: [UID] = [
            "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
        ]
        func separately(_ syntaxes: [UID], for classes: [UID]) -> [Round] {
            classes.map { [PresentationContextPlan.Need($0, syntaxes, separately: true)] }
        }
        let ofImages = images.map { sopClass in
            [
                native(sopClass), PresentationContextPlan.Need(sopClass, usualCompressed, separately: true),
                last(sopClass),
            ]
        }
        let first = ofImages + neverCompressed.map { [native($0)] }
        let others = UIDRegistry.storageSOPClasses.filter { !common.contains($0) }.map { [native($0)] }
        let films = separately(videoSyntaxes, for: videoClasses)
        let odd: [UID] = ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80"]
        let left = usual.filter { !(usualCompressed + odd).contains($0) }
        let half = left.count / 2
        return packed(first) + packed(others + films + separately(odd, for: images))
            + packed(separately(Array(left.prefix(half)), for: images))
            + packed(separately(Array(left.dropFirst(half)), for: images))
            + packed(separately(Array(costly.prefix(2)), for: common))
    }()

    /// One compressed syntax after the other, alone, for servers that use the first context of a class whatever they hold
    /// (dcmqrscp): where nothing has come at all.
    static let lastResort: [Round] = usual.flatMap { syntax in
        packed(images.map { [PresentationContextPlan.Need($0, [syntax])] })
    }

    /// Each class in each syntax in a context of its own, so that the peer can send every instance as it is stored. Costly
    /// syntaxes that the peer does not name are proposed where nothing else has brought an instance.
    private static func knownRounds(_ classes: [UID], _ offered: [UID: Set<UID>], _ areAllOffered: Bool) -> [Round] {
        func needs(_ syntaxes: (_ named: [UID]) -> [UID]) -> [Round] {
            classes.map { sopClass in
                let named = (offered[sopClass] ?? []).filter { $0.isValid && !FindSCU.transferSyntaxes.contains($0) }
                    .sorted { $0.string < $1.string }.prefix(mostNamed)
                let others = unique(syntaxes(Array(named)))
                let all = PresentationContextPlan.Need(sopClass, FindSCU.transferSyntaxes + others, separately: true)
                return others.isEmpty ? [all] : [all, last(sopClass)]
            }
        }
        // With few classes all syntaxes have room at once; otherwise those that the peer names are enough, and without them
        // those that hardly anybody uses come last.
        let all = packed(needs { $0 + usual + rare })
        if areAllOffered { return all.count == 1 ? all : packed(needs { $0 }) }
        if all.count == 1 {
            let withCostly = packed(needs { $0 + usual + rare + costly })
            return all + (withCostly.count == 1 ? withCostly : packed(needs { _ in costly }))
        }
        return packed(needs { $0 + usual }) + packed(needs { named in rare.filter { !named.contains($0) } })
            + packed(needs { named in costly.filter { !named.contains($0) } })
    }

    /// For an association that is opened before anybody knows what comes: classes that most studies have nothing but, each in every syntax
    /// that would be proposed first if they were known.
    static let beforeList: Round =
        mostFrequent.flatMap { sopClass in
            let syntaxes = (FindSCU.transferSyntaxes + usual + rare).filter { !isVideo($0) }
            return [PresentationContextPlan.Need(sopClass, syntaxes, separately: true), last(sopClass)]
        } + withoutPixels.map { PresentationContextPlan.Need($0, FindSCU.transferSyntaxes, separately: true) }

    /// True if an association with the contexts that were proposed brings all that one for a round of its own would, in the same syntaxes.
    ///
    /// - Parameter named: the syntaxes that the peer names for the instances of a class.
    static func covers(_ proposed: Round, _ round: Round, named: [UID: Set<UID>]) -> Bool {
        var syntaxes: [UID: Set<UID>] = [:]
        for need in proposed { syntaxes[need.abstractSyntax, default: []].formUnion(need.transferSyntaxes) }
        return round.allSatisfy { need in
            let sopClass = need.abstractSyntax
            guard let own = syntaxes[sopClass] else { return false }
            return need.transferSyntaxes.allSatisfy { syntax in
                if own.contains(syntax) { return true }
                guard named[sopClass]?.contains(syntax) != true else { return false }
                return (mostFrequent.contains(sopClass) && isVideo(syntax))
                    || (withoutPixels.contains(sopClass) && !FindSCU.transferSyntaxes.contains(syntax))
            }
        }
    }

    /// A round with the needs of another, as far as there is room, for classes that it is not for itself.
    static func widened(_ round: Round, by other: Round) -> Round {
        let classes = Set(round.map(\.abstractSyntax))
        let others = other.filter { !classes.contains($0.abstractSyntax) }
        var widened = round
        for sopClass in others.map(\.abstractSyntax) where !widened.contains(where: { $0.abstractSyntax == sopClass }) {
            let more = others.filter { $0.abstractSyntax == sopClass }
            if contextCount(widened) + contextCount(more) <= room { widened += more }
        }
        return widened
    }

    /// CT, MR, CR, DX for presentation, US, SC: images of one frame each.
    private static let mostFrequent: [UID] = [
        "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7",
    ]

    /// Basic, enhanced and comprehensive SR, radiation dose report, key object, presentation state, PDF, RT structure set.
    private static let withoutPixels: [UID] = [
        "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33",
        "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.11.1",
        "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.481.3",
    ]

    /// MPEG-2, MPEG-4 and HEVC.
    private static func isVideo(_ syntax: UID) -> Bool { syntax.string.hasPrefix("1.2.840.10008.1.2.4.10") }

    private static func native(_ sopClass: UID) -> PresentationContextPlan.Need {
        PresentationContextPlan.Need(sopClass, FindSCU.transferSyntaxes)
    }

    /// The native syntaxes once more, behind all others of the class.
    private static func last(_ sopClass: UID) -> PresentationContextPlan.Need {
        var need = native(sopClass)
        need.isRepetition = true
        return need
    }

    /// The most syntaxes of one class that a peer is believed to have.
    private static let mostNamed = 32

    private static func unique(_ syntaxes: [UID]) -> [UID] {
        var seen: Set<UID> = []
        return syntaxes.filter { seen.insert($0).inserted }
    }

    /// Divides needs into associations; those of one class stay together.
    private static func packed(_ classes: [Round]) -> [Round] {
        var rounds: [Round] = []
        var used = room
        for needs in classes where !needs.isEmpty {
            let count = contextCount(needs)
            if used + count > room {
                rounds.append([])
                used = 0
            }
            rounds[rounds.count - 1] += needs
            used += count
        }
        return rounds
    }

    private static func contextCount(_ needs: Round) -> Int {
        needs.reduce(0) { $0 + ($1.separately ? $1.transferSyntaxes.count : 1) }
    }

    /// Video: endoscopic, microscopic, photographic.
    private static let videoClasses: [UID] = [
        "1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.2.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1",
    ]

    private static let videoSyntaxes: [UID] = [
        "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103",
        "1.2.840.10008.1.2.4.104", "1.2.840.10008.1.2.4.106", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108",
    ]

    /// The classes that nearly every archive holds.
    private static let common = images + neverCompressed

    /// CT, MR, CR, DX (presentation, processing), MG, US, US multi-frame, SC, XA, RF, NM, PT, RT image, enhanced CT and MR,
    /// multi-frame SC (grayscale, true colour).
    private static let images: [UID] = [
        "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.2",
        "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.7",
        "1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.20",
        "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.481.1", "1.2.840.10008.5.1.4.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.7.4",
    ]

    /// RT dose, structure set and plan, basic, enhanced and comprehensive SR, key object, presentation state, PDF,
    /// segmentation: without pixels, or with such as are hardly ever compressed.
    private static let neverCompressed: [UID] = [
        "1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.481.5",
        "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33",
        "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.104.1",
        "1.2.840.10008.5.1.4.1.1.66.4",
    ]

    /// Compressed syntaxes, the most frequent first.
    private static let usual: [UID] = [
        "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
        "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103", "1.2.840.10008.1.2.4.100",
        "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
    ]

    /// Syntaxes that a server should only use where it has nothing else: deflated, in the other byte order, and JPIP, whose
    /// data sets hold a reference in the place of the pixels.
    static let costly: [UID] = [
        TransferSyntax.deflatedExplicitVRLittleEndian.uid, TransferSyntax.explicitVRBigEndian.uid,
        "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205",
    ]

    /// SMPTE ST 2110 is for video as it is made (PS3.22), and for no file.
    private static let rare: [UID] = {
        let others = FindSCU.transferSyntaxes + usual + costly
        return UIDRegistry.transferSyntaxesInForce.filter {
            !others.contains($0) && !$0.string.hasPrefix("1.2.840.10008.1.2.7.")
        }
    }()
}

/// The rounds of one retrieval by C-GET: what is proposed now, and what is proposed next.
struct ProposalRounds {
    private let usual: [StorageProposals.Round]
    /// What is proposed once all was: the last of the rounds where it has all that the first one has.
    private let again: [StorageProposals.Round]
    private var left: [StorageProposals.Round]
    /// The rounds at the beginning that are for classes that were seen.
    private var ofSeen = 0
    /// The rounds at the end that are for nothing but an association on which nothing came.
    private var lastResorts = 0
    /// True if the server tells the SOP classes of all that may come.
    let knowsClasses: Bool
    /// True if the first round is for some of the classes alone.
    let isDivided: Bool
    /// True if contexts for other classes may be proposed with the first round: each class is in it once, in all that is usual.
    let mayBeWidened: Bool
    private var isFirst = true

    /// - Parameters:
    ///   - expected: what is known of the instances.
    ///   - proposes: False where instances come without presentation contexts of ours: by C-MOVE, and over HTTP.
    init(_ expected: ExpectedInstances, _ options: RetrieveOptions, proposes: Bool) {
        let classes = expected.sopClasses
        let usual =
            !proposes
            ? []
            : StorageProposals.rounds(
                for: classes, offered: expected.transferSyntaxes, areAllOffered: expected.tellsSyntaxes,
                preferring: options.preferredSyntaxes)
        self.usual = usual
        knowsClasses = !classes.isEmpty
        left = usual
        again = usual.last.map { Self.has($0, allOf: usual[0]) ? [$0] : usual } ?? []
        let first = Set((usual.first ?? []).map(\.abstractSyntax))
        isDivided =
            knowsClasses && usual.count > 1 && (!options.preferredSyntaxes.isEmpty || first != Set(classes))
        mayBeWidened = !proposes || (knowsClasses && !isDivided && options.preferredSyntaxes.isEmpty)
        if proposes, !knowsClasses { appendLastResort() }
    }

    var current: StorageProposals.Round { left.first ?? [] }
    var hasMore: Bool { left.count > 1 }
    /// Rounds that are left, the current one among them.
    var count: Int { left.count }

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
        ofSeen = max(0, ofSeen - 1)
        let others = left.dropFirst(ofSeen).map { $0.filter { !seen.contains($0.abstractSyntax) } }
        left = left.prefix(ofSeen) + others.filter { !$0.isEmpty }
        if isFirst, byName, !seen.isEmpty {
            let rounds = Self.rounds(for: seen)
            ofSeen = rounds.count
            left = rounds + left
        }
        isFirst = false
        return !left.isEmpty
    }

    /// Begins again, for what a server may have failed for a moment.
    mutating func restart(seen: Set<UID>) {
        left = knowsClasses ? again : seen.isEmpty ? usual : Self.rounds(for: seen)
        (ofSeen, lastResorts) = (0, 0)
        if !knowsClasses, seen.isEmpty, !usual.isEmpty { appendLastResort() }
    }

    private mutating func appendLastResort() {
        left += StorageProposals.lastResort
        lastResorts = StorageProposals.lastResort.count
    }

    private static func has(_ round: StorageProposals.Round, allOf other: StorageProposals.Round) -> Bool {
        var syntaxes: [UID: Set<UID>] = [:]
        for need in round { syntaxes[need.abstractSyntax, default: []].formUnion(need.transferSyntaxes) }
        return other.allSatisfy { syntaxes[$0.abstractSyntax]?.isSuperset(of: $0.transferSyntaxes) == true }
    }

    private static func rounds(for seen: Set<UID>) -> [StorageProposals.Round] {
        StorageProposals.rounds(for: seen.sorted { $0.string < $1.string })
    }
}
