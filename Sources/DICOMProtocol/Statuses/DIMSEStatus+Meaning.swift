extension DIMSEStatus {
    /// What the status says in words, for the service it came from.
    package func meaning(for service: ServiceKind) -> String {
        "status"
    }
}
