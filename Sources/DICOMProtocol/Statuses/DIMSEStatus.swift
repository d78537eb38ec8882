import DICOM

/// The Status (0000,0900) of a response, PS3.7 Annex C.
package struct DIMSEStatus: Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// What a status means for the operation, PS3.7 C.1-C.5.
    package enum Kind: Sendable, CaseIterable {
        case success
        case pending
        case warning
        case failure
        case cancel
    }

    /// The kind, by the ranges of PS3.7 Annex C. What no range names counts as a failure: nothing says it went well.
    package var kind: Kind {
        switch rawValue {
        case 0x0000: .success
        case 0xFF00, 0xFF01: .pending
        case 0xFE00: .cancel
        case 0x0001, 0x0107, 0x0116, 0xB000...0xBFFF: .warning
        default: .failure
        }
    }

    /// Whether the same request may succeed later: the peer was short of something, rather than unwilling.
    package var isTransient: Bool {
        switch rawValue {
        case 0xA700...0xA7FF, 0x0213: true
        default: false
        }
    }
}

extension DIMSEStatus: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: UInt16) {
        self.init(rawValue: value)
    }
}

extension DIMSEStatus: CustomStringConvertible {
    /// The number as the standard writes it: `A700H`.
    package var description: String { Hexadecimal.text(rawValue, digits: 4, uppercase: true) + "H" }
}
