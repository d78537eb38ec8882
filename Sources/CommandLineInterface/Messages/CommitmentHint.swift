/// The remedies where storage commitment gets no answer.
package enum CommitmentHint: Sendable, Equatable {
    /// The server ended the association instead of answering the request.
    case abortedByServer(calling: String, port: UInt16?)
    /// Nothing has connected to our port.
    case neverCalledBack(calling: String, port: UInt16)
    /// Something has connected, and called us by a title that is not ours.
    case calledByOtherTitle(String, ours: String)
    /// We listen at no port, and nothing came on our own association.
    case noReceiver(calling: String)
    /// As above, and the server has ended our own association.
    case releasedWithoutReceiver(calling: String)
    /// A report came for a transaction that this run does not know.
    case otherTransaction(String?)
    /// The server calls, and has not reported on everything.
    case slow

    package var text: String {
        switch self {
        case .abortedByServer(let calling, let port):
            "servers abort like this when they do not know where to send the report: have \"\(calling)\" registered there "
                + "with this machine's address and " + (port.map { "port \($0)" } ?? "the port of --port-scp")
        case .neverCalledBack(let calling, let port):
            "nothing connected to our port \(port): is \"\(calling)\" registered at the server with this machine's address and "
                + "port \(port), and does a firewall let it in?"
        case .calledByOtherTitle(let title, let ours):
            "the server called back, but for \"\(title)\", and we are \"\(ours)\": have it registered there under the name of "
                + "--aetitle, or give --aetitle \(title)"
        case .noReceiver(let calling):
            "most servers report on an association of their own: give --port-scp PORT, and have \"\(calling)\" registered at "
                + "the server with this machine's address and that port"
        case .releasedWithoutReceiver(let calling):
            "the server ended the association, so its report can only come on a new one: give --port-scp PORT, and have "
                + "\"\(calling)\" registered at the server with this machine's address and that port"
        case .otherTransaction(let uid):
            "a report came for " + (uid.map { "transaction \($0)" } ?? "no transaction at all")
                + ", which this run did not ask for: does another program ask under the same AE title? "
                + "what an earlier run asked for is known with its --transaction FILE"
        case .slow:
            "the server may need longer: --wait SECONDS waits, --transaction FILE lets a later run take the report"
        }
    }
}
