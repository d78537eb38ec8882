/// Why an SCP does not commit to an instance, (0008,1197), PS3.3 C.14.1.1.
package struct StorageCommitmentFailureReason: Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let processingFailure = Self(rawValue: 0x0110)
    package static let noSuchObjectInstance = Self(rawValue: 0x0112)
    package static let classInstanceConflict = Self(rawValue: 0x0119)
    package static let sopClassNotSupported = Self(rawValue: 0x0122)
    package static let duplicateTransactionUID = Self(rawValue: 0x0131)
    package static let resourceLimitation = Self(rawValue: 0x0213)

    /// In words, lower case and without a full stop.
    package var meaning: String {
        switch self {
        case .processingFailure: "processing failure"
        case .noSuchObjectInstance: "no such object instance"
        case .classInstanceConflict: "class and instance conflict"
        case .sopClassNotSupported: "referenced SOP class not supported"
        case .duplicateTransactionUID: "duplicate transaction UID"
        case .resourceLimitation: "resource limitation"
        // Some servers put any status of PS3.7 C here.
        default: DIMSEStatus(rawValue: rawValue).meaning(for: .storageCommitment)
        }
    }

    /// Whether the same request may succeed later.
    package var isTransient: Bool { self == .resourceLimitation }
}

extension StorageCommitmentFailureReason: CustomStringConvertible {
    /// The number as the standard writes it: `0112H`.
    package var description: String { DIMSEStatus(rawValue: rawValue).description }
}
