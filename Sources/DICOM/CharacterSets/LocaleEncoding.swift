/// The character encoding of the user's locale, where it is another than UTF-8, by the system's tables.
package struct LocaleEncoding: Sendable, Equatable {
    /// As `nl_langinfo(CODESET)` names it.
    package let codeset: String

    /// Nil where nothing needs to be converted: for UTF-8, and for ASCII, which is what the locale "C" has. That one says
    /// nothing about the terminal, and text that is cut down to ASCII would lose names; as UTF-8 it is read nearly everywhere.
    package init?(codeset: String) {
        // As nearly every locale has it.
        guard codeset != "UTF-8", codeset != "ANSI_X3.4-1968" else { return nil }
        let name = codeset.uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        guard !["UTF8", "ANSIX341968", "USASCII", "ASCII", "646", "ISO646US"].contains(name),
            CharacterConverter(from: "UTF-8", to: codeset) != nil
        else { return nil }
        self.codeset = codeset
    }

    /// UTF-8 in this encoding; a question mark for each character that it lacks.
    package func encode(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        if text.allSatisfy({ $0 < 0x80 }) { return Array(text) }
        guard let converter = CharacterConverter(from: "UTF-8", to: codeset) else { return Array(text) }
        // The encodings of locales have at most four bytes for a character, and some switch between sets.
        return [UInt8](unsafeUninitializedCapacity: text.count * 4 + 16) { space, count in
            var input = text
            var room = UnsafeMutableRawBufferPointer(space)
            while !converter.convert(&input, into: &room), let first = input.first, !room.isEmpty {
                let length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
                input = UnsafeRawBufferPointer(rebasing: input.dropFirst(length))
                room[0] = UInt8(ascii: "?")
                room = UnsafeMutableRawBufferPointer(rebasing: room.dropFirst())
            }
            count = space.count - room.count
        }
    }

    /// Bytes of this encoding as text; nil where they are none.
    package func decode(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let converter = CharacterConverter(from: codeset, to: "UTF-8") else { return nil }
        var isComplete = false
        let text = [UInt8](unsafeUninitializedCapacity: bytes.count * 4 + 16) { space, count in
            var input = bytes
            var room = UnsafeMutableRawBufferPointer(space)
            isComplete = converter.convert(&input, into: &room) && input.isEmpty
            count = space.count - room.count
        }
        return isComplete ? String(decoding: text, as: UTF8.self) : nil
    }
}
