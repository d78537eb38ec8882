package import DICOM
package import DICOMNode
import Synchronization
package import System

/// The index of the archive: in memory, built from the files at the start and updated with each instance that is
/// stored.
package final class ArchiveIndex: Sendable {
    private let state = Locked(ArchiveContents())
    /// True if the index file of the folder does not tell what is here.
    private let hasUnwritten = Atomic(false)
    let replacedFiles = ReplacedFiles()

    package init() {}

    /// The present contents, as a value.
    var contents: ArchiveContents { state.withLock { $0 } }

    package var instanceCount: Int { state.withLock { $0.instances.count } }
    package var studyCount: Int { state.withLock { $0.studies.count } }

    /// Adds an instance that was stored in a file of its own. The file of the one that it replaces is removed once nobody
    /// reads it any more, if the archive has made it.
    func add(_ file: InstanceFile, _ attributes: EncodedElements, identity: FileIdentity? = nil) {
        hasUnwritten.store(true, ordering: .relaxed)
        replacedFiles.revive(file.path)
        let like = state.withLock { $0.likely(file, attributes) }
        let instance = ArchivedInstance(
            file, identity: identity, attributes: attributes, like: like, replacedFiles: replacedFiles)
        let old = state.withLock { $0.add(instance) }
        guard let old, old.file.path != file.path, Self.isOurs(old.file) else { return }
        replacedFiles.mark(old.file.path)
    }

    /// Adds an instance of a file that was stored.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    func add(stored path: FilePath) throws(FileProblem) {
        let found = try ArchivedInstance.read(path)
        // Where times are of whole seconds, somebody may change it in the same second: it is read once more at the next start.
        let stamp = found.stamp.flatMap { $0.hasFineTimes ? $0 : nil }
        add(found.file, found.attributes, identity: stamp.map { FileIdentity($0) })
    }

    /// True if the file has a name that the archive gives: that of the instance.
    private static func isOurs(_ file: InstanceFile) -> Bool {
        let name = file.path.lastComponent.bytes
        return name.starts(with: file.sopInstanceUID.string.utf8) && name.suffix(4).elementsEqual(".dcm".utf8)
    }

    /// The instance of a UID.
    package func instance(_ uid: UID) -> ArchivedInstance? { state.withLock { $0.instances[uid] } }

    /// True if the instance of the UID is that of the file.
    func holds(_ path: FilePath, _ uid: UID) -> Bool { instance(uid)?.file.path == path }

    /// Adds every instance below a folder, until the cancellation is raised.
    ///
    /// - Parameters:
    ///   - began: the present moment, in nanoseconds since 1970.
    ///   - problem: called for files that look like DICOM and cannot be used; other files are skipped.
    package func rebuild(
        from folder: FilePath, at began: Int64 = FileStamp.now, unless cancellation: Cancellation = .never,
        problem: (FileProblem) -> Void
    ) {
        let records = IndexFileReader(in: folder)
        let prefix = folder.appending("").bytes.count
        var unrecorded: [ArchivedInstance] = []
        FolderReading.read(
            folder, unless: cancellation, record: { records?.record(for: $0.bytes.dropFirst(prefix)) },
            by: { self.reader(at: began) }
        ) { finding in
            switch finding {
            case .problem(let found): problem(found)
            case .instance(let found, let isRecorded):
                if !isRecorded, found.isRecordable { unrecorded.append(found) }
                // Of two files with one instance the later is the one that was stored last.
                state.withLock { contents in
                    let known = contents.instances[found.file.sopInstanceUID]
                    if let known, known.file.modified > found.file.modified { return }
                    _ = contents.add(found)
                }
            }
        }
        // An older file of an instance is in no index, and is no news.
        let hasNews = unrecorded.contains { instance($0.file.sopInstanceUID) === $0 }
        if hasNews { hasUnwritten.store(true, ordering: .relaxed) }
        // What it tells of files that are gone is to go, too.
        if !cancellation.isRaised, records?.hasPassed() == true { hasUnwritten.store(true, ordering: .relaxed) }
    }

    /// Writes the index file of the folder, if there is something new to tell, and enough of it.
    ///
    /// - Throws: `FileProblem` if it cannot be written.
    func writeFile(in folder: OutputFolder) throws(FileProblem) {
        guard folder.isWritable, hasUnwritten.exchange(false, ordering: .relaxed) else { return }
        let contents = contents
        guard contents.instances.count >= IndexFile.fewestInstances else { return }
        try IndexFile.write(contents.instances.values, in: folder)
    }

    /// Reads files one after the other, of which the next is likely to be like the last.
    ///
    /// - Parameter began: when the walk began, in nanoseconds since 1970.
    private func reader(at began: Int64) -> FolderReading.Reader {
        var last: ArchivedInstance?
        var lastWhole: (common: CommonElements, elements: EncodedElements)?
        func whole(_ common: CommonElements) -> EncodedElements {
            if let lastWhole, lastWhole.common === common { return lastWhole.elements }
            let elements = common.whole
            lastWhole = (common, elements)
            return elements
        }
        return { path, record in
            if let found = record?.instance(at: path, like: last, replacedFiles: self.replacedFiles) {
                last = found
                return .instance(found, isRecorded: true)
            }
            do throws(FileProblem) {
                let reading = try ArchivedInstance.read(path)
                let (file, attributes) = (reading.file, reading.attributes)
                guard !file.isMediaStorageDirectory else { return nil }
                let stamp = reading.stamp.flatMap { $0.isSettled(at: began) ? $0 : nil }
                let isOfSeries = last.map { $0.seriesInstanceUID == attributes.uid(.seriesInstanceUID) } ?? false
                let like = isOfSeries ? last : self.state.withLock { $0.likely(file, attributes) } ?? last
                let found = ArchivedInstance(
                    file, identity: stamp.map { FileIdentity($0) }, attributes: attributes, like: like,
                    whole: whole, replacedFiles: self.replacedFiles)
                last = found
                return .instance(found, isRecorded: false)
            } catch {
                return error.code == .notDICOM || error.code == .empty ? nil : .problem(error)
            }
        }
    }

    /// The series that an instance belongs to.
    package func seriesInstanceUID(of instance: UID) -> UID? { self.instance(instance)?.seriesInstanceUID }
}

