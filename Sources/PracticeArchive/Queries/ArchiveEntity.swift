import DICOM
import DICOMProtocol

/// One patient, study, series or instance of the archive, as queries match and return it: the attributes of the first
/// instance below it, and those that are counted over all of them.
struct ArchiveEntity {
    let level: QueryLevel
    let first: ArchivedInstance
    /// The studies of the patient; at lower levels the one study.
    let studies: [ArchiveContents.Study]
    let series: ArchiveContents.Series?
    private let counted: ArchiveCounts
    private let title: String

    init(
        _ level: QueryLevel, first: ArchivedInstance, studies: [ArchiveContents.Study],
        series: ArchiveContents.Series? = nil, counted: ArchiveCounts, title: String
    ) {
        self.level = level
        self.first = first
        self.studies = studies
        self.series = series
        self.counted = counted
        self.title = title
    }

    /// Those of the first instance, made anew at each call.
    var attributes: DataSet { first.attributes }

    var characterSet: SpecificCharacterSet {
        var own = DataSet()
        own[.specificCharacterSet] = first[.specificCharacterSet]
        return SpecificCharacterSet(of: own)
    }

    /// The instances below, in the order of their arrival.
    var instances: [ArchivedInstance] {
        switch level {
        case .image: [first]
        case .series: series.map { counted.contents.stored($0.instances) } ?? []
        case .study, .patient: counted.contents.stored(studies.flatMap(\.instances))
        }
    }

    /// The attribute of the entity; nil if it has none.
    func element(_ tag: Tag) -> DataElement? {
        switch tag {
        case .retrieveAETitle: text(tag, .AE, [title])
        case .instanceAvailability: text(tag, .CS, ["ONLINE"])
        case .modalitiesInStudy: text(tag, .CS, studies.first.map { counted.modalities(of: $0) } ?? [])
        case .sopClassesInStudy: text(tag, .UI, studies.first.map { counted.sopClasses(of: $0) } ?? [])
        case .availableTransferSyntaxUID: text(tag, .UI, [first.file.transferSyntax.uid.string])
        case .numberOfPatientRelatedStudies: count(tag, patientStudies.count)
        case .numberOfPatientRelatedSeries: count(tag, relatedToPatient.series)
        case .numberOfPatientRelatedInstances: count(tag, relatedToPatient.instances)
        case .numberOfStudyRelatedSeries: count(tag, studies.first?.seriesCount ?? 0)
        case .numberOfStudyRelatedInstances: count(tag, studies.first?.instanceCount ?? 0)
        case .numberOfSeriesRelatedInstances: count(tag, series?.instances.count ?? 0)
        default: first[tag]
        }
    }

    private var patientStudies: [ArchiveContents.Study] {
        level == .patient ? studies : counted.studies(ofPatient: first.patientID)
    }

    private var relatedToPatient: ArchiveCounts.Related {
        level == .patient ? ArchiveCounts.Related(to: studies) : counted.related(toPatient: first.patientID)
    }

    private func text(_ tag: Tag, _ vr: ValueRepresentation, _ values: [String]) -> DataElement? {
        var dataSet = DataSet()
        dataSet.set(tag, vr, values.joined(separator: "\\"))
        return dataSet[tag]
    }

    private func count(_ tag: Tag, _ number: Int) -> DataElement? { text(tag, .IS, [String(number)]) }
}

/// What is counted over all instances of a study or patient, once for a query and not again for each match.
final class ArchiveCounts {
    let contents: ArchiveContents
    private var modalities: [UID: [String]] = [:]
    private var sopClasses: [UID: [String]] = [:]
    private var studiesByPatient: [String: [ArchiveContents.Study]] = [:]
    private var relatedToPatient: [String: Related] = [:]
    /// The studies that only a comparison finds, by the Patient ID of their first instance.
    private lazy var irregular: [String: [UID]] = Dictionary(
        grouping: contents.studies(ofKey: ArchivedInstance.irregularPatientKey)
    ) { contents.studies[$0].flatMap(patientID) ?? "" }

    init(_ contents: ArchiveContents) { self.contents = contents }

    func modalities(of study: ArchiveContents.Study) -> [String] {
        if let known = modalities[study.uid] { return known }
        let values = distinct(study) {
            contents.stored($0.instances.prefix(1)).compactMap { $0.string(.modality) }
        }
        modalities[study.uid] = values
        return values
    }

    func sopClasses(of study: ArchiveContents.Study) -> [String] {
        if let known = sopClasses[study.uid] { return known }
        let values = distinct(study) { contents.stored($0.instances).map(\.file.sopClassUID.string) }
        sopClasses[study.uid] = values
        return values
    }

    /// The studies whose first instance is of the patient.
    func studies(ofPatient patientID: String) -> [ArchiveContents.Study] {
        if let known = studiesByPatient[patientID] { return known }
        let regular = ArchivedInstance.patientKey(Array(patientID.utf8)[...]).map { contents.studies(ofKey: $0) } ?? []
        var seen: Set<UID> = []
        let found = (regular + (irregular[patientID] ?? [])).filter { seen.insert($0).inserted }
            .compactMap { contents.studies[$0] }.filter { self.patientID(of: $0) == patientID }
        studiesByPatient[patientID] = found
        return found
    }

    private func patientID(of study: ArchiveContents.Study) -> String? {
        study.firstInstance.flatMap { contents.instances[$0] }?.patientID
    }

    /// The numbers of series and instances of a patient's studies.
    struct Related {
        private(set) var series = 0
        private(set) var instances = 0

        init(to studies: [ArchiveContents.Study]) {
            for study in studies {
                series += study.seriesCount
                instances += study.instanceCount
            }
        }
    }

    func related(toPatient patientID: String) -> Related {
        if let known = relatedToPatient[patientID] { return known }
        let related = Related(to: studies(ofPatient: patientID))
        relatedToPatient[patientID] = related
        return related
    }

    private func distinct(
        _ study: ArchiveContents.Study, _ values: (ArchiveContents.Series) -> [String]
    ) -> [String] {
        var seen: Set<String> = []
        return study.series.flatMap(values).filter { seen.insert($0).inserted }
    }
}
