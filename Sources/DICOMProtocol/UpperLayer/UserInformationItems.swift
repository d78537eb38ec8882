package import DICOM

/// The numbers of operations that may be open at once (53H), PS3.7 D.3.3.3; 0 is no limit, 1 and 1 are the default.
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

/// The roles that the requestor proposes, or the acceptor accepts, for a SOP class (54H), PS3.7 D.3.3.4.
///
/// | Bytes | Field |
/// |---|---|
/// | 1-2 | UID length |
/// | 3- | SOP class UID |
/// | next | SCU role: 0 or 1 |
/// | last | SCP role: 0 or 1 |
package struct RoleSelection: Sendable, Hashable {
    package var sopClass: UID
    /// True if the association requestor is a user of the SOP class.
    package var scu: Bool
    /// True if the association requestor is a provider of the SOP class.
    package var scp: Bool

    package init(sopClass: UID, scu: Bool, scp: Bool) {
        self.sopClass = sopClass
        self.scu = scu
        self.scp = scp
    }

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

/// The extended negotiation of a service class (56H), PS3.7 D.3.3.5.
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

/// The service class of a SOP class, and the general SOP classes that may replace it (57H), PS3.7 D.3.3.6.
/// Its second byte, reserved in all other items, is its version.
///
/// | Bytes | Field |
/// |---|---|
/// | 1-2 | SOP class UID length |
/// | 3- | SOP class UID |
/// | 2 | service class UID length |
/// | next | service class UID |
/// | 2 | length of the related general SOP classes, all together |
/// | next | for each: UID length (2), UID |
/// | rest | reserved for later versions, ignored |
package struct SOPClassCommonExtendedNegotiation: Sendable, Hashable {
    package var version: UInt8
    package var sopClass: UID
    package var serviceClass: UID
    package var relatedGeneralSOPClasses: [UID]

    package init(version: UInt8 = 0, sopClass: UID, serviceClass: UID, relatedGeneralSOPClasses: [UID] = []) {
        self.version = version
        self.sopClass = sopClass
        self.serviceClass = serviceClass
        self.relatedGeneralSOPClasses = relatedGeneralSOPClasses
    }

    private static let section = "PS3.7 D.3.3.6"

    /// A SOP class has a few general ones; no real list is longer than this.
    static let maximumRelatedClasses = 256

    init(decoding body: ArraySlice<UInt8>, version: UInt8) throws(ProtocolError) {
        self.version = version
        var reader = ItemReader(body, section: Self.section)
        sopClass = try reader.countedUID("SOP class UID")
        serviceClass = try reader.countedUID("service class UID")
        relatedGeneralSOPClasses = []
        // The standard always has the list; where a sender leaves it out, it is empty.
        guard !reader.isAtEnd else { return }
        var related = ItemReader(try reader.counted("related general SOP classes"), section: Self.section)
        while !related.isAtEnd {
            guard relatedGeneralSOPClasses.count < Self.maximumRelatedClasses else {
                throw ProtocolError(
                    .tooManyItems, section: Self.section,
                    "more than \(Self.maximumRelatedClasses) related general SOP classes")
            }
            relatedGeneralSOPClasses.append(try related.countedUID("related general SOP class UID"))
        }
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.appendCounted(sopClass)
        bytes.appendCounted(serviceClass)
        bytes.appendCounted { bytes in
            for related in relatedGeneralSOPClasses { bytes.appendCounted(related) }
        }
    }
}
