package import DICOM
package import DICOMNode
package import DICOMProtocol

/// The archive behind a server of DICOMweb: what is searched, retrieved and stored there, and what goes wrong on purpose.
package protocol WebArchive: AnyObject, Sendable {
    /// As its page names it.
    var title: String { get }
    var instanceCount: Int { get }
    var counts: WebArchiveCounts { get }

    /// Prepares a search.
    ///
    /// - Parameters:
    ///   - identifier: level and keys as of a C-FIND.
    ///   - includesAll: True to return every attribute of the level.
    /// - Throws: `Refusal` if such a search is not possible.
    func search(_ identifier: DataSet, includesAll: Bool) throws(Refusal) -> any WebSearch

    /// The instances of a resource in the order of their arrival; none if it is not there.
    func instances(of resource: WebResource) -> [any HeldInstance]

    /// The study, the series and the instance of a SOP Instance UID; nil if no search finds it.
    func resource(of instance: UID) -> WebResource?

    /// The attributes of an instance without its bulk data.
    ///
    /// - Throws: `FileProblem` if its file cannot be read.
    func metadata(of file: InstanceFile) throws(FileProblem) -> DataSet

    /// The way in which instances are stored that a client sends.
    func receiver(from peer: String) -> InstanceReceiver

    /// Lets no file be removed while an instance gets its own.
    func storing(_ body: () -> DIMSEStatus) -> DIMSEStatus

    /// The faults of the next request. Asked once for each.
    func nextFaults() -> WebFaults

    /// True if the next search is to be answered as if no key had a value. Asked once for each.
    func ignoresNextKeys() -> Bool

    /// The faults of the next instance that is stored. Asked once for each.
    func nextStoreFault() -> WebStoreFault?

    /// True if the next instance of a retrieval is to fail. Asked once for each.
    func failsNextRetrieval() -> Bool

    /// Writes a line of the log.
    func report(peer: String, _ text: String, isTrouble: Bool)
}

/// The matches of one search.
package protocol WebSearch {
    /// Calls `body` with each match until it returns false.
    ///
    /// - Throws: The error of `body`.
    func forEachMatch<Failure: Error>(_ body: (DataSet) throws(Failure) -> Bool) throws(Failure)

    /// The number of matches; counted anew at each call.
    var count: Int { get }
}

/// What an archive holds.
package struct WebArchiveCounts: Sendable, Equatable {
    package var patients: Int
    package var studies: Int
    package var series: Int
    package var instances: Int

    package init(patients: Int, studies: Int, series: Int, instances: Int) {
        self.patients = patients
        self.studies = studies
        self.series = series
        self.instances = instances
    }
}

/// An instance of an archive, whose file stays as long as somebody has this.
package protocol HeldInstance: AnyObject, Sendable {
    var file: InstanceFile { get }
}

/// The faults of one request over HTTP.
package struct WebFaults: Sendable {
    /// The status that it is answered with, in place of what it asks for.
    package var status: Int?
    /// True to end the connection in the middle of the answer's body.
    package var isCutShort = false
    /// True to take values of a query as they stand, without percent-decoding.
    package var doesNotDecode = false
    /// Seconds before the answer.
    package var delay = 0.0

    package init() {}
}

/// The fault of one instance that is stored over HTTP.
package enum WebStoreFault: Sendable {
    /// It is dropped, and the answer does not name it.
    case silentDrop
    /// It fails with the status.
    case status(DIMSEStatus)
}
