package import DICOMProtocol

/// What happens on an association, for whoever narrates it: the log, a transcript.
package enum AssociationEvent: Sendable {
    case connected(peer: String, local: String, security: String?)
    case sent(PDU)
    case received(PDU)
    case sentMessage(CommandSet, contextID: UInt8)
    case receivedMessage(CommandSet, contextID: UInt8)
    case closed
}

/// Called on the thread that uses the association, in the order of the events.
package typealias AssociationObserver = @Sendable (AssociationEvent) -> Void
