/// The services whose statuses this program reads: one number has different meanings in them.
package enum ServiceKind: Sendable, CaseIterable {
    case verification
    case storage
    case find
    case move
    case get
    case worklist
    case storageCommitment
}
