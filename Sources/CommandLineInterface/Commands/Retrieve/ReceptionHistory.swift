import DICOM
import DICOMNode
import System

/// What became of the instances of a run, by modality and over time, in memory that does not grow with their number.
final class ReceptionHistory: Sendable {
    /// The columns of its table, in their order.
    enum Outcome: Int, CaseIterable, Sendable {
        case received, warned, present, failed

        var words: String {
            switch self {
            case .received: "received"
            case .warned: "with a warning"
            case .present: "already present"
            case .failed: "not stored"
            }
        }
    }

    struct Counts: Sendable, Equatable {
        fileprivate(set) var instances = [Int](repeating: 0, count: Outcome.allCases.count)
        fileprivate(set) var bytes: UInt64 = 0
    }

    /// The bytes that came in each of equal times.
    struct Rate: Sendable, Equatable {
        var bytes: [UInt64] = []
        /// The length of each time in seconds.
        var width = 1.0
        /// When the last bytes came, in seconds.
        private var end = 0.0

        static let longest = 120

        mutating func add(_ count: UInt64, at seconds: Double) {
            guard seconds >= 0, seconds < 1e9 else { return }
            while Int(seconds / width) >= Self.longest {
                bytes = stride(from: 0, to: bytes.count, by: 2).map {
                    bytes[$0] &+ ($0 + 1 < bytes.count ? bytes[$0 + 1] : 0)
                }
                width *= 2
            }
            let index = Int(seconds / width)
            while bytes.count <= index { bytes.append(0) }
            bytes[index] &+= count
            end = max(end, seconds)
        }

        /// The bytes of each time, a second: the last one is as long as something came.
        var perSecond: [Double] {
            bytes.enumerated().map { index, count in
                let isLast = index == bytes.count - 1
                return Double(count) / (isLast ? max(end - Double(index) * width, 0.05 * width) : width)
            }
        }
    }

    private struct State: Sendable {
        var counts: [(modality: String, counts: Counts)] = []
        var rate = Rate()
    }

    /// A peer may name any number of modalities; there are some eighty.
    private static let mostModalities = 100
    private static let longestModality = 16
    static let unknown = "unknown"
    private static let others = "others"

    private let watch = Stopwatch()
    private let state = Locked(State())

    /// Counts an instance.
    ///
    /// - Parameters:
    ///   - modality: as its data set says; nil if that is not known.
    ///   - bytes: that came.
    func record(_ outcome: Outcome, modality: String?, bytes: UInt64) {
        let seconds = watch.seconds
        let given = modality.map { $0.prefix(Self.longestModality) } ?? ""
        state.withLock { state in
            state.rate.add(bytes, at: seconds)
            var name = given.isEmpty ? Self.unknown : String(given)
            var index = state.counts.firstIndex { $0.modality == name }
            if index == nil, state.counts.count >= Self.mostModalities {
                name = Self.others
                index = state.counts.firstIndex { $0.modality == name }
            }
            if index == nil { state.counts.append((name, Counts())) }
            let place = index ?? state.counts.count - 1
            state.counts[place].counts.instances[outcome.rawValue] += 1
            state.counts[place].counts.bytes &+= bytes
        }
    }

    /// By modality, in the order of their names.
    var counts: [(modality: String, counts: Counts)] {
        state.withLock { $0.counts }.sorted { $0.modality < $1.modality }
    }

    var rate: Rate { state.withLock { $0.rate } }
}

extension ReceptionHistory {
    /// Counts an instance that has come, or was cut off.
    func record(_ instance: ReceivedInstance) {
        switch instance.outcome {
        case .stored(let stored):
            let isWarned = !instance.remarks.isEmpty || stored.remark != nil || stored.isUnexpected
            let outcome: Outcome = stored.kind == .skipped ? .present : isWarned ? .warned : .received
            record(outcome, modality: stored.identity.modality, bytes: instance.length)
        case .failed, .cutOff: record(.failed, modality: nil, bytes: instance.length)
        }
    }
}
