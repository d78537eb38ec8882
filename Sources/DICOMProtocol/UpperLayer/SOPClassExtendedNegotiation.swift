package import DICOM

/// What a service class wants to know about the peer (56H), PS3.7 D.3.3.5.
///
/// | Bytes | Field |
/// |---|---|
/// | 1-2 | SOP class UID length |
/// | 3- | SOP class UID |
/// | rest | service class application information, defined by the service class |
package struct SOPClassExtendedNegotiation: Sendable, Hashable {
    package var sopClass: UID
    package var information: [UInt8]

    package init(sopClass: UID, information: [UInt8]) {
        self.sopClass = sopClass
        self.information = information
    }
}

extension SOPClassExtendedNegotiation {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.7 D.3.3.5")
        sopClass = try reader.countedUID("SOP class UID")
        information = Array(reader.rest())
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.appendCounted(sopClass)
        bytes.append(contentsOf: information)
    }
}
