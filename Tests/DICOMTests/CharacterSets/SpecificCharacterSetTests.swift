import Testing

@testable import DICOM

/// The bytes of a value: hexadecimal and spaces.
private func bytes(_ hexadecimal: String) -> ArraySlice<UInt8> {
    let digits = hexadecimal.filter { $0.isHexDigit }
    var result: [UInt8] = []
    var rest = Substring(digits)
    while rest.count >= 2 {
        result.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
        rest = rest.dropFirst(2)
    }
    return result[...]
}

/// A value as the standard writes it down: text, with `^` and `=` as such, and escape sequences.
struct CharacterSetExample: Sendable, CustomTestStringConvertible {
    let terms: [String]
    let vr: ValueRepresentation
    let hexadecimal: String
    let text: String

    var testDescription: String { terms.joined(separator: "\\") + ": " + text }

    static let all: [CharacterSetExample] = [
        // PS3.5 H.3.1: ASCII, then JIS X 0208 in G0.
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 87"], vr: .PN,
            hexadecimal: """
                59 61 6D 61 64 61 5E 54 61 72 6F 75 3D
                1B 24 42 3B 33 45 44 1B 28 42 5E 1B 24 42 42 40 4F 3A 1B 28 42 3D
                1B 24 42 24 64 24 5E 24 40 1B 28 42 5E 1B 24 42 24 3F 24 6D 24 26 1B 28 42
                """, text: "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        // PS3.5 H.3.2: half-width katakana, back to ISO-IR 14 and not to ASCII.
        CharacterSetExample(
            terms: ["ISO 2022 IR 13", "ISO 2022 IR 87"], vr: .PN,
            hexadecimal: """
                D4 CF C0 DE 5E C0 DB B3 3D
                1B 24 42 3B 33 45 44 1B 28 4A 5E 1B 24 42 42 40 4F 3A 1B 28 4A 3D
                1B 24 42 24 64 24 5E 24 40 1B 28 4A 5E 1B 24 42 24 3F 24 6D 24 26 1B 28 4A
                """, text: "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        // PS3.5 I.2: KS X 1001 in G1, announced again behind each delimiter.
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 149"], vr: .PN,
            hexadecimal: """
                48 6F 6E 67 5E 47 69 6C 64 6F 6E 67 3D
                1B 24 29 43 FB F3 5E 1B 24 29 43 D1 CE D4 D7 3D
                1B 24 29 43 C8 AB 5E 1B 24 29 43 B1 E6 B5 BF
                """, text: "Hong^Gildong=洪^吉洞=홍^길동"),
        // PS3.5 J.1: UTF-8.
        CharacterSetExample(
            terms: ["ISO_IR 192"], vr: .PN,
            hexadecimal: "57 61 6E 67 5E 58 69 61 6F 44 6F 6E 67 3D E7 8E 8B 5E E5 B0 8F E6 9D B1",
            text: "Wang^XiaoDong=王^小東"),
        // PS3.5 J.2: GB18030.
        CharacterSetExample(
            terms: ["GB18030"], vr: .PN,
            hexadecimal: "57 61 6E 67 5E 58 69 61 6F 44 6F 6E 67 3D CD F5 5E D0 A1 B6 AB",
            text: "Wang^XiaoDong=王^小东"),
        CharacterSetExample(
            terms: ["GBK"], vr: .PN,
            hexadecimal: "57 61 6E 67 5E 58 69 61 6F 44 6F 6E 67 3D CD F5 5E D0 A1 B6 AB",
            text: "Wang^XiaoDong=王^小东"),
        // PS3.5 K.2: GB 2312 in G1.
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 58"], vr: .PN,
            hexadecimal: """
                5A 68 61 6E 67 5E 58 69 61 6F 44 6F 6E 67 3D 1B 24 29 41 D5 C5 5E 1B 24 29 41 D0 A1 B6 AB
                """, text: "Zhang^XiaoDong=张^小东"),
        // The sets of one byte, without code extensions.
        CharacterSetExample(
            terms: ["ISO_IR 100"], vr: .PN, hexadecimal: "42 75 63 5E 4A E9 72 F4 6D 65", text: "Buc^Jérôme"),
        CharacterSetExample(
            terms: ["ISO_IR 100"], vr: .PN, hexadecimal: "C4 6E 65 61 73 5E 52 FC 64 69 67 65 72",
            text: "Äneas^Rüdiger"),
        CharacterSetExample(terms: ["ISO_IR 101"], vr: .LO, hexadecimal: "A3 F3 64 BC", text: "Łódź"),
        CharacterSetExample(terms: ["ISO_IR 109"], vr: .LO, hexadecimal: "A1 61 6C", text: "Ħal"),
        CharacterSetExample(terms: ["ISO_IR 110"], vr: .LO, hexadecimal: "D2 F1", text: "Ōņ"),
        CharacterSetExample(
            terms: ["ISO_IR 144"], vr: .LO, hexadecimal: "BB EE DA 63 65 DC D1 79 70 D3", text: "Люкceмбypг"),
        CharacterSetExample(
            terms: ["ISO_IR 127"], vr: .PN, hexadecimal: "E2 C8 C7 E6 EA 5E E4 E6 D2 C7 D1",
            text: "قباني^لنزار"),
        CharacterSetExample(
            terms: ["ISO_IR 126"], vr: .LO, hexadecimal: "C4 E9 EF ED F5 F3 E9 EF F2", text: "Διονυσιος"),
        CharacterSetExample(
            terms: ["ISO_IR 138"], vr: .PN, hexadecimal: "F9 F8 E5 EF 5E E3 E1 E5 F8 E4", text: "שרון^דבורה"),
        CharacterSetExample(terms: ["ISO_IR 148"], vr: .LO, hexadecimal: "DD FE", text: "İş"),
        CharacterSetExample(terms: ["ISO_IR 203"], vr: .LO, hexadecimal: "A4 BD", text: "€œ"),
        CharacterSetExample(terms: ["ISO_IR 166"], vr: .LO, hexadecimal: "E4 B7 C2", text: "ไทย"),
        CharacterSetExample(terms: ["ISO_IR 13"], vr: .LO, hexadecimal: "D4 CF C0 DE 41", text: "ﾔﾏﾀﾞA"),
        // Two sets of one byte, the second by an escape sequence; value 1 is active again at the end (6.1.2.5.3).
        CharacterSetExample(
            terms: ["ISO 2022 IR 100", "ISO 2022 IR 144"], vr: .LO,
            hexadecimal: "C4 1B 2D 4C BB EE 1B 2D 41 5C E9", text: "ÄЛю\\é"),
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 203"], vr: .LO, hexadecimal: "31 1B 2D 62 A4", text: "1€"),
        // JIS X 0212 holds what JIS X 0208 lacks.
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 87", "ISO 2022 IR 159"], vr: .LO,
            hexadecimal: "1B 24 42 3B 33 1B 24 28 44 30 21 1B 28 42", text: "山丂"),
        // In a text the backslash is a character, and a line ends with value 1 active.
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 87"], vr: .LT,
            hexadecimal: "1B 24 42 3B 33 1B 28 42 0D 0A 5C 1B 24 42 45 44 1B 28 42", text: "山\r\n\\田"),
        CharacterSetExample(
            terms: ["", "ISO 2022 IR 149"], vr: .LT,
            hexadecimal: "31 1B 24 29 43 B1 E6 B5 BF 2E 0D 0A 32 1B 24 29 43 B1 E6", text: "1길동.\r\n2길"),
        CharacterSetExample(terms: ["ISO_IR 13"], vr: .ST, hexadecimal: "5C 31 7E", text: "¥1‾"),
    ]
}

