/// How elements are laid out (PS3.5 7.1.2 and 7.1.3): what is left of a transfer syntax once it is inflated.
struct ElementEncoding: Sendable, Equatable {
    let isExplicitVR: Bool
    let isBigEndian: Bool

    init(isExplicitVR: Bool, isBigEndian: Bool) {
        self.isExplicitVR = isExplicitVR
        self.isBigEndian = isBigEndian
    }

    init(_ syntax: TransferSyntax) {
        self.init(isExplicitVR: syntax.isExplicitVR, isBigEndian: syntax.isBigEndian)
    }

    /// Also what stands inside a UN of undefined length, whatever is around it (PS3.5 6.2.2 note 2).
    static let implicitLittleEndian = ElementEncoding(isExplicitVR: false, isBigEndian: false)
    static let explicitLittleEndian = ElementEncoding(isExplicitVR: true, isBigEndian: false)
}
