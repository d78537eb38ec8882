import DICOM
import DICOMProtocol

/// One thing to be retrieved by one request: a patient, studies, series, or instances of a series.
struct RetrievalTarget: Sendable {
    /// Of a C-MOVE or C-GET: level and unique keys, PS3.4 C.4.2.2.1.
    let identifier: DataSet
    let level: QueryLevel
    /// The lines of a list that asked for it.
    var rows: [Row] = []

    struct Row: Sendable {
        let line: Int
        /// The instance that the line names, where it names one.
        let sopInstanceUID: UID?
    }

    init(identifier: DataSet, level: QueryLevel, rows: [Row] = []) {
        self.identifier = identifier
        self.level = level
        self.rows = rows
    }

    /// As messages name it: never by what identifies a patient.
    var name: String {
        let uids = identifier.uids(InformationModel.uniqueKey(of: level))
        switch (level, uids.count) {
        case (.patient, _): return rows.isEmpty ? "patient" : "patient of line \(rows[0].line)"
        case (.study, 1): return "study \(uids[0])"
        case (.study, let count): return "\(count) studies"
        case (.series, 1): return "series \(uids[0])"
        case (.series, let count): return "\(count) series"
        case (.image, 1): return "instance \(uids[0])"
        case (.image, let count): return "\(count) instances"
        }
    }

    /// What decides which share of the work it belongs to.
    var shardKey: UID {
        identifier.uid(.studyInstanceUID) ?? identifier.uid(.seriesInstanceUID) ?? identifier.uid(.sopInstanceUID)
            ?? UID(identifier.string(.patientID) ?? "")
    }

    /// One target for each UID of the level, so that they can be divided.
    var parts: [RetrievalTarget] {
        let key = InformationModel.uniqueKey(of: level)
        let uids = identifier.uids(key)
        guard level != .patient, level != .image, uids.count > 1 else { return [self] }
        return uids.map { uid in
            var part = identifier
            part.set(key, uid)
            return RetrievalTarget(identifier: part, level: level, rows: rows)
        }
    }
}