@Suite struct SpecificCharacterSetTests {
    @Test(arguments: CharacterSetExample.all)
    func `an example of the standard is read`(example: CharacterSetExample) throws {
        let set = try SpecificCharacterSet(definedTerms: example.terms)
        #expect(set.decode(bytes(example.hexadecimal), vr: example.vr) == example.text)
    }

    @Test(arguments: CharacterSetExample.all)
    func `an example of the standard is written byte for byte`(example: CharacterSetExample) throws {
        let set = try SpecificCharacterSet(definedTerms: example.terms)
        #expect(try set.encode(example.text, vr: example.vr) == Array(bytes(example.hexadecimal)))
    }

    @Test(arguments: CharacterSetExample.all)
    func `a value cut anywhere is still text`(example: CharacterSetExample) throws {
        let set = try SpecificCharacterSet(definedTerms: example.terms)
        let whole = bytes(example.hexadecimal)
        for length in 0..<whole.count {
            let text = set.decode(whole.prefix(length), vr: example.vr)
            #expect(text.utf8.count <= 3 * length)
        }
    }

    /// PS3.5 K.3: sequences that return to ASCII where nothing demands it.
    @Test func `superfluous escape sequences are read`() throws {
        let set = try SpecificCharacterSet(definedTerms: ["", "ISO 2022 IR 58"])
        let line = bytes("31 2E 1B 24 29 41 B5 DA D2 BB D0 D0 CE C4 D7 D6 A1 A3 1B 28 42 0D 0A")
        #expect(set.decode(line, vr: .LT) == "1.第一行文字。\r\n")
    }

