/// The service classes whose statuses this program reads: the same number means different things in them.
package enum ServiceKind: Sendable, CaseIterable {
    case verification
    case storage
    case find
    case move
    case get
    case worklist
    case storageCommitment
}
