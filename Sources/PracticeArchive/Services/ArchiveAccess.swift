package import DICOM
package import DICOMNode
package import DICOMProtocol
import System

/// The archive for those that reach it without an association: searches, instances, storage, and the faults that concern them.
package struct ArchiveAccess: Sendable {
    private let archive: ArchiveService
    private let reception: ArchiveReception

    init(_ archive: ArchiveService, _ reception: ArchiveReception) {
        self.archive = archive
        self.reception = reception
    }

    /// The AE title of the archive.
    package var title: String { archive.title.string }

    /// What the archive holds.
    package struct Counts: Sendable {
        package let patients: Int
        package let studies: Int
        package let series: Int
        package let instances: Int
    }

    package var instanceCount: Int { archive.index.instanceCount }

    package var counts: Counts {
        let contents = archive.index.contents
        var patients: Set<String> = []
        var series = 0
        for study in contents.studies.values {
            series += study.seriesCount
            patients.insert(study.firstInstance.flatMap { contents.instances[$0] }?.patientID ?? "")
        }
        return Counts(
            patients: patients.count, studies: contents.studies.count, series: series,
            instances: contents.instances.count)
    }

    // MARK: Searching

    /// The matches of one query, found in what the archive held when it was asked.
    package struct Search {
        fileprivate let query: ArchiveQuery
        fileprivate let contents: ArchiveContents
        fileprivate let includesAll: Bool

        /// Calls `body` with each match until it returns false.
        ///
        /// - Throws: The error of `body`.
        package func forEachMatch<Failure: Error>(_ body: (DataSet) throws(Failure) -> Bool) throws(Failure) {
            try query.forEachMatch(in: contents) { (entity) throws(Failure) in
                try body(includesAll ? query.fullResponse(entity) : query.response(entity))
            }
        }

        package var count: Int {
            var count = 0
            query.forEachMatch(in: contents) { _ in
                count += 1
                return true
            }
            return count
        }
    }

    /// The reason why a search is not possible, in words.
    package struct Refusal: Error {
        package let words: String
    }

    /// Prepares a query of the study root model.
    ///
    /// - Parameter includesAll: True to return every attribute of the level.
    /// - Throws: `Refusal` if a key has a value that is not matched at the level.
    package func search(_ identifier: DataSet, includesAll: Bool) throws(Refusal) -> Search {
        let query: ArchiveQuery
        do throws(ArchiveQuery.Refusal) {
            query = try ArchiveQuery(archive.faults.understood(identifier), model: .studyRoot, title: title)
        } catch {
            throw Refusal(words: error.comment)
        }
        if let key = query.unsupportedKeys.first(where: { !$0.isEmpty }) {
            let level = query.level.rawValue.lowercased()
            throw Refusal(
                words: "\(DataDictionary.keyword(of: key.tag)) is not matched in a search for the level \(level)")
        }
        return Search(query: query, contents: archive.index.contents, includesAll: includesAll)
    }

    // MARK: Retrieving

    /// The instances of a study, of one series or one instance of it, in the order of their arrival.
    package func instances(study: UID, series: UID?, instance: UID?) -> [ArchivedInstance] {
        let contents = archive.index.contents
        guard let found = contents.studies[study] else { return [] }
        guard let series else { return contents.stored(found.instances) }
        guard let found = found[series: series] else { return [] }
        guard let instance else { return contents.stored(found.instances) }
        return contents.stored([instance]).filter {
            $0.studyInstanceUID == study && $0.seriesInstanceUID == series
        }
    }

    /// The study and the series of an instance; nil if it is not there, or in no study.
    package func place(of instance: UID) -> (study: UID, series: UID)? {
        guard let found = archive.index.instance(instance), !found.studyInstanceUID.string.isEmpty else { return nil }
        return (found.studyInstanceUID, found.seriesInstanceUID)
    }

    /// The attributes of an instance without the values of its bulk data.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or has changed.
    package func metadata(of file: InstanceFile) throws(FileProblem) -> DataSet {
        let opened = try InstanceFile.open(file.path)
        var found = try InstanceAttributes.readMetadata(opened.file, opened.descriptor)
        found.set(.availableTransferSyntaxUID, .UI, opened.file.transferSyntax.uid.string)
        return found
    }

    // MARK: Storing

    /// The receiver of a peer's instances.
    package func receiver(from peer: String, by service: String) -> InstanceReceiver {
        reception.receiver(from: peer, by: service)
    }

    /// Lets no file be removed between the moment when an instance has its file and that when the index has it.
    package func storing(_ body: () -> DIMSEStatus) -> DIMSEStatus {
        var status = DIMSEStatus.processingFailure
        archive.index.replacedFiles.storing { status = body() }
        return status
    }

    // MARK: Faults and events

    package var faults: FaultPlan { archive.faults }

    package func report(_ event: ArchiveEvent) { archive.report(event) }
}
