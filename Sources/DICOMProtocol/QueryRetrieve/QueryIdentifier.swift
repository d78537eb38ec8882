package import DICOM

/// The rules of the identifiers of C-FIND, C-MOVE and C-GET, PS3.4 C.4 and K.4.
package enum QueryIdentifier {
    /// Elements that an identifier may have beside its keys, PS3.4 C.4.1.1.3.
    package static let generalElements: Set<Tag> = [
        .specificCharacterSet, .queryRetrieveLevel, .queryRetrieveView, .retrieveAETitle, .instanceAvailability,
        .timezoneOffsetFromUTC, .storageMediaFileSetID, .storageMediaFileSetUID,
    ]

    /// The elements that every identifier begins with: the character set, the level, and the unique keys of the levels
    /// above, empty, so that they are in the responses. A worklist query has the character set alone.
    ///
    /// - Parameter characterSet: the defined terms of Specific Character Set, separated by backslashes.
    package static func automaticElements(
        model: InformationModel, level: QueryLevel, characterSet: String = "ISO_IR 192"
    ) -> DataSet {
        var identifier = DataSet()
        identifier.set(.specificCharacterSet, .CS, characterSet)
        guard model != .modalityWorklist else { return identifier }
        identifier.set(.queryRetrieveLevel, .CS, level.rawValue)
        for tag in model.uniqueKeys(above: level) {
            identifier.setEmpty(tag, DataDictionary.vr(of: tag))
        }
        return identifier
    }

    /// The unique keys without a value that a retrieval needs: those of the level itself and of the levels above, in
    /// the order of the levels, PS3.4 C.4.2.2.1 and C.4.3.2.1.
    package static func missingUniqueKeys(
        of identifier: DataSet, model: InformationModel, level: QueryLevel
    ) -> [Tag] {
        (model.uniqueKeys(above: level) + [InformationModel.uniqueKey(of: level)]).filter {
            identifier.string($0) == nil
        }
    }
}