/// The contents of the archive by patient, study, series and instance. A value: a query works on its own copy while
/// others go on storing.
struct ArchiveContents: Sendable {
    struct Series: Sendable {
        let uid: UID
        fileprivate(set) var instances = ArrivalOrder()
    }

    struct Study: Sendable {
        let uid: UID
        /// How many instances are of each patient, by ``ArchivedInstance/patientKey``.
        fileprivate var patients: [String: Int] = [:]
        private var order = ArrivalOrder()
        private var seriesByUID: [UID: Series] = [:]
        /// Of all series together.
        private(set) var instanceCount = 0
        /// The first instance of the first series. Kept, as a query compares it of each study.
        private(set) var firstInstance: UID?

        init(uid: UID) { self.uid = uid }

        /// In the order of their first instances.
        var series: [Series] { order.compactMap { seriesByUID[$0] } }

        var seriesCount: Int { order.count }

        /// Returns true if the series is new.
        mutating func add(_ instance: UID, to series: UID) -> Bool {
            let isNew = seriesByUID[series] == nil
            if isNew { order.append(series) }
            seriesByUID[series, default: Series(uid: series)].instances.append(instance)
            instanceCount += 1
            firstInstance = firstInstance ?? instance
            return isNew
        }

        mutating func remove(_ instance: UID, from series: UID) {
            guard let before = seriesByUID[series]?.instances.count else { return }
            seriesByUID[series]?.instances.remove(instance)
            let count = seriesByUID[series]?.instances.count ?? 0
            instanceCount -= before - count
            if count == 0 {
                seriesByUID[series] = nil
                order.remove(series)
            }
            if firstInstance == instance { firstInstance = order.first.flatMap { seriesByUID[$0] }?.instances.first }
        }

        subscript(series uid: UID) -> Series? { seriesByUID[uid] }

        var instances: [UID] { series.flatMap(\.instances) }
    }

    private(set) var instances: [UID: ArchivedInstance] = [:]
    private(set) var studies: [UID: Study] = [:]
    /// In the order of their first instances.
    private(set) var studyOrder = ArrivalOrder()
    /// The studies that have an instance of the patient, by ``ArchivedInstance/patientKey``.
    private var studiesByPatient: [String: ArrivalOrder] = [:]
    /// The studies that have an instance of the series: one, unless somebody has given a UID twice.
    private var studiesBySeries: [UID: [UID]] = [:]
    /// The number of instances by SOP class and transfer syntax: each association needs it, so it is kept up to date.
    private var syntaxes: [UID: [TransferSyntax: Int]] = [:]

