package import DICOM

/// A DIMSE command set, PS3.7 6.3.1 and E.1: Implicit VR Little Endian whatever was negotiated, group 0000 only.
///
/// Every element is optional here, because what a peer left out is a matter for the service that reads it: often the
/// message can be served all the same.
///
///     (0000,0000) UL  Command Group Length       bytes after this element; written, never believed
///     (0000,0002) UI  Affected SOP Class UID
///     (0000,0003) UI  Requested SOP Class UID
///     (0000,0100) US  Command Field
///     (0000,0110) US  Message ID
///     (0000,0120) US  Message ID Being Responded To
///     (0000,0600) AE  Move Destination
///     (0000,0700) US  Priority                   0 medium, 1 high, 2 low
///     (0000,0800) US  Command Data Set Type      0101H none, anything else: a data set follows
///     (0000,0900) US  Status
///     (0000,0901) AT  Offending Element          1-n
///     (0000,0902) LO  Error Comment
///     (0000,0903) US  Error ID
///     (0000,1000) UI  Affected SOP Instance UID
///     (0000,1001) UI  Requested SOP Instance UID
///     (0000,1002) US  Event Type ID
///     (0000,1008) US  Action Type ID
///     (0000,1020) US  Number of Remaining Sub-operations
///     (0000,1021) US  Number of Completed Sub-operations
///     (0000,1022) US  Number of Failed Sub-operations
///     (0000,1023) US  Number of Warning Sub-operations
///     (0000,1030) AE  Move Originator Application Entity Title
///     (0000,1031) US  Move Originator Message ID
package struct CommandSet: Equatable, Sendable {
    /// The number as it came: peers send commands that `CommandField` does not know.
    package var commandField: UInt16?
    package var messageID: UInt16?
    package var messageIDBeingRespondedTo: UInt16?
    package var affectedSOPClassUID: UID?
    package var requestedSOPClassUID: UID?
    package var affectedSOPInstanceUID: UID?
    package var requestedSOPInstanceUID: UID?
    package var priority: UInt16?
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

    /// The Command Data Set Type that says that no data set follows, PS3.7 E.1.
    package static let noDataSet: UInt16 = 0x0101

    /// The value written when a data set follows. Any but `noDataSet` is allowed; this one is the most usual.
    package static let dataSetPresent: UInt16 = 0x0001

    /// Whether a data set follows. Without a Command Data Set Type there is none.
    package var hasDataSet: Bool { (commandDataSetType ?? Self.noDataSet) != Self.noDataSet }

    /// The operation, or nil if the peer named none or one that the standard does not know.
    package var command: CommandField? { commandField.flatMap(CommandField.init(rawValue:)) }

    /// How urgent the request is; medium where the peer said nothing, or nothing that the standard knows.
    package var requestedPriority: Priority { priority.flatMap(Priority.init(rawValue:)) ?? .medium }

    package var isResponse: Bool { (commandField ?? 0) & CommandField.responseBit != 0 }

    /// The SOP class the command is about, in whichever of the two elements it stands.
    package var sopClassUID: UID? { affectedSOPClassUID ?? requestedSOPClassUID }

    /// The SOP instance the command is about, in whichever of the two elements it stands.
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
