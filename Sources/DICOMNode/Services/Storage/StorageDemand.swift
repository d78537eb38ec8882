/// The kinds of files met so far, most frequent first: what an association should be asked for, beside what the files at hand need,
/// so that the next files need no other one. Shared by all associations of a run.
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
