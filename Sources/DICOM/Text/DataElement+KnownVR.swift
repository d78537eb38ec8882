extension DataElement {
    /// The representation by which a value is shown: for UN that of the dictionary, if it knows the element.
    ///
    /// Whoever sent it did not know; its bytes are those of the representation in little endian (PS3.5 6.2.2). A sequence
    /// stays UN, as its bytes were not taken apart.
    var knownVR: ValueRepresentation {
        guard vr == .UN, !tag.isPrivate else { return vr }
        let known = DataDictionary.vr(of: tag)
        return known == .SQ ? .UN : known
    }
}
