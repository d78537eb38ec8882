/// How long PDUs may be. Control PDUs are held whole, presentation data never is.
package struct PDULimits: Sendable, Hashable {
    /// 128 presentation contexts with 64 transfer syntaxes each and a full user information item take about 630 KB; no
    /// real request comes near. A peer that announces more is refused before a byte of it is held.
    package static let standardMaximumControlLength = 1 << 20

    /// Some peers ignore the maximum they were told and send a whole object as one PDU. It is read as it comes and
    /// nothing of it is held, so it does no harm; beyond 1 GiB the length is more likely misread than meant.
    package static let toleratedPresentationDataLength: UInt32 = 1 << 30

    /// Longer PDUs bring little, the header being 12 bytes, and many peers hold a whole PDU of the announced size in memory.
    package static let standardAnnouncedMaximumLength: UInt32 = 1 << 18

    /// The longest body of a PDU other than P-DATA-TF, in bytes.
    package var maximumControlLength: Int
    /// What this side announces as its maximum length (PS3.8 D.1); 0 is no maximum.
    package var announcedMaximumLength: UInt32
    /// The longest body of a P-DATA-TF PDU that is still read, in bytes.
    package var maximumPresentationDataLength: UInt32

    package init(
        announcedMaximumLength: UInt32 = Self.standardAnnouncedMaximumLength,
        maximumControlLength: Int = Self.standardMaximumControlLength
    ) {
        self.announcedMaximumLength = announcedMaximumLength
        self.maximumControlLength = maximumControlLength
        maximumPresentationDataLength =
            announcedMaximumLength == 0
            ? .max : Swift.max(announcedMaximumLength, Self.toleratedPresentationDataLength)
    }

    package static let standard = Self()
}
