package import DICOMProtocol
package import System

/// A DIMSE message that has arrived, PS3.7 6.3.
package struct DIMSEMessage: Sendable {
    package let command: CommandSet
    package let contextID: UInt8
    /// The data set in the context's transfer syntax, if there is one and it was held in memory.
    package let dataSet: [UInt8]?
    /// The length of a data set that was too long to be held, in bytes.
    package let omittedLength: Int?
    /// The share of the receiver's memory that the data set has, which whoever keeps anything of it holds, too; nil where
    /// the memory is not limited.
    package let memory: ReservedMemory?
    /// True if the data set was left out because all associations of the receiver together hold too much.
    package let isBeyondMemory: Bool

    init(
        command: CommandSet, contextID: UInt8, dataSet: [UInt8]? = nil, omittedLength: Int? = nil,
        memory: ReservedMemory? = nil, isBeyondMemory: Bool = false
    ) {
        self.command = command
        self.contextID = contextID
        self.dataSet = dataSet
        self.omittedLength = omittedLength
        self.memory = memory
        self.isBeyondMemory = isBeyondMemory
    }
}

/// Takes the bytes of a data set while they arrive.
package protocol DataSetSink: AnyObject {
    /// Never throws: what goes wrong here is remembered and said in the response's status, while the rest of the
    /// message is still read, so that the association stays whole.
    ///
    /// - Parameter bytes: stay valid until ``flush()``.
    func take(_ bytes: UnsafeRawBufferPointer)
    /// Lets go of all bytes taken.
    func flush()
}

/// The destination of the data set of an incoming message.
package enum DataSetDestination {
    /// Into the message, up to ``Association/maximumDataSetInMemory`` and as far as the memory of a receiver goes; a longer
    /// one is left out of it.
    case memory
    case sink(any DataSetSink)
    /// Reads and drops the data set of a refused message.
    case discard
}

/// What a peer sends on other associations, as a C-MOVE SCP does that stores at our port.
package protocol ReceptionElsewhere: AnyObject {
    /// Grows with each message that begins or ends.
    var progress: Int { get }
    /// Messages that have begun and not ended.
    var messagesArriving: Int { get }
}

/// The options of a wait for a message.
package struct ReceiveOptions {
    /// The end of the exchange that the message belongs to; nil while nobody has cancelled it.
    var cancelled: CancelledExchange?
    /// The cancellation level that ends the wait. `.abort` once a graceful one was acted on.
    package var cancelledAt: Cancellation.Level = .graceful
    /// True while the peer sends one C-STORE after another; reads then spin briefly before they sleep.
    package var expectsInstances = false
    /// A peer whose instances arrive elsewhere is not silent.
    package var elsewhere: (any ReceptionElsewhere)?
    /// Called before each read that may wait, as nothing more is at hand: time to pass collected output on.
    package var beforeBlockingRead: (() -> Void)?

    package init() {}
}

/// The time that a peer has after C-CANCEL (PS3.7 9.3.2.3), which it may not know or ignore.
///
/// The final response is due within ``limit``. Instances that have begun by then, on this association or elsewhere, are
/// received to their end and answered, as long as they move and no longer than ``instanceLimit``; the final response is
/// due within ``limit`` after the last of them. An instance that begins later shows that the peer goes on: then, and when
/// one of the limits passes, the wait ends as timed out.
final class CancelledExchange {
    /// For the final response, and for silence in an instance on its way.
    static let limit = Duration.seconds(2)
    /// For all instances on their way together.
    static let instanceLimit = Duration.seconds(30)

    /// Seconds; never more than the peer may be silent.
    let silence: Double
    private let latestBeginning: Deadline
    private let latestEnd: Deadline
    private var responseDue: Deadline
    private let elsewhere: (any ReceptionElsewhere)?
    /// The instances elsewhere that had begun when the final response was due.
    private var awaited = Awaited.unknown

    private enum Awaited {
        case unknown
        /// They have ended once the progress has come so far.
        case until(progress: Int)
        case ended
    }

    /// The time between two looks at what arrives elsewhere.
    private static let look = Duration.milliseconds(20)

    /// Begins with the C-CANCEL.
    ///
    /// - Parameter inactivity: the limit for the peer's silence, in seconds; nil if there is none.
    init(inactivity: Double?, elsewhere: (any ReceptionElsewhere)? = nil) {
        silence = min(Self.limit / .seconds(1), inactivity ?? .infinity)
        self.elsewhere = elsewhere
        responseDue = .after(seconds: silence)
        latestBeginning = responseDue
        latestEnd = Deadline.after(Self.instanceLimit)
    }

    /// True if what begins now is no longer wanted.
    var isTooLateToBegin: Bool { latestBeginning.isPast }

    /// The end of a wait for a message, or for the rest of an instance.
    func deadline(inInstance: Bool) -> Deadline { inInstance ? latestEnd : responseDue }

    /// Call when an instance on this association was answered.
    func instanceEnded() { responseDue = max(responseDue, .after(seconds: silence)) }

    /// True if the final response is overdue, and nothing that has begun in time is still on its way. Otherwise the wait
    /// goes on, to the next deadline.
    func isOver() -> Bool {
        guard responseDue.isPast else { return false }
        guard let elsewhere, !latestEnd.isPast else { return true }
        switch awaited {
        case .unknown:
            guard elsewhere.messagesArriving > 0 else { return true }
            // Each that ends counts once, and so does the next one that begins on its association.
            awaited = .until(progress: elsewhere.progress + 2 * elsewhere.messagesArriving)
        case .until(let progress):
            if elsewhere.messagesArriving == 0 || elsewhere.progress >= progress {
                awaited = .ended
                responseDue = .after(seconds: silence)
                return false
            }
        case .ended: return true
        }
        responseDue = .after(Self.look)
        return false
    }
}
