import DICOM
import DICOMProtocol

@testable import DICOMNode

/// A whole peer side fed to each service, through shell, state machine and service.
///
/// Invariant: whatever the peer says, the operation ends with a result or an error of its own, when the peer has said it all;
/// and nothing is left in the output folder, or in that of the practice archive, but whole instances.
enum PeerTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let operation = PeerOperation.allCases[choices.next(PeerOperation.allCases.count)]
        let piece = choices.next(200) + 1
        do throws(AssociationError) {
            try operation.perform(over: MemoryConnection(Array(choices.rest), piece: piece))
        } catch {}
        PeerOperation.checkFolder()
    }

    static var seeds: [[UInt8]] {
        let answers: [(PeerOperation, [UInt8])] = [
            (.echo, Recorded.echo), (.find, Recorded.find), (.move, Recorded.move), (.get, Recorded.get),
            (.store, Recorded.stored), (.commit, Recorded.commitment), (.cancelledFind, Recorded.find),
            (.cancelledGet, Recorded.get),
        ]
        return answers.map { operation, answer in
            input(operation, 99, Recorded.acceptance + answer + Recorded.release)
        } + [
            input(.echo, 3, Recorded.reject), input(.find, 50, Recorded.acceptance + Recorded.abort),
            input(.receive, 99, Recorded.request + Recorded.store + Recorded.releaseRequest),
            input(.receiveKeeping, 99, Recorded.request + Recorded.store + Recorded.releaseRequest),
            input(.report, 99, Recorded.request + Recorded.report + Recorded.releaseRequest),
        ]
            + [
                Recorded.store, Recorded.findRequest, Recorded.getRequest, Recorded.moveRequest,
                Recorded.commitmentAction,
            ].map {
                input(.archive, 99, Recorded.request + $0 + Recorded.releaseRequest)
            }
    }

    static func seeds(from side: RecordedSide) -> [[UInt8]] {
        [input(side.operation, 199, side.bytes), input(side.operation, 20, side.bytes)]
    }

    private static func input(_ operation: PeerOperation, _ piece: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [UInt8(PeerOperation.allCases.firstIndex(of: operation) ?? 0), piece] + bytes
    }
}
