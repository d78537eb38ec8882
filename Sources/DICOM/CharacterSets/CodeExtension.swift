/// Character sets that ISO 2022 escape sequences switch within a value (PS3.5 6.1.2.5), and the single-byte sets without
/// them, which are the same with nothing to switch to.
struct CodeExtension: Sendable, Equatable {
    /// The sets that are designated where a value begins and again after every delimiter (PS3.5 6.1.2.5.3): value 1 of (0008,0005).
    var initialLeft = CodeElement.ascii
    var initialRight: CodeElement?
    /// All sets that the defined terms allow, in their order, those of value 1 first.
    var allowed: [CodeElement] = [.ascii]

    /// True if a byte of the default repertoire always means itself.
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

extension CodeExtension {
    /// Appends the text of a value as UTF-8; bytes without a meaning become U+FFFD, one each.
    ///
    /// Every round takes at least one byte, whatever the bytes are. Escape sequences of sets that were not announced are
    /// obeyed, too: files that lack (0008,0005) are common, and the bytes can mean nothing else. A sequence that PS3.3
    /// does not know stays as it is, ESC included.
    func appendText(_ bytes: UnsafeRawBufferPointer, _ delimiters: ValueDelimiters, to output: inout [UInt8]) {
        var left = initialLeft
        var right = initialRight
        var lastRight = assumedRight
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let next: UInt8? = index + 1 < bytes.count ? bytes[index + 1] : nil
            if byte == CodeElement.escape,
                let (element, length) = CodeElement.designated(by: UnsafeRawBufferPointer(rebasing: bytes[index...]))
            {
                if element.isRight {
                    right = element
                    lastRight = element
                } else {
                    left = element
                }
                index += length
                continue
            }
            if byte < 0x20 || byte == 0x7F || (!left.isDouble && delimiters.contains(byte)) {
                left = initialLeft
                right = initialRight
                output.append(byte)
            } else if byte == 0x20 {
                output.append(byte)
            } else {
                let element = byte < 0x80 ? left : right ?? lastRight
                if let element, element.isDouble, let next, (byte ^ next) & 0x80 == 0,
                    let unit = CodeTable.of(element)?.scalar(byte, next)
                {
                    CodeExtension.append(unit, to: &output)
                    index += 1
                } else {
                    CodeExtension.append(CodeExtension.single(byte, element), to: &output)
                }
            }
            index += 1
        }
    }

    /// The character of one byte in a set.
    private static func single(_ byte: UInt8, _ element: CodeElement?) -> UInt16 {
        switch (element, byte) {
        case (.ascii?, _): UInt16(byte)
        // ISO-IR 14 is ASCII but for these two.
        case (.romanJISX0201?, 0x5C): 0x00A5
        case (.romanJISX0201?, 0x7E): 0x203E
        case (.romanJISX0201?, _): UInt16(byte)
        case (let element?, _) where !element.isDouble: CodeTable.of(element)?.scalar(byte) ?? replacement
        default: replacement
        }
    }

    /// U+FFFD, for what cannot be read.
    private static let replacement: UInt16 = 0xFFFD

    /// Appends a character of the Basic Multilingual Plane, which is all that these sets have.
    private static func append(_ unit: UInt16, to output: inout [UInt8]) {
        if unit < 0x80 {
            output.append(UInt8(truncatingIfNeeded: unit))
        } else if unit < 0x800 {
            output.append(UInt8(truncatingIfNeeded: 0xC0 | unit >> 6))
            output.append(UInt8(truncatingIfNeeded: 0x80 | unit & 0x3F))
        } else {
            output.append(UInt8(truncatingIfNeeded: 0xE0 | unit >> 12))
            output.append(UInt8(truncatingIfNeeded: 0x80 | unit >> 6 & 0x3F))
            output.append(UInt8(truncatingIfNeeded: 0x80 | unit & 0x3F))
        }
    }
}

extension CodeExtension {
    /// The bytes of a text, with the escape sequences that it needs and no others.
    ///
    /// Before a delimiter and at the end the sets of value 1 are active again (PS3.5 6.1.2.5.3).
    func encode(_ text: String, _ delimiters: ValueDelimiters) throws(CharacterSetError) -> [UInt8] {
        var writer = Writer(sets: self, left: initialLeft, right: initialRight)
        writer.output.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            try writer.write(scalar, delimiters)
        }
        writer.returnToInitialSets()
        return writer.output
    }

    /// The bytes written so far, and the sets that are designated behind them.
    private struct Writer {
        let sets: CodeExtension
        var left: CodeElement
        var right: CodeElement?
        var output: [UInt8] = []

        mutating func write(_ scalar: Unicode.Scalar, _ delimiters: ValueDelimiters) throws(CharacterSetError) {
            // An ESC out of a text would be read as the start of a sequence.
            guard scalar.value != UInt32(CodeElement.escape) else { throw notRepresentable(scalar) }
            if let byte = UInt8(exactly: scalar.value), byte < 0x80 {
                if byte < 0x20 || byte == 0x7F || delimiters.contains(byte) {
                    returnToInitialSets()
                    right = sets.initialRight
                    output.append(byte)
                } else {
                    try writeASCII(byte, scalar)
                }
                return
            }
            if sets.initialLeft == .romanJISX0201, let byte = romanJISX0201(scalar), !delimiters.contains(byte) {
                designate(.romanJISX0201)
                output.append(byte)
                return
            }
            guard let (element, code) = code(of: scalar) else { throw notRepresentable(scalar) }
            designate(element)
            let mask: UInt8 = element.isRight ? 0x80 : 0x00
            if element.isDouble {
                output.append(UInt8(truncatingIfNeeded: code >> 8) | mask)
            }
            output.append(UInt8(truncatingIfNeeded: code) | mask)
        }

        private mutating func writeASCII(_ byte: UInt8, _ scalar: Unicode.Scalar) throws(CharacterSetError) {
            // ISO-IR 14 has other characters in these two places.
            let isOnlyASCII = byte == 0x5C || byte == 0x7E
            if left == .ascii || (left == .romanJISX0201 && !isOnlyASCII) {
                output.append(byte)
            } else if sets.initialLeft == .ascii || !isOnlyASCII {
                designate(sets.initialLeft)
                output.append(byte)
            } else if sets.allowed.contains(.ascii) {
                designate(.ascii)
                output.append(byte)
            } else {
                throw notRepresentable(scalar)
            }
        }

        private func romanJISX0201(_ scalar: Unicode.Scalar) -> UInt8? {
            switch scalar.value {
            case 0x00A5: 0x5C
            case 0x203E: 0x7E
            default: nil
            }
        }

        /// A set that has the character: one that is designated, so that no sequence is needed, else the first allowed.
        private func code(of scalar: Unicode.Scalar) -> (CodeElement, UInt16)? {
            let candidates = ([right, left].compactMap { $0 }) + sets.allowed
            for element in candidates {
                if let code = CodeTable.of(element)?.code(of: scalar) {
                    return (element, code)
                }
            }
            return nil
        }

        private mutating func designate(_ element: CodeElement) {
            if element.isRight {
                guard right != element else { return }
                right = element
            } else {
                guard left != element else { return }
                left = element
            }
            output.append(CodeElement.escape)
            element.designation.withUTF8Buffer { output.append(contentsOf: $0) }
        }

        mutating func returnToInitialSets() {
            designate(sets.initialLeft)
            if let initialRight = sets.initialRight {
                designate(initialRight)
            }
        }

        private func notRepresentable(_ scalar: Unicode.Scalar) -> CharacterSetError {
            CharacterSetError.notRepresentable(scalar)
        }
    }
}
