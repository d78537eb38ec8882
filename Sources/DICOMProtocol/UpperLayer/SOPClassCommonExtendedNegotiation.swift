package import DICOM

/// Which service class a SOP class belongs to, and which general SOP classes may stand in for it (57H), PS3.7 D.3.3.6.
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
}

extension SOPClassCommonExtendedNegotiation {
    private static let section = "PS3.7 D.3.3.6"

    /// A SOP class has a handful of general ones; this many UIDs say nothing useful any more.
    static let maximumRelatedClasses = 256

    init(decoding body: ArraySlice<UInt8>, version: UInt8) throws(ProtocolError) {
        self.version = version
        var reader = ItemReader(body, section: Self.section)
        sopClass = try reader.countedUID("SOP class UID")
        serviceClass = try reader.countedUID("service class UID")
        relatedGeneralSOPClasses = []
        // The standard always has the list; where a sender leaves it out, nothing is open.
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
