import DICOM
import DICOMNode
import DICOMProtocol
import System

/// The faults of one run, and whose turn it is: every nth is counted over all associations.
final class FaultPlan: Sendable {
    private let faults: [Fault]
    private let counters: Locked<[Int]>

    init(_ faults: [Fault]) {
        self.faults = faults
        counters = Locked([Int](repeating: 0, count: faults.count))
    }

    /// What is to go wrong with one C-STORE.
    enum StoreFault {
        case status(DIMSEStatus)
        case abort
        case closeInFile
    }

    func nextStore() -> StoreFault? {
        due { fault in
            switch fault {
            case .storeStatus(let status, let every): (StoreFault.status(status), every)
            case .abort(let every): (.abort, every)
            case .closeInFile(let every): (.closeInFile, every)
            default: nil
            }
        }
    }

    func nextFind() -> DIMSEStatus? {
        due { if case .findStatus(let status, let every) = $0 { (status, every) } else { nil } }
    }

    func nextMove() -> DIMSEStatus? {
        due { if case .moveStatus(let status, let every) = $0 { (status, every) } else { nil } }
    }

    func nextGet() -> DIMSEStatus? {
        due { if case .getStatus(let status, let every) = $0 { (status, every) } else { nil } }
    }

    func failsNextSuboperation() -> Bool {
        due { if case .retrieveFailure(let every) = $0 { (true, every) } else { nil } } ?? false
    }

    func nextCommitment() -> StorageCommitmentFailureReason? {
        due { if case .commitmentFailure(let reason, let every) = $0 { (reason, every) } else { nil } }
    }

    func rejectsNextAssociation() -> Bool {
        due { if case .reject(let every) = $0 { (true, every) } else { nil } } ?? false
    }

    var commitmentReport: Fault.CommitmentReport? {
        faults.compactMap { if case .commitmentReport(let report) = $0 { report } else { nil } }.last
    }

    var delay: Double {
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

    /// Counts one event for every fault that it concerns; the first whose turn it is happens.
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
