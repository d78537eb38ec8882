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
    private let contents: ArchiveContents
    private let title: String

    init(
        _ level: QueryLevel, first: ArchivedInstance, studies: [ArchiveContents.Study],
        series: ArchiveContents.Series? = nil, in contents: ArchiveContents, title: String
    ) {
        self.level = level
        self.first = first
        self.studies = studies
        self.series = series
        self.contents = contents
        self.title = title
    }

    var characterSet: SpecificCharacterSet { SpecificCharacterSet(of: first.attributes) }

    /// The instances below, in the order of their arrival.
    var instances: [ArchivedInstance] {
        switch level {
        case .image: [first]
        case .series: contents.stored(series?.instances ?? [])
        case .study, .patient: contents.stored(studies.flatMap(\.instances))
        }
    }

    /// The attribute of the entity; nil if it has none.
    func element(_ tag: Tag) -> DataElement? {
        switch tag {
        case .retrieveAETitle: text(tag, .AE, [title])
        case .instanceAvailability: text(tag, .CS, ["ONLINE"])
        case .modalitiesInStudy: text(tag, .CS, modalities)
        case .sopClassesInStudy: text(tag, .UI, sopClasses)
        case .availableTransferSyntaxUID: text(tag, .UI, [first.file.transferSyntax.uid.string])
        case .numberOfPatientRelatedStudies: count(tag, patientStudies.count)
        case .numberOfPatientRelatedSeries: count(tag, patientStudies.reduce(0) { $0 + $1.series.count })
        case .numberOfPatientRelatedInstances: count(tag, patientStudies.reduce(0) { $0 + $1.instanceCount })
        case .numberOfStudyRelatedSeries: count(tag, studies.first?.series.count ?? 0)
        case .numberOfStudyRelatedInstances: count(tag, studies.first?.instanceCount ?? 0)
        case .numberOfSeriesRelatedInstances: count(tag, series?.instances.count ?? 0)
        default: first.attributes[tag]
        }
    }

    private var patientStudies: [ArchiveContents.Study] {
        guard level != .patient else { return studies }
        return contents.studyOrder.compactMap { contents.studies[$0] }.filter { study in
            study.firstInstance.flatMap { contents.instances[$0] }?.patientID == first.patientID
        }
    }

    private var modalities: [String] {
        distinct { contents.stored($0.instances.prefix(1)).compactMap { $0.attributes.string(.modality) } }
    }

    private var sopClasses: [String] {
        distinct { contents.stored($0.instances).map(\.file.sopClassUID.string) }
    }

    private func distinct(_ values: (ArchiveContents.Series) -> [String]) -> [String] {
        var seen: Set<String> = []
        return (studies.first?.series ?? []).flatMap(values).filter { seen.insert($0).inserted }
    }

    private func text(_ tag: Tag, _ vr: ValueRepresentation, _ values: [String]) -> DataElement? {
        var dataSet = DataSet()
        dataSet.set(tag, vr, values.joined(separator: "\\"))
        return dataSet[tag]
    }

    private func count(_ tag: Tag, _ number: Int) -> DataElement? { text(tag, .IS, [String(number)]) }
}

extension Tag {
    static let availableTransferSyntaxUID = Tag(0x0008_3002)
}
