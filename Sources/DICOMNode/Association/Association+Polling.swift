import DICOMProtocol

/// What a service needs that works on an association for long: a look whether the peer has said something meanwhile.
extension Association {
    /// The next message if the peer has begun to send one; nil, at once, if it has not.
    ///
    /// - Throws: `interrupted` when our user wants to stop, so that long work ends there.
    package func receiveIfAny() throws(AssociationError) -> DIMSEMessage? {
        guard try waitForMessage(until: .now, wakeUp: -1) else { return nil }
        return try receive()
    }

    /// Does nothing for so many seconds, unless our user wants to stop.
    package func pause(seconds: Double) throws(AssociationError) {
        guard seconds > 0 else { return }
        try waitForWakeUp(-1, until: .after(seconds: seconds))
    }
}
