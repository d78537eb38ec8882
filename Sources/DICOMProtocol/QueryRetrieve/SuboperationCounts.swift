/// What a C-MOVE or C-GET response says of its C-STORE sub-operations, PS3.4 C.4.2.1.6-9. A peer may leave any out.
package struct SuboperationCounts: Equatable, Sendable {
    package var remaining: Int?
    package var completed: Int?
    package var failed: Int?
    package var warning: Int?

    package init(remaining: Int? = nil, completed: Int? = nil, failed: Int? = nil, warning: Int? = nil) {
        self.remaining = remaining
        self.completed = completed
        self.failed = failed
        self.warning = warning
    }
}
