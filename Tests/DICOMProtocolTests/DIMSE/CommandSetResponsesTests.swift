import DICOM
import DICOMProtocol
import Testing

struct CommandSetResponsesTests {
    @Test func `a request that is not served gets a failure with its own number`() throws {
        for field in CommandField.meanings.map(\.key) {
            var request = CommandSet()
            request.commandField = field
            request.messageID = 3
            request.requestedSOPClassUID = "1.2"
            request.requestedSOPInstanceUID = "1.2.3"
            let response = CommandSet.failureResponse(to: request, status: .unrecognizedOperation)
            guard let expected = field.response else {
                #expect(response == nil)
                continue
            }
            #expect(response?.commandField == expected)
            #expect(response?.messageIDBeingRespondedTo == 3)
            #expect(response?.messageID == nil)
            #expect(response?.affectedSOPClassUID == "1.2")
            #expect(response?.affectedSOPInstanceUID == "1.2.3")
            #expect(response?.status == 0x0211)
            #expect(response?.hasDataSet == false)
        }
    }

    @Test func `a request that the standard does not know is answered all the same`() {
        var request = CommandSet()
        request.commandField = 0x0077
        request.messageID = 1
        #expect(CommandSet.failureResponse(to: request, status: .unrecognizedOperation)?.commandField == 0x8077)
    }

    @Test func `a command set without a command field is not answered`() {
        #expect(CommandSet.failureResponse(to: CommandSet(), status: .processingFailure) == nil)
    }

    @Test func `an error comment is cut to 64 characters of the default repertoire`() {
        let comment = "Müller\\\n" + String(repeating: "x", count: 80)
        let response = CommandSet.failureResponse(
            to: .echoRequest(messageID: 1), status: .processingFailure, comment: comment)
        #expect(response?.errorComment == "M?ller??" + String(repeating: "x", count: 56))
    }

    @Test func `a pending answer has an identifier and a final one has none`() {
        let request = CommandSet.findRequest(messageID: 1, sopClass: InformationModel.modalityWorklist.findSOPClass)
        #expect(CommandSet.findResponse(to: request, status: .pending, hasIdentifier: true).hasDataSet)
        #expect(!CommandSet.findResponse(to: request, status: .success, hasIdentifier: false).hasDataSet)
    }

    @Test func `every response has the number of its request with the highest bit set`() {
        for field in CommandField.meanings.map(\.key) where !field.isResponse && field != .cCancelRQ {
            #expect(field.response?.rawValue == field.rawValue + 0x8000)
            #expect(field.response?.description == String(field.description.dropLast(2)) + "RSP")
        }
        #expect(CommandField.cCancelRQ.response == nil)
    }

    @Test func `the counts of sub-operations pass through a command set, absent ones too`() {
        var command = CommandSet()
        #expect(command.suboperationCounts == SuboperationCounts())
        let counts = SuboperationCounts(remaining: 0, completed: 12, failed: nil, warning: 65535)
        command.suboperationCounts = counts
        #expect(command.suboperationCounts == counts)
        #expect(command.numberOfFailedSuboperations == nil)
    }

    @Test func `counts beyond 16 bits are sent as the greatest`() {
        var command = CommandSet()
        command.suboperationCounts = SuboperationCounts(completed: 100_000)
        #expect(command.numberOfCompletedSuboperations == 65535)
    }
}
