package import DICOM
package import DICOMProtocol

/// An event on an association, for its observer: the log, a transcript.
package enum AssociationEvent: Sendable {
    case connecting(Endpoint)
    case connected(peer: String, local: String, security: String?)
    case sent(PDU)
    case received(PDU)
    case sentMessage(CommandSet, contextID: UInt8)
    case receivedMessage(CommandSet, contextID: UInt8)
    /// A data set of a message that is held in memory: an identifier, a report. Instances go past.
    case sentDataSet([UInt8], TransferSyntax)
    case receivedDataSet([UInt8], TransferSyntax)
    /// The beginning of the data set of an instance, ``maximumBeginning`` bytes of it at most.
    case sentInstance([UInt8], TransferSyntax)
    case receivedInstance([UInt8], TransferSyntax)
    case sentData(PresentationDataSummary)
    case receivedData(PresentationDataSummary)
    /// The state machine has handled an event.
    case changed(UpperLayerStateMachine.Transition)
    case closed

    /// Of an instance's data set, in bytes: what stands before the pixels is seldom more.
    static let maximumBeginning = 64 * 1024
}

/// A presentation data value, or the part of one that has arrived, without its bytes.
package struct PresentationDataSummary: Sendable, Equatable {
    package let contextID: UInt8
    package let isCommand: Bool
    package let isLast: Bool
    /// Of the payload, in bytes.
    package let length: Int

    init(contextID: UInt8, isCommand: Bool, isLast: Bool, length: Int) {
        self.contextID = contextID
        self.isCommand = isCommand
        self.isLast = isLast
        self.length = length
    }

    init(_ fragment: PDUFramer.Fragment) {
        self.init(
            contextID: fragment.contextID, isCommand: fragment.isCommand, isLast: fragment.isLast && fragment.endsPDV,
            length: fragment.range.count)
    }
}

/// Observes one association: called on the thread that uses it, in the order of the events.
package typealias AssociationObserver = @Sendable (AssociationEvent) -> Void

/// Makes the observer of a further association; nil if nobody observes it.
package typealias AssociationObservation = @Sendable () -> AssociationObserver?
