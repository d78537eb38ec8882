package import DICOM
package import DICOMNode
package import DICOMProtocol
package import System

/// A small archive over a folder, for trying and for troubleshooting the other side: C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET and
/// storage commitment.
///
/// It is no PACS: it keeps no backup, asks nobody who they are, and forgets its index when it ends.
package final class PracticeArchive: Sendable {
    package struct Options: Sendable {
        /// The archive's own title, with which it calls others; it answers to any.
        package var title: AETitle
        package var destinations: Destinations
        package var faults: [Fault] = []
        package var limits = AssociationLimits()
        package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength
        package var tls: TLSContext?
        /// The worklist: items of PS3.4 K.6 as data sets. Empty: modality worklist queries are not answered at all.
        package var worklist: [DataSet] = []

        package init(title: AETitle, destinations: Destinations) {
            self.title = title
            self.destinations = destinations
        }
    }

    package let index = ArchiveIndex()
    package let port: UInt16
    private let server: AssociationServer
    private let outgoing = OutgoingWork()
    private let folder: OutputFolder

    /// - Parameter report: told of each event, on the thread of its association.
    package init(
        folder: OutputFolder, listener: TCPListener, options: Options,
        observer: AssociationObserver? = nil, report: @escaping @Sendable (ArchiveEvent) -> Void
    ) throws(SystemError) {
        let faults = FaultPlan(options.faults)
        let events = ServerEvents()
        let archive = ArchiveService(
            index: index, title: options.title, faults: faults, destinations: options.destinations,
            worklist: WorklistQuery.steps(of: options.worklist), report: report)
        var policy = AcceptancePolicy(calledAETitles: nil)
        policy.maximumPDULength = options.maximumPDULength
        policy.objection = { _ in faults.rejectsNextAssociation() ? .localLimitExceeded : nil }
        let services: [any ServiceClass] = [
            VerificationSCP(), FindSCP(archive), MoveSCP(archive, outgoing: outgoing), GetSCP(archive),
            StorageCommitmentSCP(archive, outgoing: outgoing), ArchiveStorageSCP(archive, folder: folder),
        ]
        self.folder = folder
        port = listener.port
        server = try AssociationServer(
            listener: listener, policy: policy, services: services.map { FaultyService($0, archive) },
            tls: options.tls, limits: options.limits, observer: observer,
            report: { report(events.event($0)) })
    }

    /// Reads what the folder holds.
    ///
    /// - Parameter problem: told of files that cannot be used.
    package func readFolder(problem: (FileProblem) -> Void) { index.rebuild(from: folder.path, problem: problem) }

    /// Begins to answer.
    package func start() throws(SystemError) { try server.start() }

    /// Answers nothing more, ends what goes on, and forces everything onto the disk.
    package func stop() throws(FileProblem) {
        outgoing.stop()
        server.stop()
        // A commitment may have been asked for in the last moment.
        outgoing.stop()
        try folder.sync()
    }
}
