/// The bytes of annotated hexadecimal digits: blanks are nothing, and what follows a `#` is for the reader.
func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.split(separator: "\n", omittingEmptySubsequences: false)
        .flatMap { $0.prefix { $0 != "#" } }
        .compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
