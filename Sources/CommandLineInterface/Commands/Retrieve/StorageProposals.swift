import DICOM
import DICOMNode
import DICOMProtocol

/// The presentation contexts that a C-GET proposes for its instances, in rounds: one association each, for the
/// instances that the association before could not bring.
enum StorageProposals {
    typealias Round = [PresentationContextPlan.Need]

    /// The contexts of an association, less the one that the retrieval itself takes.
    private static let room = PresentationContextPlan.maximumContextCount - 1

    /// - Parameter classes: The SOP classes of the expected instances; empty if the peer does not return them.
    /// - Parameter preferred: The transfer syntaxes that are proposed alone first: a server that can convert then does.
    static func rounds(for classes: [UID], preferring preferred: [UID] = []) -> [Round] {
        let usual = allRounds(for: classes)
        guard !preferred.isEmpty else { return usual }
        let known = classes.isEmpty ? common : classes
        return chunks(known).map { chunk in chunk.map { PresentationContextPlan.Need($0, preferred) } } + usual
    }

    private static func allRounds(for classes: [UID]) -> [Round] {
        guard classes.isEmpty else { return knownRounds(classes) }
        // All that are registered, those of nearly every archive first; each in the syntaxes that everybody takes, and
        // only for what is then still missing in one compressed syntax after the other.
        let all = common + UIDRegistry.storageSOPClasses.filter { !common.contains($0) }
        let native = chunks(all).map { chunk in chunk.map { PresentationContextPlan.Need($0, FindSCU.transferSyntaxes) }
        }
        let compressed = usual.dropFirst(FindSCU.transferSyntaxes.count).map { syntax in
            common.map { PresentationContextPlan.Need($0, [syntax]) }
        }
        return native + compressed
    }

    /// Each class in each syntax in a context of its own, so that the peer can send every instance as it is stored.
    private static func knownRounds(_ classes: [UID]) -> [Round] {
        // With few classes all syntaxes have room at once; otherwise those that hardly anybody uses come last.
        let groups = classes.count * (usual.count + rare.count) <= room ? [usual + rare] : [usual, rare]
        return groups.flatMap { syntaxes in
            // A class's contexts stay together where they can.
            let perRound = max(room / syntaxes.count, 1)
            return stride(from: 0, to: classes.count, by: perRound).map { start in
                classes[start..<min(start + perRound, classes.count)].map {
                    PresentationContextPlan.Need($0, Array(syntaxes.prefix(room)), separately: true)
                }
            }
        }
    }

    private static func chunks(_ classes: [UID]) -> [ArraySlice<UID>] {
        stride(from: 0, to: classes.count, by: room).map { classes[$0..<min($0 + room, classes.count)] }
    }

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
