package import DICOM
package import DICOMNode
package import DICOMProtocol
package import System

/// A small test archive over a folder: C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET and storage commitment.
///
/// It is not a PACS: it has no backup, does not authenticate callers, and believes its index only as far as the files are as
/// they were.
package final class PracticeArchive: Sendable {
    package struct Options: Sendable {
        /// The AE title with which the archive calls others; it accepts any called AE title.
        package var title: AETitle
        package var destinations: Destinations
        package var faults: [Fault] = []
        package var limits = AssociationLimits()
        package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength
        package var tls: TLSContext?
        /// The worklist: items of PS3.4 K.6 as data sets. If empty, modality worklist queries are not supported.
        package var worklist: [DataSet] = []

        package init(title: AETitle, destinations: Destinations) {
            self.title = title
            self.destinations = destinations
        }
    }

    package let index = ArchiveIndex()
    /// For what comes by other ways than associations.
    package let access: ArchiveAccess
    package let port: UInt16
    private let server: AssociationServer
    private let outgoing = OutgoingWork()
    private let folder: OutputFolder

    /// - Parameter report: called with each event, on the thread of its association.
    /// - Throws: `SystemError` if the server cannot be created.
    package init(
        folder: OutputFolder, listener: TCPListener, options: Options,
        observation: AssociationObservation? = nil, recorder: (any ConnectionRecorder)? = nil,
        report: @escaping @Sendable (ArchiveEvent) -> Void
    ) throws(SystemError) {
        let faults = FaultPlan(options.faults)
        let events = ServerEvents()
        let archive = ArchiveService(
            index: index, title: options.title, faults: faults, destinations: options.destinations,
            worklist: WorklistQuery.steps(of: options.worklist), report: report)
        let reception = ArchiveReception(archive, folder: folder)
        access = ArchiveAccess(archive, reception)
        var policy = AcceptancePolicy(calledAETitles: nil)
        policy.maximumPDULength = options.maximumPDULength
        policy.objection = { _ in faults.rejectsNextAssociation() ? .localLimitExceeded : nil }
        let services: [any ServiceClass] = [
            VerificationSCP(), FindSCP(archive), RetrieveSCP(.cMoveRQ, archive, outgoing: outgoing),
            RetrieveSCP(.cGetRQ, archive, outgoing: outgoing),
            StorageCommitmentSCP(archive, outgoing: outgoing), ArchiveStorageSCP(archive, reception),
        ]
        self.folder = folder
        port = listener.port
        server = try AssociationServer(
            listener: listener, policy: policy, services: services.map { FaultyService($0, archive) },
            tls: options.tls, limits: options.limits, observation: observation, recorder: recorder,
            report: { report(events.event($0)) })
    }

    /// Adds the instances in the folder to the index, until the cancellation is raised.
    ///
    /// - Parameter problem: called for files that cannot be used.
    package func readFolder(unless cancellation: Cancellation = .never, problem: (FileProblem) -> Void) {
        index.rebuild(from: folder.path, unless: cancellation, problem: problem)
        if !cancellation.isRaised { writeIndex(problem) }
    }

    private func writeIndex(_ problem: (FileProblem) -> Void) {
        do throws(FileProblem) { try index.writeFile(in: folder) } catch { problem(error) }
    }

    /// Starts to accept associations.
    ///
    /// - Throws: `SystemError` if the thread cannot be created.
    package func start() throws(SystemError) { try server.start() }

    /// Ends all associations, writes the index for the next start, and syncs the folder to the disk.
    ///
    /// - Parameter problem: called if the index cannot be written: the next start takes longer.
    /// - Throws: `FileProblem` if the folder cannot be synced.
    package func stop(problem: (FileProblem) -> Void = { _ in }) throws(FileProblem) {
        outgoing.stop()
        server.stop()
        // A commitment may have been requested in the last moment.
        outgoing.stop()
        writeIndex(problem)
        try folder.sync()
    }
}
