/// How urgent a request is, PS3.7 E.1 (0000,0700). Servers are free to ignore it.
package enum Priority: UInt16, Sendable, CaseIterable {
    case medium = 0
    case high = 1
    case low = 2
}
