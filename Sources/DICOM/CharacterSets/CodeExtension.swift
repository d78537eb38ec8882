/// Character sets that ISO 2022 escape sequences switch within a value (PS3.5 6.1.2.5), and the single-byte sets without
/// them, which are the same with nothing to switch to.
struct CodeExtension: Sendable, Equatable {
    /// What is designated where a value begins and again after every delimiter (PS3.5 6.1.2.5.3): value 1 of (0008,0005).
    var initialLeft = CodeElement.ascii
    var initialRight: CodeElement?
    /// All sets that the defined terms allow, in their order, those of value 1 first.
    var allowed: [CodeElement] = [.ascii]

    /// Whether a byte of the default repertoire always means itself.
    var isASCIICompatible: Bool { initialLeft == .ascii }

    /// The set for bytes with the high bit where nothing is designated, as sloppy senders leave out the sequence.
    var assumedRight: CodeElement? {
        let right = allowed.filter(\.isRight)
        return right.count == 1 ? right.first : nil
    }
}

/// Bytes that end a run of text within a value, before which the sets of value 1 must be active again, and after which
/// they are (PS3.5 6.1.2.5.3). Control characters are delimiters everywhere.
struct ValueDelimiters: Sendable {
    /// Backslash, between values.
    let separatesValues: Bool
    /// Caret and equals sign, between components and component groups of a person name.
    let separatesComponents: Bool

    init(_ vr: ValueRepresentation) {
        separatesValues = !vr.allowsBackslashInValue
        separatesComponents = vr == .PN
    }

    func contains(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x5C: separatesValues
        case 0x5E, 0x3D: separatesComponents
        default: false
        }
    }
}
