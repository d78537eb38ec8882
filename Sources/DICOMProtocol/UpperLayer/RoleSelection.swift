package import DICOM

/// Which roles the requestor proposes, or the acceptor accepts, for a SOP class (54H), PS3.7 D.3.3.4.
///
/// | Bytes | Field |
/// |---|---|
/// | 1-2 | UID length |
/// | 3- | SOP class UID |
/// | next | SCU role: 0 or 1 |
/// | last | SCP role: 0 or 1 |
package struct RoleSelection: Sendable, Hashable {
    package var sopClass: UID
    /// Whether the association requestor is a user of the SOP class.
    package var scu: Bool
    /// Whether the association requestor is a provider of the SOP class.
    package var scp: Bool

    package init(sopClass: UID, scu: Bool, scp: Bool) {
        self.sopClass = sopClass
        self.scu = scu
        self.scp = scp
    }
}

extension RoleSelection {
    init(decoding body: ArraySlice<UInt8>) throws(ProtocolError) {
        var reader = ItemReader(body, section: "PS3.7 D.3.3.4")
        sopClass = try reader.countedUID("SOP class UID")
        scu = try reader.uint8("SCU role") != 0
        scp = try reader.uint8("SCP role") != 0
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.appendCounted(sopClass)
        bytes.append(scu ? 1 : 0)
        bytes.append(scp ? 1 : 0)
    }
}