    @Test func `every character of a set of one byte comes back as its byte`() throws {
        for number in [100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 166, 13] {
            let set = try SpecificCharacterSet(definedTerms: ["ISO_IR \(number)"])
            var known = 0
            for byte in UInt8(0xA0)...0xFF {
                let text = set.decode([byte], vr: .UT)
                guard text != "\u{FFFD}" else { continue }
                known += 1
                #expect(try set.encode(text, vr: .UT) == [byte], "ISO_IR \(number)")
            }
            #expect(known >= 45, "ISO_IR \(number)")
        }
    }

    @Test func `controls of the upper half are not characters`() throws {
        let set = try SpecificCharacterSet(definedTerms: ["ISO_IR 100"])
        #expect(set.decode([0x41, 0x9B, 0x42], vr: .LO) == "A\u{FFFD}B")
    }

    @Test(arguments: [
        ("ISO_IR 100", "ISO_IR 100"), ("ISO-IR 100", "ISO_IR 100"), ("ISO_IR_100", "ISO_IR 100"),
        ("ISO IR 100", "ISO_IR 100"), ("iso_ir 100", "ISO_IR 100"), ("ISO_IR 100 ", "ISO_IR 100"),
        ("ISO8859-1", "ISO_IR 100"), ("ISO 2022-IR 87", "ISO 2022 IR 87"), ("ISO2022IR87", "ISO 2022 IR 87"),
        ("ISO-2022-IR 149", "ISO 2022 IR 149"), ("ISO_IR 87", "ISO 2022 IR 87"), ("UTF-8", "ISO_IR 192"),
        ("ISO_IR192", "ISO_IR 192"), ("ISO 2022 GBK", "GBK"), ("ISO 2022 58", "ISO 2022 IR 58"),
        ("gb18030", "GB18030"), ("ISO 2022 IR 100", "ISO_IR 100"),
    ])
    func `a misspelt term is understood`(spelling: String, term: String) throws {
        #expect(try SpecificCharacterSet(definedTerms: [spelling]).definedTerms == [term])
    }

