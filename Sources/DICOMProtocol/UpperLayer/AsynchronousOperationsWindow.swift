/// How many operations may be open at once (53H), PS3.7 D.3.3.3; 0 is no limit, and 1 and 1 are the default.
///
/// | Bytes | Field |
/// |---|---|
/// | 1-2 | maximum number of operations invoked |
/// | 3-4 | maximum number of operations performed |
package struct AsynchronousOperationsWindow: Sendable, Hashable {
    package var invoked: UInt16
    package var performed: UInt16

    package init(invoked: UInt16, performed: UInt16) {
        self.invoked = invoked
        self.performed = performed
    }
}

extension AsynchronousOperationsWindow {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.7 D.3.3.3")
        invoked = try reader.uint16("operations invoked")
        performed = try reader.uint16("operations performed")
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: invoked)
        bytes.append(bigEndian: performed)
    }
}
