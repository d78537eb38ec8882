import DICOM
package import DICOMProtocol
import System

/// The presentation context that a kind of file needs: its SOP class in its transfer syntax.
struct StorageContextNeed: Hashable, Sendable {
    let sopClassUID: UID
    let transferSyntax: TransferSyntax

    init(_ file: InstanceFile) {
        sopClassUID = file.sopClassUID
        transferSyntax = file.transferSyntax
    }

    /// The syntaxes that an uncompressed data set can be rewritten in without loss, the best first.
    static let rewritable: [TransferSyntax] = [
        .explicitVRLittleEndian, .implicitVRLittleEndian, .explicitVRBigEndian, .deflatedExplicitVRLittleEndian,
    ]

    /// The proposals of one association for as many of the needs as it has room for, from the first on.
    ///
    /// Each syntax gets a context of its own, because a peer chooses one syntax of a context: together with others, the
    /// file's own might lose. Where a data set could be rewritten, the two Little Endian syntaxes are proposed beside
    /// it; the implicit one is the default that every peer has to take (PS3.5 10.1).
    static func plan(
        _ needs: [StorageContextNeed], rewrites: Bool
    ) -> (proposals: [PresentationContextProposal], covered: [StorageContextNeed]) {
        var covered: [StorageContextNeed] = []
        var wanted: [PresentationContextPlan.Need] = []
        var contexts: Set<StorageContextNeed> = []
        for need in needs {
            let additional = need.contexts(rewrites: rewrites).filter { !contexts.contains($0) }
            guard contexts.count + additional.count <= PresentationContextPlan.maximumContextCount else { continue }
            for context in additional {
                contexts.insert(context)
                wanted.append(PresentationContextPlan.Need(context.sopClassUID, [context.transferSyntax.uid]))
            }
            covered.append(need)
        }
        wanted += defaults(for: covered, room: PresentationContextPlan.maximumContextCount - contexts.count)
        return (PresentationContextPlan(needs: wanted).associations.first ?? [], covered)
    }

    /// What every peer has to take, for the classes of compressed files (PS3.5 10.1): a peer that refuses a compressed syntax
    /// says by it what it takes instead.
    private static func defaults(
        for needs: [StorageContextNeed], room: Int
    ) -> [PresentationContextPlan.Need] {
        let compressed = Set(needs.filter { !$0.transferSyntax.isUncompressed }.map(\.sopClassUID))
        let native = Set(needs.filter(\.transferSyntax.isUncompressed).map(\.sopClassUID))
        let syntaxes = [TransferSyntax.explicitVRLittleEndian, .implicitVRLittleEndian].map(\.uid)
        return compressed.subtracting(native).sorted { $0.string < $1.string }.prefix(room).map {
            PresentationContextPlan.Need($0, syntaxes)
        }
    }

    private func contexts(rewrites: Bool) -> [StorageContextNeed] {
        guard rewrites, transferSyntax.isUncompressed else { return [self] }
        let fallbacks: [TransferSyntax] = [.explicitVRLittleEndian, .implicitVRLittleEndian]
        return [self]
            + fallbacks.filter { $0 != transferSyntax }.map {
                StorageContextNeed(sopClassUID: sopClassUID, transferSyntax: $0)
            }
    }

    private init(sopClassUID: UID, transferSyntax: TransferSyntax) {
        self.sopClassUID = sopClassUID
        self.transferSyntax = transferSyntax
    }
}

/// The kinds of files met so far, most frequent first: what an association should be asked for, beside what the files
/// at hand need, so that the next files need no other one. Shared by all associations of a run.
package final class StorageDemand: Sendable {
    private let counts = Locked<[StorageContextNeed: Int]>([:])

    package init() {}

    package func note(_ file: InstanceFile) {
        counts.withLock { $0[StorageContextNeed(file), default: 0] += 1 }
    }

    var needs: [StorageContextNeed] {
        let counts = counts.withLock { $0 }
        return counts.sorted {
            $0.value != $1.value
                ? $0.value > $1.value
                : ($0.key.sopClassUID.string, $0.key.transferSyntax.uid.string)
                    < ($1.key.sopClassUID.string, $1.key.transferSyntax.uid.string)
        }.map(\.key)
    }
}

extension InstanceFile {
    /// The context to send the instance in: one of its own syntax, else one that it can be rewritten in with the least
    /// loss.
    package func context(among accepted: [NegotiatedContexts.Accepted]) -> NegotiatedContexts.Accepted? {
        if let same = accepted.first(where: { $0.transferSyntax == transferSyntax }) { return same }
        guard transferSyntax.isUncompressed else { return nil }
        // What is explicit stays so where it can: Implicit VR does not tell the representations of private elements.
        let syntaxes = StorageContextNeed.rewritable
        let preferred =
            transferSyntax.isExplicitVR
            ? syntaxes.filter(\.isExplicitVR) + syntaxes.filter { !$0.isExplicitVR } : syntaxes
        return preferred.lazy.compactMap { syntax in accepted.first { $0.transferSyntax == syntax } }.first
    }
}
