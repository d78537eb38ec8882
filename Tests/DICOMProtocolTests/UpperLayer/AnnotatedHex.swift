/// Golden bytes with their meaning beside them: everything from `;` to the end of a line is a note, and a text in single
/// quotes stands for its ASCII bytes.
func annotatedHex(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in text.split(separator: "\n") {
        let code = line.prefix { $0 != ";" }
        for (index, part) in code.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            if index.isMultiple(of: 2) {
                for word in part.split(separator: " ") { bytes.append(UInt8(word, radix: 16) ?? 0xEE) }
            } else {
                bytes.append(contentsOf: part.utf8)
            }
        }
    }
    return bytes
}
