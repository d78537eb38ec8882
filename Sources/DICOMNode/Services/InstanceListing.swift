package import DICOM
package import DICOMProtocol

/// Asks a peer which instances belong to what is to be retrieved, level by level as the hierarchical model wants it (PS3.4
/// C.4.1.2.1): studies of a patient, series of a study, instances of a series.
package struct InstanceListing {
    /// An instance that the peer says it has.
    package struct Entry: Sendable, Hashable {
        package let sopInstanceUID: UID
        /// Not every peer tells.
        package let sopClassUID: UID?
        package let studyInstanceUID: UID
        package let seriesInstanceUID: UID
    }

    private let association: Association
    private let model: InformationModel

    /// - Parameter association: has a context for the model's C-FIND.
    package init(on association: Association, model: InformationModel) {
        self.association = association
        self.model = model
    }

    /// Why a list could not be had.
    package enum Failure: Error {
        case association(AssociationError)
        case refused(CommandSet)
        /// The keys name neither a patient nor a study.
        case nothingToListBy
    }

    /// Lists all instances below what the identifier of a retrieval names; each is handed on as it arrives.
    ///
    /// - Parameter identifier: with its Query/Retrieve Level and its unique keys, single or lists of UIDs.
    package func list(_ identifier: DataSet, level: QueryLevel, onEntry: (Entry) -> Void) throws(Failure) {
        for study in try studies(identifier, level) {
            for series in try series(of: study, identifier, level) {
                var keys = base(.image, identifier, study: study)
                keys.set(.seriesInstanceUID, series)
                keys.setEmpty(.sopClassUID, .UI)
                keys.setEmpty(.sopInstanceUID, .UI)
                if level == .image { keys[.sopInstanceUID] = identifier[.sopInstanceUID] ?? keys[.sopInstanceUID] }
                try find(keys) { answer in
                    guard let instance = answer.uid(.sopInstanceUID) else { return }
                    onEntry(
                        Entry(
                            sopInstanceUID: instance, sopClassUID: answer.uid(.sopClassUID), studyInstanceUID: study,
                            seriesInstanceUID: series))
                }
            }
        }
    }

    private func studies(_ identifier: DataSet, _ level: QueryLevel) throws(Failure) -> [UID] {
        let given = identifier.uids(.studyInstanceUID)
        if !given.isEmpty { return given }
        guard level == .patient, identifier.string(.patientID) != nil else { throw .nothingToListBy }
        var keys = base(.study, identifier, study: nil)
        keys.setEmpty(.studyInstanceUID, .UI)
        return try uids(.studyInstanceUID, keys)
    }

    private func series(of study: UID, _ identifier: DataSet, _ level: QueryLevel) throws(Failure) -> [UID] {
        let given = level >= .series ? identifier.uids(.seriesInstanceUID) : []
        if !given.isEmpty { return given }
        var keys = base(.series, identifier, study: study)
        keys.setEmpty(.seriesInstanceUID, .UI)
        return try uids(.seriesInstanceUID, keys)
    }

    private func base(_ level: QueryLevel, _ identifier: DataSet, study: UID?) -> DataSet {
        var keys = DataSet()
        keys[.specificCharacterSet] = identifier[.specificCharacterSet]
        keys.set(.queryRetrieveLevel, .CS, level.rawValue)
        if model == .patientRoot || model == .patientStudyOnly { keys[.patientID] = identifier[.patientID] }
        if let study { keys.set(.studyInstanceUID, study) }
        return keys
    }

    private func uids(_ tag: Tag, _ keys: DataSet) throws(Failure) -> [UID] {
        var found: [UID] = []
        try find(keys) { answer in
            if let uid = answer.uid(tag) { found.append(uid) }
        }
        return found
    }

    private func find(_ keys: DataSet, onAnswer: (DataSet) -> Void) throws(Failure) {
        let result: ExchangeResult
        do throws(AssociationError) {
            result = try FindSCU.find(on: association, sopClass: model.findSOPClass, identifier: keys) {
                bytes, syntax in
                do throws(DataSetError) {
                    onAnswer(try DataSetDecoder(syntax).decode(bytes))
                } catch {
                    // An answer that cannot be read names no instance; what is missing for it is seen in the end.
                }
                return .goOn
            }
        } catch {
            throw .association(error)
        }
        if result.wasInterrupted { throw .association(.interrupted(.graceful)) }
        guard let final = result.final?.command else { return }
        guard final.status?.kind == .success else { throw .refused(final) }
    }
}
