import DICOM
import DICOMProtocol
import Testing

/// Requests and accepts as peers send them: items in other orders, missing, repeated, unknown, padded.
struct AssociateItemsTests {
    static let fixedFields = annotatedHex(
        """
        00 01 00 00
        'ARCHIVE         '
        'DCMSCU          '
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
        """)

    private func request(_ items: String) throws -> AssociateRequest {
        let pdu = try PDU.decode(type: 1, body: (Self.fixedFields + annotatedHex(items))[...])
        guard case .associateRequest(let request) = pdu else { throw Unexpected() }
        return request
    }

    private func accept(_ items: String) throws -> AssociateAccept {
        let pdu = try PDU.decode(type: 2, body: (Self.fixedFields + annotatedHex(items))[...])
        guard case .associateAccept(let accept) = pdu else { throw Unexpected() }
        return accept
    }

    struct Unexpected: Error {}

    private func code(_ items: String) -> ProtocolError.Code? {
        #expect(throws: ProtocolError.self) { try request(items) }?.code
    }

    @Test func `only bit 0 of the protocol version counts`() throws {
        for (version, isSupported) in [(0x0001, true), (0xFFFF, true), (0x8001, true), (0x0002, false), (0, false)] {
            var bytes = Self.fixedFields
            bytes[0] = UInt8(version >> 8)
            bytes[1] = UInt8(version & 0xFF)
            guard case .associateRequest(let request) = try PDU.decode(type: 1, body: bytes[...]) else {
                throw Unexpected()
            }
            #expect(request.supportsProtocolVersion == isSupported)
        }
    }

    @Test func `a request without any item is read, for the acceptor to reject`() throws {
        let request = try request("")
        #expect(request.applicationContext == "")
        #expect(request.presentationContexts == [])
        #expect(request.userInformation == UserInformation())
        #expect(request.calledAETitle.string == "ARCHIVE")
        #expect(request.callingAETitle.string == "DCMSCU")
    }

