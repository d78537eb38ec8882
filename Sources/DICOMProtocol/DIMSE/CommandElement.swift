/// The element numbers of group 0000, PS3.7 E.1, ascending.
enum CommandElement {
    static let groupLength: UInt16 = 0x0000
    static let affectedSOPClassUID: UInt16 = 0x0002
    static let requestedSOPClassUID: UInt16 = 0x0003
    static let commandField: UInt16 = 0x0100
    static let messageID: UInt16 = 0x0110
    static let messageIDBeingRespondedTo: UInt16 = 0x0120
    static let moveDestination: UInt16 = 0x0600
    static let priority: UInt16 = 0x0700
    static let commandDataSetType: UInt16 = 0x0800
    static let status: UInt16 = 0x0900
    static let offendingElement: UInt16 = 0x0901
    static let errorComment: UInt16 = 0x0902
    static let errorID: UInt16 = 0x0903
    static let affectedSOPInstanceUID: UInt16 = 0x1000
    static let requestedSOPInstanceUID: UInt16 = 0x1001
    static let eventTypeID: UInt16 = 0x1002
    static let actionTypeID: UInt16 = 0x1008
    static let numberOfRemainingSuboperations: UInt16 = 0x1020
    static let numberOfCompletedSuboperations: UInt16 = 0x1021
    static let numberOfFailedSuboperations: UInt16 = 0x1022
    static let numberOfWarningSuboperations: UInt16 = 0x1023
    static let moveOriginatorAETitle: UInt16 = 0x1030
    static let moveOriginatorMessageID: UInt16 = 0x1031
}