    /// The latest instance of each SOP class.
    private var latest: [UID: UID] = [:]

    /// An instance whose attributes are likely to be mostly those of another: of its series, or at least its class.
    func likely(_ file: InstanceFile, _ attributes: EncodedElements) -> ArchivedInstance? {
        let seriesUID = attributes.uid(.seriesInstanceUID)
        let last = latest[file.sopClassUID].flatMap { instances[$0] }
        if let last, last.seriesInstanceUID == seriesUID { return last }
        let study = attributes.uid(.studyInstanceUID).flatMap { studies[$0] }
        let series = seriesUID.flatMap { study?[series: $0] }
        // The first of a series may differ from another series; what it has in common with the second, the second has.
        return (series?.instances.last ?? study?.firstInstance ?? latest[file.sopClassUID]).flatMap { instances[$0] }
    }

    /// Adds an instance, or replaces the one of the same UID, which it returns.
    mutating func add(_ instance: ArchivedInstance) -> ArchivedInstance? {
        let uid = instance.file.sopInstanceUID
        let old = instances.updateValue(instance, forKey: uid)
        latest[instance.file.sopClassUID] = uid
        syntaxes[instance.file.sopClassUID, default: [:]][instance.file.transferSyntax, default: 0] += 1
        if let old {
            syntaxes[old.file.sopClassUID]?[old.file.transferSyntax, default: 1] -= 1
            if old.studyInstanceUID == instance.studyInstanceUID, old.seriesInstanceUID == instance.seriesInstanceUID {
                if old.patientKey != instance.patientKey {
                    countPatient(of: old, by: -1)
                    countPatient(of: instance, by: 1)
                }
                return old
            }
            detach(old)
        }
        let study = instance.studyInstanceUID
        guard !study.string.isEmpty else { return old }
        if studies[study] == nil { studyOrder.append(study) }
        let isNewSeries = studies[study, default: Study(uid: study)].add(uid, to: instance.seriesInstanceUID)
        if isNewSeries { studiesBySeries[instance.seriesInstanceUID, default: []].append(study) }
        countPatient(of: instance, by: 1)
        return old
    }

    private mutating func detach(_ old: ArchivedInstance) {
        let study = old.studyInstanceUID
        guard studies[study] != nil else { return }
        countPatient(of: old, by: -1)
        let series = old.seriesInstanceUID
        studies[study]?.remove(old.file.sopInstanceUID, from: series)
        if studies[study]?[series: series] == nil {
            let others = studiesBySeries[series]?.filter { $0 != study } ?? []
            studiesBySeries[series] = others.isEmpty ? nil : others
        }
        guard studies[study]?.seriesCount == 0 else { return }
        studies[study] = nil
        studyOrder.remove(study)
    }

    private mutating func countPatient(of instance: ArchivedInstance, by step: Int) {
        let (key, study) = (instance.patientKey, instance.studyInstanceUID)
        guard let known = studies[study] else { return }
        guard let count = known.patients[key] else {
            studies[study]?.patients[key] = step
            studiesByPatient[key, default: ArrivalOrder()].append(study)
            return
        }
        guard count + step == 0 else {
            studies[study]?.patients[key] = count + step
            return
        }
        studies[study]?.patients[key] = nil
        studiesByPatient[key]?.remove(study)
        if studiesByPatient[key]?.isEmpty == true { studiesByPatient[key] = nil }
    }

    /// The studies that may have an instance of one of the patients, each once.
    func studies(ofPatients keys: [String]) -> [UID] {
        var seen: Set<UID> = []
        return (keys + [ArchivedInstance.irregularPatientKey]).flatMap { studies(ofKey: $0) }
            .filter { seen.insert($0).inserted }
    }

    /// The studies that have an instance of this key, each once.
    func studies(ofKey key: String) -> [UID] { studiesByPatient[key].map(Array.init) ?? [] }

    /// The studies that have an instance of one of the series, each once.
    func studies(ofSeries uids: [UID]) -> [UID] {
        var seen: Set<UID> = []
        return uids.flatMap { studiesBySeries[$0] ?? [] }.filter { seen.insert($0).inserted }
    }

    func syntaxes(of sopClass: UID) -> [TransferSyntax: Int] { syntaxes[sopClass] ?? [:] }

    func stored(_ uids: some Sequence<UID>) -> [ArchivedInstance] { uids.compactMap { instances[$0] } }
}
