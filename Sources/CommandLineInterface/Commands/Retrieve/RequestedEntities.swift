import DICOM
import DICOMNode
import DICOMProtocol

/// The entities that were asked for, by their unique keys: what a received instance must belong to.
struct RequestedEntities: Sendable {
    private var patients: Set<String> = []
    private var studies: Set<UID> = []
    private var series: Set<UID> = []
    /// With the studies that they were asked for in; of none if the request names none.
    private var instances: [UID: Set<UID>] = [:]

    init() {}

    /// - Parameter listed: what the server lists of the target.
    init(_ target: RetrievalTarget, listed: [InstanceListing.Series] = []) {
        let identifier = target.identifier
        switch target.level {
        case .patient:
            patients = Set(identifier.strings(.patientID).map(Self.patient))
            // A server that knows a patient by several identifiers lists the studies of all of them.
            studies = Set(listed.map(\.studyInstanceUID))
        case .study: studies = Set(identifier.uids(.studyInstanceUID))
        case .series: series = Set(identifier.uids(.seriesInstanceUID))
        case .image:
            let studies = Set(identifier.uids(.studyInstanceUID))
            for uid in identifier.uids(.sopInstanceUID) { instances[uid] = studies }
        }
    }

    mutating func formUnion(_ other: RequestedEntities) {
        patients.formUnion(other.patients)
        studies.formUnion(other.studies)
        series.formUnion(other.series)
        instances.merge(other.instances) { $0.isEmpty || $1.isEmpty ? [] : $0.union($1) }
    }

    /// Servers compare the identifiers of patients with or without regard to case.
    private static func patient(_ id: String) -> String { id.lowercased() }

    /// Returns true if the instance belongs to what was asked for, false if it does not, and nil if its data set does not
    /// tell.
    func includes(_ instance: ReceivedInstance.Origin) -> Bool? {
        if let askedIn = instances.isEmpty ? nil : instances[instance.sopInstanceUID] {
            guard let study = instance.identity.studyInstanceUID, !askedIn.isEmpty, !askedIn.contains(study) else {
                return true
            }
        }
        let isOfStudy = studies.isEmpty ? false : instance.identity.studyInstanceUID.map { studies.contains($0) }
        let isOfSeries = series.isEmpty ? false : instance.identity.seriesInstanceUID.map { series.contains($0) }
        let isOfPatient =
            patients.isEmpty ? false : instance.identity.patientID.map { patients.contains(Self.patient($0)) }
        if isOfStudy == true || isOfSeries == true || isOfPatient == true { return true }
        return isOfStudy == nil || isOfSeries == nil || isOfPatient == nil ? nil : false
    }
}
