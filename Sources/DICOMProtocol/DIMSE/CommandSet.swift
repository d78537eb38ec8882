package import DICOM

/// A DIMSE command set, PS3.7 6.3.1 and E.1: Implicit VR Little Endian whatever was negotiated, group 0000 only.
///
/// Every element is optional here, because the service that reads the message decides which ones it needs.
///
/// The elements with their numbers are in `CommandElements.swift`.
package struct CommandSet: Equatable, Sendable {
    package var commandField: CommandField?
    package var messageID: UInt16?
    package var messageIDBeingRespondedTo: UInt16?
    package var affectedSOPClassUID: UID?
    package var requestedSOPClassUID: UID?
    package var affectedSOPInstanceUID: UID?
    package var requestedSOPInstanceUID: UID?
    /// The raw value of a `Priority`, or another number that a peer sent.
    package var priority: UInt16?
    /// `noDataSet`; with any other value a data set follows.
    package var commandDataSetType: UInt16?
    package var status: DIMSEStatus?
    package var moveDestination: AETitle?
    package var moveOriginatorAETitle: AETitle?
    package var moveOriginatorMessageID: UInt16?
    package var eventTypeID: UInt16?
    package var actionTypeID: UInt16?
    package var numberOfRemainingSuboperations: UInt16?
    package var numberOfCompletedSuboperations: UInt16?
    package var numberOfFailedSuboperations: UInt16?
    package var numberOfWarningSuboperations: UInt16?
    package var offendingElements: [Tag] = []
    package var errorComment: String?
    package var errorID: UInt16?

    package init() {}

    /// The Command Data Set Type of a message without a data set, PS3.7 E.1.
    package static let noDataSet: UInt16 = 0x0101

    /// The value written when a data set follows. Any but `noDataSet` is allowed; this one is the most usual.
    package static let dataSetPresent: UInt16 = 0x0001

    /// True if a data set follows. Without a Command Data Set Type there is none.
    package var hasDataSet: Bool { (commandDataSetType ?? Self.noDataSet) != Self.noDataSet }

    /// The priority of the request; medium if it has none, or one that the standard does not define.
    package var requestedPriority: Priority { priority.flatMap(Priority.init(rawValue:)) ?? .medium }

    package var isResponse: Bool { commandField?.isResponse ?? false }

    /// The SOP class the command is about, from the affected or else the requested element.
    package var sopClassUID: UID? { affectedSOPClassUID ?? requestedSOPClassUID }

    /// The SOP instance the command is about, from the affected or else the requested element.
    package var sopInstanceUID: UID? { affectedSOPInstanceUID ?? requestedSOPInstanceUID }

    /// The sub-operation counts of a C-MOVE or C-GET response.
    package var suboperationCounts: SuboperationCounts {
        get {
            SuboperationCounts(
                remaining: numberOfRemainingSuboperations.map(Int.init),
                completed: numberOfCompletedSuboperations.map(Int.init),
                failed: numberOfFailedSuboperations.map(Int.init),
                warning: numberOfWarningSuboperations.map(Int.init))
        }
        set {
            numberOfRemainingSuboperations = newValue.remaining.map(UInt16.init(clamping:))
            numberOfCompletedSuboperations = newValue.completed.map(UInt16.init(clamping:))
            numberOfFailedSuboperations = newValue.failed.map(UInt16.init(clamping:))
            numberOfWarningSuboperations = newValue.warning.map(UInt16.init(clamping:))
        }
    }
}

/// The priority of a request, PS3.7 E.1 (0000,0700). Servers may ignore it.
package enum Priority: UInt16, Sendable, CaseIterable {
    case medium = 0
    case high = 1
    case low = 2
}

/// The numbers of C-STORE sub-operations in a C-MOVE or C-GET response, PS3.4 C.4.2.1.6-9. A peer may leave any out.
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