    @Test func `items may come in any order, and unknown ones are passed over`() throws {
        let request = try request(
            """
            99 00 00 02 FF FF
            50 00 00 08 51 00 00 04 00 00 00 00
            20 00 00 15
              01 FF FF FF             ; reserved bytes of any value
              40 00 00 03 '1.2'       ; transfer syntax before the abstract syntax
              7F 00 00 00             ; unknown
              30 00 00 02 '1.'
            10 00 00 03 '1.3'
            """)
        #expect(request.applicationContext == "1.3")
        #expect(request.userInformation.maximumLength == 0)
        #expect(
            request.presentationContexts
                == [PresentationContextProposal(id: 1, abstractSyntax: "1.", transferSyntaxes: ["1.2"])])
    }

    @Test func `UIDs may be padded to even length`() throws {
        let request = try request(
            """
            10 00 00 04 '1.3' 00
            20 00 00 16 01 00 00 00 30 00 00 06 '1.2.3' 00 40 00 00 04 '1.2 '
            """)
        #expect(request.applicationContext == "1.3")
        #expect(
            request.presentationContexts
                == [PresentationContextProposal(id: 1, abstractSyntax: "1.2.3", transferSyntaxes: ["1.2"])])
    }

    @Test func `a context without syntaxes is read, for the acceptor to refuse`() throws {
        let contexts = try request("20 00 00 04 01 00 00 00").presentationContexts
        #expect(contexts == [PresentationContextProposal(id: 1, abstractSyntax: "", transferSyntaxes: [])])
    }

    @Test(
        arguments: [
            "10 00 00 01 31 10 00 00 01 31",  // two application contexts
            "50 00 00 00 50 00 00 00",  // two user information items
            "20 00 00 04 01 00 00 00 20 00 00 04 01 00 00 00",  // one ID twice
            "20 00 00 0E 01 00 00 00 30 00 00 01 31 30 00 00 01 32",  // two abstract syntaxes
            "50 00 00 10 51 00 00 04 00 00 00 00 51 00 00 04 00 00 00 01",
            "50 00 00 0A 52 00 00 01 31 52 00 00 01 31",
            "50 00 00 0A 55 00 00 01 41 55 00 00 01 41",
            "50 00 00 10 53 00 00 04 00 00 00 00 53 00 00 04 00 00 00 01",
            "50 00 00 14 58 00 00 06 01 00 00 00 00 00 58 00 00 06 01 00 00 00 00 00",
            "50 00 00 0C 59 00 00 02 00 00 59 00 00 02 00 00",
        ])
    func `what may stand once only is an error twice`(_ items: String) {
        #expect(code(items) == .repeatedItem)
    }

    @Test(
        arguments: [
            "10", "10 00", "10 00 00",  // cut within the header
            "10 00 00 01", "10 00 FF FF 31",  // beyond the PDU
            "20 00 00 03 01 00 00",  // cut within the fixed fields
            "20 00 00 08 01 00 00 00 30 00 00 01 31",  // beyond its item, though not beyond the PDU
            "50 00 00 07 51 00 00 04 00 00 00",  // beyond its item
            "50 00 00 07 51 00 00 03 00 00 00",  // too short for its field
            "50 00 00 07 53 00 00 03 00 00 00",
            "50 00 00 07 54 00 00 03 00 01 31",  // no roles
            "50 00 00 08 54 00 00 04 00 01 31 01",  // one role
            "50 00 00 06 54 00 00 02 FF FF",  // UID beyond its item
            "50 00 00 06 56 00 00 02 00 01",
            "50 00 00 08 57 00 00 04 00 00 00 01",
            "50 00 00 0C 57 00 00 08 00 00 00 00 00 02 00 01",  // related class beyond its list
            "50 00 00 06 58 00 00 02 01 00",  // no primary field
            "50 00 00 09 58 00 00 05 01 00 00 02 41",
            "50 00 00 06 59 00 00 02 00 01",
        ])
    func `lengths that do not hold are errors`(_ items: String) {
        let code = code(items)
        #expect(code == .truncated || code == .lengthBeyondEnd)
    }

    @Test func `a rejected context needs no transfer syntax`() throws {
        let results = try accept(
            """
            21 00 00 04 01 00 03 00                       ; none
            21 00 00 08 03 FF 04 FF 40 00 00 00           ; empty
            21 00 00 06 05 00 01 00 40 00                 ; cut
            21 00 00 0B 07 00 02 00 40 00 00 03 '1.2'     ; one, without meaning
            21 00 00 04 09 00 63 00                       ; unknown result
            21 00 00 0B 0B 00 00 00 40 00 00 03 '1.2'     ; accepted
            21 00 00 04 0D 00 00 00                       ; accepted, but with nothing
            """
        ).presentationContexts
        #expect(
            results == [
                PresentationContextResult(id: 1, result: .abstractSyntaxNotSupported, transferSyntax: nil),
                PresentationContextResult(id: 3, result: .transferSyntaxesNotSupported, transferSyntax: nil),
                PresentationContextResult(id: 5, result: .userRejection, transferSyntax: nil),
                PresentationContextResult(id: 7, result: .noReason, transferSyntax: "1.2"),
                PresentationContextResult(id: 9, result: 0x63, transferSyntax: nil),
                PresentationContextResult(id: 11, result: .acceptance, transferSyntax: "1.2"),
                PresentationContextResult(id: 13, result: .acceptance, transferSyntax: nil),
            ])
    }

    @Test func `an accepted context with two transfer syntaxes is an error`() {
        let error = #expect(throws: ProtocolError.self) {
            try accept("21 00 00 0E 01 00 00 00 40 00 00 01 31 40 00 00 01 32")
        }
        #expect(error?.code == .repeatedItem)
    }

    @Test(arguments: 0...255 as ClosedRange<UInt8>)
    func `a result keeps its number`(_ value: UInt8) {
        #expect(PresentationContextResult.Result(rawValue: value).rawValue == value)
        #expect(UserIdentityRequest.IdentityType(rawValue: value).rawValue == value)
    }

    @Test func `255 contexts are accepted, more are not`() throws {
        let items = (0...255).map { [0x20, 0, 0, 4, UInt8($0), 0, 0, 0] as [UInt8] }
        let accepted = Self.fixedFields + items.dropFirst().joined()
        guard case .associateRequest(let request) = try PDU.decode(type: 1, body: accepted[...]) else {
            throw Unexpected()
        }
        #expect(request.presentationContexts.count == 255)
        let tooMany = Self.fixedFields + items.joined()
        let error = #expect(throws: ProtocolError.self) { try PDU.decode(type: 1, body: tooMany[...]) }
        #expect(error?.code == .tooManyItems)
    }

    @Test func `contexts beyond the 128 ids that repeat an id are left out and counted`() throws {
        let ids = (0..<128).map { UInt8(2 * $0 + 1) } + [1, 3, 3]
        let items = ids.map { [0x20, 0, 0, 4, $0, 0, 0, 0] as [UInt8] }
        guard
            case .associateRequest(let request) = try PDU.decode(
                type: 1, body: (Self.fixedFields + items.joined())[...])
        else { throw Unexpected() }
        #expect(request.presentationContexts.count == 128)
        #expect(request.surplusContextCount == 3)
    }

    @Test func `transfer syntaxes, items and user information items have an end`() {
        let syntaxes = [UInt8]([1, 0, 0, 0]) + [[UInt8]](repeating: [0x40, 0, 0, 0], count: 257).joined()
        let context = [0x20, 0, UInt8(syntaxes.count >> 8), UInt8(syntaxes.count & 0xFF)] + syntaxes
        let unknown = Array([[UInt8]](repeating: [0x99, 0, 0, 0], count: 1025).joined())
        let user = [0x50, 0, UInt8(unknown.count >> 8), UInt8(unknown.count & 0xFF)] + unknown
        for items in [context, unknown, user] {
            let error = #expect(throws: ProtocolError.self) {
                try PDU.decode(type: 1, body: (Self.fixedFields + items)[...])
            }
            #expect(error?.code == .tooManyItems)
        }
    }

    @Test func `a version name is trimmed, shortened and shown harmless`() throws {
        let name = try request("50 00 00 0A 55 00 00 06 'V1' 1B 07 ' ' 00").userInformation.implementationVersionName
        #expect(name == "V1??")
        let long = [0x50, 0, 0, 204, 0x55, 0, 0, 200] + [UInt8](repeating: 0x41, count: 200)
        guard case .associateRequest(let request) = try PDU.decode(type: 1, body: (Self.fixedFields + long)[...]) else {
            throw Unexpected()
        }
        #expect(request.userInformation.implementationVersionName?.count == 64)
    }

    @Test func `lists that are left out at the end of an item are empty`() throws {
        let information = try request("50 00 00 10 57 00 00 04 00 00 00 00 58 00 00 04 01 00 00 00").userInformation
        #expect(information.commonExtendedNegotiations.first?.relatedGeneralSOPClasses == [])
        #expect(information.userIdentityRequest?.secondaryField == [])
        #expect(information.userIdentityRequest?.type == .username)
    }

    @Test func `an identity too long for its item is refused when it is made`() {
        func identity(_ primary: Int, _ secondary: Int) -> UserIdentityRequest? {
            UserIdentityRequest(
                type: .usernameAndPasscode, positiveResponseRequested: false,
                primaryField: [UInt8](repeating: 1, count: primary),
                secondaryField: [UInt8](repeating: 2, count: secondary))
        }
        let limit = UserIdentityRequest.maximumLength
        #expect(identity(limit, 0) != nil)
        #expect(identity(0, limit) != nil)
        #expect(identity(limit, 1) == nil)
        #expect(identity(limit + 1, 0) == nil)
        #expect(identity(1, limit) == nil)
    }

    @Test func `an identity does not show its secrets`() throws {
        let identity = try #require(try GoldenPDUs.everyItemRequest().userInformation.userIdentityRequest)
        #expect("\(identity)" == "user name and passcode")
        #expect(String(reflecting: identity) == "user name and passcode")
    }

    @Test func `an item that cannot hold what it is given is cut, so that the PDU stays whole`() throws {
        let information = UserInformation(
            maximumLength: 1,
            unknownItems: [UserInformation.UnknownItem(type: 0x7A, bytes: [UInt8](repeating: 7, count: 70_000))])
        let request = try GoldenPDUs.everyItemRequest()
        let bytes = PDU.associateRequest(
            AssociateRequest(
                calledAETitle: request.calledAETitle, callingAETitle: request.callingAETitle, presentationContexts: [],
                userInformation: information)
        ).encode()
        // Header, fixed fields, application context, and a user information item as long as there can be.
        #expect(bytes.count == 6 + 68 + 25 + 4 + 65_535)
        #expect(bytes[99..<103] == [0x50, 0, 0xFF, 0xFF])
    }
}
