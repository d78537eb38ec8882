import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import PracticeArchive

/// Joins the server of DICOMweb to the practice archive, neither of which knows of the other.
final class ArchiveOverHTTP: WebArchive {
    private let archive: ArchiveAccess

    init(_ archive: ArchiveAccess) { self.archive = archive }

    var title: String { "Practice archive \(archive.title)" }

    var instanceCount: Int { archive.instanceCount }

    var counts: WebArchiveCounts {
        let counts = archive.counts
        return WebArchiveCounts(
            patients: counts.patients, studies: counts.studies, series: counts.series, instances: counts.instances)
    }

    private struct Search: WebSearch {
        let search: ArchiveAccess.Search

        func forEachMatch<Failure: Error>(_ body: (DataSet) throws(Failure) -> Bool) throws(Failure) {
            try search.forEachMatch(body)
        }

        var count: Int { search.count }
    }

    func search(_ identifier: DataSet, includesAll: Bool) throws(Refusal) -> any WebSearch {
        do throws(ArchiveAccess.Refusal) {
            return Search(search: try archive.search(identifier, includesAll: includesAll))
        } catch {
            throw Refusal(400, error.words)
        }
    }

    func instances(of resource: WebResource) -> [any HeldInstance] {
        archive.instances(study: resource.study, series: resource.series, instance: resource.instance)
    }

    func resource(of instance: UID) -> WebResource? {
        archive.place(of: instance).map { WebResource(study: $0.study, series: $0.series, instance: instance) }
    }

    func metadata(of file: InstanceFile) throws(FileProblem) -> DataSet { try archive.metadata(of: file) }

    func receiver(from peer: String) -> InstanceReceiver { archive.receiver(from: peer, by: "STOW-RS") }

    func storing(_ body: () -> DIMSEStatus) -> DIMSEStatus { archive.storing(body) }

    func nextFaults() -> WebFaults {
        var faults = WebFaults()
        faults.delay = archive.faults.delay
        faults.status = archive.faults.nextHTTPStatus()
        guard faults.status == nil else { return faults }
        faults.isCutShort = archive.faults.cutsNextAnswer()
        faults.doesNotDecode = archive.faults.doesNotDecode
        return faults
    }

    func ignoresNextKeys() -> Bool { archive.faults.ignoresNextKeys() }

    func nextStoreFault() -> WebStoreFault? {
        switch archive.faults.nextStoreOverHTTP() {
        case nil: nil
        case .silentDrop?: .silentDrop
        case .status(let status)?: .status(status)
        }
    }

    func failsNextRetrieval() -> Bool { archive.faults.failsNextSuboperation() }

    func report(peer: String, _ text: String, isTrouble: Bool) {
        archive.report(ArchiveEvent(peer: peer, text, isTrouble: isTrouble))
    }
}

extension ArchivedInstance: HeldInstance {}
