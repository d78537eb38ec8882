/// The Specific Character Set of a query, chosen by the locale's encoding (PS3.3 C.12.1.1.2).
package enum QueryCharacterSet {
    /// The defined term for a codeset as `nl_langinfo(CODESET)` names it; UTF-8's for one that DICOM has no term for.
    package static func definedTerm(forCodeset codeset: String) -> String {
        // The same set is spelled ISO-8859-1, ISO8859-1, iso88591.
        let name = String(
            codeset.uppercased().unicodeScalars.filter { ("A"..."Z").contains($0) || ("0"..."9").contains($0) })
        return terms[name] ?? utf8
    }

    package static let utf8 = "ISO_IR 192"

    private static let terms = [
        "UTF8": utf8,
        // ASCII is part of ISO_IR 100, which lets a server answer with more.
        "USASCII": "ISO_IR 100", "ANSIX341968": "ISO_IR 100", "ASCII": "ISO_IR 100",
        "ISO88591": "ISO_IR 100", "ISO88592": "ISO_IR 101", "ISO88593": "ISO_IR 109", "ISO88594": "ISO_IR 110",
        "ISO88595": "ISO_IR 144", "ISO88596": "ISO_IR 127", "ISO88597": "ISO_IR 126", "ISO88598": "ISO_IR 138",
        "ISO88599": "ISO_IR 148", "EUCJP": "ISO_IR 13", "TIS620": "ISO_IR 166",
        // Korean is a code extension (Table C.12-4): the default repertoire stands before it, as no term at all.
        "EUCKR": "\\ISO 2022 IR 149", "GB18030": "GB18030",
    ]
}
