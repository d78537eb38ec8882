package import DICOM
package import DICOMNode
package import System

/// The index of the archive: in memory, built from the files at the start and updated with each instance that is
/// stored.
package final class ArchiveIndex: Sendable {
    private let state = Locked(ArchiveContents())
    let replacedFiles = ReplacedFiles()

    package init() {}

    /// The present contents, as a value.
    var contents: ArchiveContents { state.withLock { $0 } }

    package var instanceCount: Int { state.withLock { $0.instances.count } }
    package var studyCount: Int { state.withLock { $0.studies.count } }

    /// Adds an instance that was stored in a file of its own. The file of the one that it replaces is removed once nobody
    /// reads it any more, if the archive has made it.
    func add(_ file: InstanceFile, _ attributes: DataSet) {
        replacedFiles.revive(file.path)
        let like = state.withLock { $0.likely(file, attributes) }
        let instance = ArchivedInstance(file, attributes: attributes, like: like, replacedFiles: replacedFiles)
        let old = state.withLock { $0.add(instance) }
        guard let old, old.file.path != file.path, Self.isOurs(old.file) else { return }
        replacedFiles.mark(old.file.path)
    }

    /// Adds an instance of a file that was stored.
    ///
    /// - Throws: `FileProblem` if the file cannot be read or is malformed.
    func add(stored path: FilePath) throws(FileProblem) {
        let (file, attributes) = try ArchivedInstance.read(path)
        add(file, attributes)
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
    /// - Parameter problem: called for files that look like DICOM and cannot be used; other files are skipped.
    package func rebuild(
        from folder: FilePath, unless cancellation: Cancellation = .never, problem: (FileProblem) -> Void
    ) {
        // Links could lead out of the folder, to what nobody meant to serve.
        var scanner = FileScanner([folder], recursive: true, followsLinks: false)
        while !cancellation.isRaised, let finding = scanner.next(unless: { cancellation.isRaised }) {
            switch finding {
            case .passedOver(let path, .link):
                problem(FileProblem(path, .notAFile, FileScanner.Reason.link.rawValue))
            case .passedOver: continue
            case .problem(let found): problem(found)
            case .file(let path):
                do throws(FileProblem) {
                    let (file, attributes) = try ArchivedInstance.read(path)
                    guard !file.isMediaStorageDirectory else { continue }
                    // Of two files with one instance the later is the one that was stored last.
                    if let known = instance(file.sopInstanceUID), known.file.modified > file.modified { continue }
                    let like = state.withLock { $0.likely(file, attributes) }
                    let found = ArchivedInstance(file, attributes: attributes, like: like, replacedFiles: replacedFiles)
                    state.withLock { _ = $0.add(found) }
                } catch {
                    if error.code != .notDICOM, error.code != .empty { problem(error) }
                }
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
        private var order = ArrivalOrder()
        private var seriesByUID: [UID: Series] = [:]
        /// Of all series together.
        private(set) var instanceCount = 0

        init(uid: UID) { self.uid = uid }

        /// In the order of their first instances.
        var series: [Series] { order.compactMap { seriesByUID[$0] } }

        var seriesCount: Int { order.count }

        mutating func add(_ instance: UID, to series: UID) {
            if seriesByUID[series] == nil { order.append(series) }
            seriesByUID[series, default: Series(uid: series)].instances.append(instance)
            instanceCount += 1
        }

        mutating func remove(_ instance: UID, from series: UID) {
            guard let before = seriesByUID[series]?.instances.count else { return }
            seriesByUID[series]?.instances.remove(instance)
            let count = seriesByUID[series]?.instances.count ?? 0
            instanceCount -= before - count
            guard count == 0 else { return }
            seriesByUID[series] = nil
            order.remove(series)
        }

        subscript(series uid: UID) -> Series? { seriesByUID[uid] }

        var instances: [UID] { series.flatMap(\.instances) }

        var firstInstance: UID? { order.first.flatMap { seriesByUID[$0] }?.instances.first }
    }

    private(set) var instances: [UID: ArchivedInstance] = [:]
    private(set) var studies: [UID: Study] = [:]
    /// In the order of their first instances.
    private(set) var studyOrder = ArrivalOrder()
    /// The number of instances by SOP class and transfer syntax: each association needs it, so it is kept up to date.
    private var syntaxes: [UID: [TransferSyntax: Int]] = [:]

    /// The latest instance of each SOP class.
    private var latest: [UID: UID] = [:]

    /// An instance whose attributes are likely to be mostly those of another: of its series, or at least its class.
    func likely(_ file: InstanceFile, _ attributes: DataSet) -> ArchivedInstance? {
        let study = attributes.uid(.studyInstanceUID).flatMap { studies[$0] }
        let series = attributes.uid(.seriesInstanceUID).flatMap { study?[series: $0] }
        return (series?.instances.first ?? study?.firstInstance ?? latest[file.sopClassUID]).flatMap { instances[$0] }
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
                return old
            }
            detach(old)
        }
        guard !instance.studyInstanceUID.string.isEmpty else { return old }
        if studies[instance.studyInstanceUID] == nil { studyOrder.append(instance.studyInstanceUID) }
        studies[instance.studyInstanceUID, default: Study(uid: instance.studyInstanceUID)]
            .add(uid, to: instance.seriesInstanceUID)
        return old
    }

    private mutating func detach(_ old: ArchivedInstance) {
        let study = old.studyInstanceUID
        studies[study]?.remove(old.file.sopInstanceUID, from: old.seriesInstanceUID)
        guard studies[study]?.seriesCount == 0 else { return }
        studies[study] = nil
        studyOrder.remove(study)
    }

    func syntaxes(of sopClass: UID) -> [TransferSyntax: Int] { syntaxes[sopClass] ?? [:] }

    func stored(_ uids: some Sequence<UID>) -> [ArchivedInstance] { uids.compactMap { instances[$0] } }
}
