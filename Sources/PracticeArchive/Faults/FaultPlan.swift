import DICOM
import DICOMNode
package import DICOMProtocol
import System

/// The faults of one run with their counters: every nth is counted over all associations.
package final class FaultPlan: Sendable {
    private let faults: [Fault]
    private let counters: Locked<[Int]>

    init(_ faults: [Fault]) {
        self.faults = faults
        counters = Locked([Int](repeating: 0, count: faults.count))
    }

    /// The fault of one C-STORE.
    enum StoreFault {
        case status(DIMSEStatus)
        case abort
        case closeInFile
        case silentDrop
    }

    func nextStore() -> StoreFault? {
        due { fault in
            switch fault {
            case .status(of: .cStoreRQ, let status, let every): (StoreFault.status(status), every)
            case .abort(let every): (.abort, every)
            case .closeInFile(let every): (.closeInFile, every)
            case .silentDrop(let every): (.silentDrop, every)
            default: nil
            }
        }
    }

    /// The status with which the next request of a command is to fail.
    func nextStatus(of command: CommandField) -> DIMSEStatus? {
        due { if case .status(of: command, let status, let every) = $0 { (status, every) } else { nil } }
    }

    /// True if the next instance of a retrieval is to fail.
    package func failsNextSuboperation() -> Bool {
        due { if case .retrieveFailure(let every) = $0 { (true, every) } else { nil } } ?? false
    }

    func nextCommitment() -> StorageCommitmentFailureReason? {
        due { if case .commitmentFailure(let reason, let every) = $0 { (reason, every) } else { nil } }
    }

    func rejectsNextAssociation() -> Bool {
        due { if case .reject(let every) = $0 { (true, every) } else { nil } } ?? false
    }

    var commitmentReport: Fault.ReportAssociation? {
        faults.compactMap { if case .commitmentReport(let report) = $0 { report } else { nil } }.last
    }

    /// The number of matches after which a C-FIND ends, and its status then; nil: there is no limit.
    var findLimit: (matches: Int, status: DIMSEStatus)? {
        faults.lazy.compactMap { fault in
            if case .findLimit(let matches, let status) = fault { (matches, status) } else { nil }
        }.first
    }

    /// Seconds before each response.
    package var delay: Double {
        faults.reduce(0) { total, fault in if case .delay(let seconds) = fault { total + seconds } else { total } }
    }

    func refuses(_ uid: UID) -> Bool {
        faults.contains { fault in
            switch fault {
            case .refuseTransferSyntax(let refused), .refuseSOPClass(let refused): refused == uid
            default: false
            }
        }
    }

    /// The identifier of a query without the keys that are ignored, and without the values of those that are not matched.
    func understood(_ identifier: DataSet) -> DataSet {
        var understood = identifier
        for fault in faults {
            switch fault {
            case .ignoreKey(let tag): understood[tag] = nil
            case .unmatchedKey(let tag): if let key = understood[tag] { understood.setEmpty(tag, key.vr) }
            default: break
            }
        }
        return understood
    }

    // MARK: Over HTTP

    /// The status with which the next request over HTTP is to fail.
    package func nextHTTPStatus() -> Int? {
        due { if case .httpStatus(let status, let every) = $0 { (status, every) } else { nil } }
    }

    /// True if the answer to the next request over HTTP is to be cut.
    package func cutsNextAnswer() -> Bool {
        due { if case .shortBody(let every) = $0 { (true, every) } else { nil } } ?? false
    }

    /// True if the keys of the next search over HTTP are to be ignored.
    package func ignoresNextKeys() -> Bool {
        due { if case .ignoreKeys(let every) = $0 { (true, every) } else { nil } } ?? false
    }

    /// True if values over HTTP are not to be decoded.
    package var doesNotDecode: Bool { faults.contains(.noDecode) }

    /// The fault of an instance that is stored over HTTP: the status is that of a C-STORE.
    package enum WebStoreFault: Sendable {
        case silentDrop
        case status(DIMSEStatus)
    }

    package func nextStoreOverHTTP() -> WebStoreFault? {
        due { fault in
            switch fault {
            case .silentDrop(let every): (WebStoreFault.silentDrop, every)
            case .status(of: .cStoreRQ, let status, let every): (.status(status), every)
            default: nil
            }
        }
    }

    /// Counts one event for every fault that it concerns; the first one that is due happens.
    private func due<Result>(_ concerns: (Fault) -> (result: Result, every: Int)?) -> Result? {
        counters.withLock { counters in
            var found: Result?
            for (index, fault) in faults.enumerated() {
                guard let (result, every) = concerns(fault) else { continue }
                counters[index] += 1
                if counters[index].isMultiple(of: every), found == nil { found = result }
            }
            return found
        }
    }
}
