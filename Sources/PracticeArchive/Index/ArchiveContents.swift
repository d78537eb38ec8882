import DICOM

/// What the archive holds at one moment, by patient, study, series and instance. A value: whoever answers a query works on
/// its own while others go on storing.
struct ArchiveContents: Sendable {
    struct Series: Sendable {
        let uid: UID
        /// In the order in which they came.
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
    }

    private(set) var instances: [UID: StoredInstance] = [:]
    private(set) var studies: [UID: Study] = [:]
    /// In the order in which their first instances came.
    private(set) var studyOrder: [UID] = []
    /// By SOP class, how many instances are in which syntax: asked for at each association, so it is not counted then.
    private var syntaxes: [UID: [TransferSyntax: Int]] = [:]

    /// Adds an instance, or puts it in the place of the one that has its UID.
    mutating func add(_ instance: StoredInstance) {
        let uid = instance.file.sopInstanceUID
        if let old = instances[uid] {
            detach(old)
            syntaxes[old.file.sopClassUID]?[old.file.transferSyntax, default: 1] -= 1
        }
        instances[uid] = instance
        syntaxes[instance.file.sopClassUID, default: [:]][instance.file.transferSyntax, default: 0] += 1
        guard !instance.studyInstanceUID.string.isEmpty else { return }
        if studies[instance.studyInstanceUID] == nil { studyOrder.append(instance.studyInstanceUID) }
        studies[instance.studyInstanceUID, default: Study(uid: instance.studyInstanceUID)]
            .add(uid, to: instance.seriesInstanceUID)
    }

    private mutating func detach(_ old: StoredInstance) {
        let study = old.studyInstanceUID
        studies[study]?.remove(old.file.sopInstanceUID, from: old.seriesInstanceUID)
        guard studies[study]?.series.isEmpty == true else { return }
        studies[study] = nil
        studyOrder.removeAll { $0 == study }
    }

    func syntaxes(of sopClass: UID) -> [TransferSyntax: Int] { syntaxes[sopClass] ?? [:] }

    func stored(_ uids: some Sequence<UID>) -> [StoredInstance] { uids.compactMap { instances[$0] } }
}
