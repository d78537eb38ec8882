extension Association {
    /// How long the steps to an established association took, in seconds.
    package struct Timings: Sendable {
        package let lookup: Double
        package let connect: Double
        /// The TLS handshake; nil over plain TCP.
        package let security: Double?
        /// From A-ASSOCIATE-RQ to its answer.
        package let association: Double

        init(_ transport: TCPConnection.Timings?, isSecured: Bool, connected: Double, established: Double) {
            lookup = transport?.lookup ?? 0
            connect = transport?.connect ?? connected
            // What look-up and connect leave of the time until the connection was there.
            security = isSecured ? max(0, connected - lookup - connect) : nil
            association = established - connected
        }
    }
}