    @Test(arguments: ["ISO_IR 99", "LATIN", "ISO_IR", "8859", "ISO_IR 14", "ISO_IR 99999999999999999999"])
    func `an unknown term is an error that names it, or is left out`(term: String) throws {
        let error = #expect(throws: CharacterSetError.self) {
            try SpecificCharacterSet(definedTerms: [term])
        }
        #expect(error?.code == .unknownDefinedTerm)
        #expect(error?.detail.contains(term) == true)
        #expect(SpecificCharacterSet(tolerating: [term]).definedTerms.isEmpty)
    }

    @Test func `terms beside each other are those with code extensions`() throws {
        let set = try SpecificCharacterSet(definedTerms: ["ISO_IR 100", "ISO_IR 144"])
        #expect(set.definedTerms == ["ISO 2022 IR 100", "ISO 2022 IR 144"])
        #expect(try SpecificCharacterSet(definedTerms: ["", "ISO 2022 IR 87"]).definedTerms == ["", "ISO 2022 IR 87"])
        #expect(try SpecificCharacterSet(definedTerms: ["ISO_IR 6"]).definedTerms == [])
        #expect(try SpecificCharacterSet(definedTerms: [""]) == .defaultRepertoire)
    }

    @Test func `a set without code extensions wins over those beside it`() throws {
        #expect(try SpecificCharacterSet(definedTerms: ["ISO_IR 192", "ISO 2022 IR 87"]) == .utf8)
        #expect(try SpecificCharacterSet(definedTerms: ["", "ISO_IR 192"]) == .utf8)
    }

    @Test func `other representations stay in the default repertoire`() throws {
        let set = try SpecificCharacterSet(definedTerms: ["ISO_IR 100"])
        #expect(set.decode([0x41, 0xE9], vr: .CS) == "A\u{FFFD}")
        #expect(throws: CharacterSetError.self) { try set.encode("é", vr: .CS) }
        #expect(SpecificCharacterSet.utf8.decode([0xC3, 0xA9], vr: .AE) == "\u{FFFD}\u{FFFD}")
        let japanese = try SpecificCharacterSet(definedTerms: ["ISO_IR 13"])
        #expect(japanese.decode([0x41, 0x5C, 0x7E], vr: .CS) == "A\\~")
    }

    @Test func `a byte of a backslash within a character separates nothing`() throws {
        // In GBK; in JIS X 0208 it is the second byte of U+30DC and the second of many more.
        for term in ["GB18030", "GBK"] {
            let chinese = try SpecificCharacterSet(definedTerms: [term])
            #expect(chinese.decodeValues([0x81, 0x5C, 0x5C, 0x41, 0x20], vr: .LO) == ["乗", "A"])
            #expect(try chinese.encode("乗\\A", vr: .LO) == [0x81, 0x5C, 0x5C, 0x41])
        }
        let japanese = try SpecificCharacterSet(definedTerms: ["", "ISO 2022 IR 87"])
        let value = bytes("1B 24 42 25 5C 49 3D 1B 28 42 5C 41 20")
        #expect(japanese.decodeValues(value, vr: .LO) == ["ボ表", "A"])
        #expect(japanese.decode(bytes("1B 24 42 49 3D 25 5E 1B 28 42 5E 41"), vr: .PN) == "表マ^A")
    }

    @Test func `a backslash followed by a combining mark still separates`() {
        #expect(SpecificCharacterSet.utf8.decodeValues([0x41, 0x5C, 0xCC, 0x81, 0x42], vr: .LO) == ["A", "\u{301}B"])
    }

    @Test func `values are trimmed as their representation says`() {
        let set = SpecificCharacterSet.defaultRepertoire
        #expect(set.decodeValues([0x20, 0x41, 0x5C, 0x42, 0x20], vr: .LO) == ["A", "B"])
        #expect(set.decodeValues([0x20, 0x41, 0x5C, 0x42, 0x20], vr: .LT) == [" A\\B"])
        #expect(set.decodeValues([0x31, 0x2E, 0x32, 0x00], vr: .UI) == ["1.2"])
        #expect(set.decodeValues([], vr: .LO) == [])
        #expect(set.decodeValues([0x5C], vr: .LO) == ["", ""])
    }

    @Test func `delimiters bring the first set back`() throws {
        let set = try SpecificCharacterSet(definedTerms: ["ISO 2022 IR 100", "ISO 2022 IR 144"])
        let russian: [UInt8] = [0x1B, 0x2D, 0x4C, 0xE9]
        for delimiter in [0x5C, 0x0A, 0x0D, 0x0C, 0x09] as [UInt8] {
            #expect(set.decode((russian + [delimiter, 0xE9])[...], vr: .LO).unicodeScalars.last == "é")
        }
        for delimiter in [0x5E, 0x3D] as [UInt8] {
            #expect(set.decode((russian + [delimiter, 0xE9])[...], vr: .PN).unicodeScalars.last == "é")
            #expect(set.decode((russian + [delimiter, 0xE9])[...], vr: .LO).unicodeScalars.last == "щ")
        }
        #expect(set.decode((russian + [0x5C, 0xE9])[...], vr: .LT).unicodeScalars.last == "щ")
    }

    @Test func `a set that was not announced is read where only one can be meant`() throws {
        let korean = try SpecificCharacterSet(definedTerms: ["", "ISO 2022 IR 149"])
        #expect(korean.decode([0xC8, 0xAB, 0x5E, 0xB1, 0xE6], vr: .PN) == "홍^길")
        let none = SpecificCharacterSet.defaultRepertoire
        #expect(none.decode(bytes("1B 24 42 3B 33 1B 28 42"), vr: .PN) == "山")
        #expect(none.decode([0xE9], vr: .PN) == "\u{FFFD}")
    }

    @Test func `an escape sequence that nobody knows stays visible`() {
        #expect(SpecificCharacterSet.defaultRepertoire.decode(bytes("41 1B 5B 33 31 6D"), vr: .LO) == "A\u{1B}[31m")
        #expect(SpecificCharacterSet.defaultRepertoire.decode([0x1B], vr: .LO) == "\u{1B}")
    }

    @Test(arguments: [
        (["ISO_IR 100"], "Łódź", "Ł"), (["ISO_IR 6"], "é", "é"), (["ISO 2022 IR 100", "ISO 2022 IR 144"], "é山", "山"),
        (["GBK"], "王😀", "😀"), (["ISO_IR 13"], "~", "~"), (["ISO_IR 13"], "¥", "¥"),
        (["", "ISO 2022 IR 87"], "\u{1B}", "\u{1B}"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "山홍", "홍"), (["ISO_IR 100"], "e\u{301}", "\u{301}"),
    ])
    func `the character that a set lacks is named`(terms: [String], text: String, missing: Unicode.Scalar) throws {
        let set = try SpecificCharacterSet(definedTerms: terms)
        let error = #expect(throws: CharacterSetError.self) { try set.encode(text, vr: .LO) }
        #expect(error?.code == .notRepresentable(missing))
        #expect(error?.detail.contains("U+") == true)
    }

    @Test func `UTF-8 that is broken is replaced`() {
        #expect(SpecificCharacterSet.utf8.decode([0x41, 0xC3, 0x28, 0xFF], vr: .LO) == "A\u{FFFD}(\u{FFFD}")
        #expect(
            SpecificCharacterSet.utf8.decode([0xED, 0xA0, 0x80], vr: .LO).unicodeScalars.allSatisfy { $0 == "\u{FFFD}" }
        )
    }

    @Test func `GB18030 that is broken is replaced byte by byte`() throws {
        let set = try SpecificCharacterSet(definedTerms: ["GB18030"])
        #expect(set.decode([0x41, 0xFF, 0x42], vr: .LO) == "A\u{FFFD}B")
        #expect(set.decode([0xCD, 0xF5, 0xCD], vr: .LO) == "王\u{FFFD}")
        #expect(try set.encode("a😀é", vr: .LO) == Array(bytes("61 94 39 FC 36 A8 A6")))
        #expect(set.decode(bytes("94 39 FC 36"), vr: .LO) == "😀")
    }

    @Test func `an item without a set of its own has that around it`() {
        var outer = DataSet()
        outer.set(.specificCharacterSet, .CS, "ISO_IR 144")
        let set = SpecificCharacterSet(of: outer)
        #expect(set.definedTerms == ["ISO_IR 144"])
        #expect(SpecificCharacterSet(of: DataSet(), inherited: set) == set)
        var inner = DataSet()
        inner.setEmpty(.specificCharacterSet, .CS)
        #expect(SpecificCharacterSet(of: inner, inherited: set) == .defaultRepertoire)
        inner.set(.specificCharacterSet, .CS, "\\ISO 2022 IR 87")
        #expect(SpecificCharacterSet(of: inner, inherited: set).definedTerms == ["", "ISO 2022 IR 87"])
    }

    @Test func `no bytes are without a text`() throws {
        var generator = Xorshift(state: 0x2545_F491_4F6C_DD1D)
        let sets = try [
            [], ["ISO_IR 192"], ["GB18030"], ["GBK"], ["ISO_IR 13"], ["", "ISO 2022 IR 87", "ISO 2022 IR 159"],
            ["ISO 2022 IR 100", "ISO 2022 IR 149", "ISO 2022 IR 58"],
        ].map { try SpecificCharacterSet(definedTerms: $0) }
        let sequences: [[UInt8]] = [
            [0x1B], [0x1B, 0x24], [0x1B, 0x24, 0x42], [0x1B, 0x24, 0x29, 0x43], [0x5C], [0x5E],
        ]
        for _ in 0..<500 {
            var value: [UInt8] = []
            for _ in 0..<12 {
                let number = generator.next()
                if number & 3 == 0 {
                    value += sequences[Int(number >> 8) % sequences.count]
                } else {
                    value.append(UInt8(truncatingIfNeeded: number >> 16))
                }
            }
            for set in sets {
                for vr in [ValueRepresentation.PN, .LT, .CS] {
                    let text = set.decode(value[...], vr: vr)
                    #expect(text.utf8.count <= 3 * value.count)
                    #expect(set.decodeValues(value[...], vr: vr).count >= 1)
                }
            }
        }
    }

    @Test func `threads do not disturb each other`() async throws {
        let sets = try CharacterSetExample.all.map { try SpecificCharacterSet(definedTerms: $0.terms) }
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var failures = 0
                    for _ in 0..<50 {
                        for (example, set) in zip(CharacterSetExample.all, sets)
                        where set.decode(bytes(example.hexadecimal), vr: example.vr) != example.text {
                            failures += 1
                        }
                    }
                    return failures
                }
            }
            for await failures in group { #expect(failures == 0) }
        }
    }
}

/// Numbers that look random and are the same on every run.
struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
