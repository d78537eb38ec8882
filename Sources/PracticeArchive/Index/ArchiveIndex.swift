package import DICOM
package import DICOMNode
package import System

/// The index of the archive: in memory, built from the files at the start and updated with each instance that is
/// stored.
package final class ArchiveIndex: Sendable {
    private let state = Locked(ArchiveContents())

    package init() {}

    /// The present contents, as a value.
    var contents: ArchiveContents { state.withLock { $0 } }

    package var instanceCount: Int { state.withLock { $0.instances.count } }
    package var studyCount: Int { state.withLock { $0.studies.count } }

    package func add(_ instance: ArchivedInstance) { state.withLock { $0.add(instance) } }

    /// The instance of a UID.
    package func instance(_ uid: UID) -> ArchivedInstance? { state.withLock { $0.instances[uid] } }

    /// Adds every instance below a folder.
    ///
    /// - Parameter problem: called for files that look like DICOM and cannot be used; other files are skipped.
    package func rebuild(from folder: FilePath, problem: (FileProblem) -> Void) {
        var scanner = FileScanner([folder], recursive: true)
        while let finding = scanner.next() {
            switch finding {
            case .passedOver: continue
            case .problem(let found): problem(found)
            case .file(let path):
                do throws(FileProblem) {
                    let instance = try ArchivedInstance.read(path)
                    if !instance.file.isMediaStorageDirectory { add(instance) }
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
        /// In the order of their arrival.
        var instances: [UID] = []
    }

    struct Study: Sendable {
        let uid: UID
        var series: [Series] = []
        private var places: [UID: Int] = [:]

        init(uid: UID) { self.uid = uid }

        mutating func add(_ instance: UID, to series: UID) {
            let place = places[series] ?? self.series.count
            if place == self.series.count {
                self.series.append(Series(uid: series))
                places[series] = place
            }
            self.series[place].instances.append(instance)
        }

        mutating func remove(_ instance: UID, from series: UID) {
            guard let place = places[series] else { return }
            self.series[place].instances.removeAll { $0 == instance }
            guard self.series[place].instances.isEmpty else { return }
            self.series.remove(at: place)
            places = Dictionary(
                self.series.enumerated().map { ($1.uid, $0) }, uniquingKeysWith: { first, _ in first })
        }

        subscript(series uid: UID) -> Series? { places[uid].map { series[$0] } }

        var instances: [UID] { series.flatMap(\.instances) }

        var instanceCount: Int { series.reduce(0) { $0 + $1.instances.count } }

        var firstInstance: UID? { series.first?.instances.first }
    }

    private(set) var instances: [UID: ArchivedInstance] = [:]
    private(set) var studies: [UID: Study] = [:]
    /// In the order of their first instances.
    private(set) var studyOrder: [UID] = []
    /// The number of instances by SOP class and transfer syntax: each association needs it, so it is kept up to date.
    private var syntaxes: [UID: [TransferSyntax: Int]] = [:]

    /// Adds an instance, or replaces the one of the same UID.
    mutating func add(_ instance: ArchivedInstance) {
        let uid = instance.file.sopInstanceUID
        let old = instances.updateValue(instance, forKey: uid)
        syntaxes[instance.file.sopClassUID, default: [:]][instance.file.transferSyntax, default: 0] += 1
        if let old {
            syntaxes[old.file.sopClassUID]?[old.file.transferSyntax, default: 1] -= 1
            if old.studyInstanceUID == instance.studyInstanceUID, old.seriesInstanceUID == instance.seriesInstanceUID {
                return
            }
            detach(old)
        }
        guard !instance.studyInstanceUID.string.isEmpty else { return }
        if studies[instance.studyInstanceUID] == nil { studyOrder.append(instance.studyInstanceUID) }
        studies[instance.studyInstanceUID, default: Study(uid: instance.studyInstanceUID)]
            .add(uid, to: instance.seriesInstanceUID)
    }

    private mutating func detach(_ old: ArchivedInstance) {
        let study = old.studyInstanceUID
        studies[study]?.remove(old.file.sopInstanceUID, from: old.seriesInstanceUID)
        guard studies[study]?.series.isEmpty == true else { return }
        studies[study] = nil
        studyOrder.removeAll { $0 == study }
    }

    func syntaxes(of sopClass: UID) -> [TransferSyntax: Int] { syntaxes[sopClass] ?? [:] }

    func stored(_ uids: some Sequence<UID>) -> [ArchivedInstance] { uids.compactMap { instances[$0] } }
}
