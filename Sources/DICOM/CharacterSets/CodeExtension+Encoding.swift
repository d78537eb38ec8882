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

    /// What has been written so far, and what is designated behind it.
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
