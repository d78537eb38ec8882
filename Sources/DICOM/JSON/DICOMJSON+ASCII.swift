extension DICOMJSON {
    /// Replaces every character beyond ASCII by its escape: the same JSON for whoever reads it, and fit for a terminal of any
    /// encoding.
    package static func escapeNonASCII(in output: inout [UInt8], from start: Int) {
        guard output[start...].contains(where: { $0 >= 0x80 }) else { return }
        let text = String(decoding: output[start...], as: UTF8.self)
        output.removeSubrange(start...)
        for unit in text.utf16 {
            if unit < 0x80 {
                output.append(UInt8(truncatingIfNeeded: unit))
            } else {
                JSONText.appendUnit(unit, to: &output)
            }
        }
    }
}
