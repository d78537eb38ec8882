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

    init(command: CommandSet, contextID: UInt8, dataSet: [UInt8]? = nil, omittedLength: Int? = nil) {
        self.command = command
        self.contextID = contextID
        self.dataSet = dataSet
        self.omittedLength = omittedLength
    }
}

/// Takes the bytes of a data set while they arrive.
package protocol DataSetSink: AnyObject {
    /// Never throws: what goes wrong here is remembered and said in the response's status, while the rest of the
    /// message is still read, so that the association stays whole.
    func write(_ bytes: UnsafeRawBufferPointer)
}

/// The destination of the data set of an incoming message.
package enum DataSetDestination {
    /// Into the message, up to ``Association/maximumDataSetInMemory``; a longer one is left out of it.
    case memory
    case sink(any DataSetSink)
    /// Reads and drops the data set of a refused message.
    case discard
}

/// The options of a wait for a message.
package struct ReceiveOptions {
    /// The deadline of the exchange that the message belongs to.
    package var deadline = Deadline.never
    /// The cancellation level that ends the wait. `.abort` once a graceful one was acted on.
    package var cancelledAt: Cancellation.Level = .graceful
    /// True while the peer sends one C-STORE after another; reads then spin briefly before they sleep.
    package var expectsInstances = false
    /// Asked when the peer has been silent for the whole inactivity limit: whether the work makes progress all the
    /// same, as a C-MOVE does whose instances arrive on other associations.
    package var hasProgressElsewhere: (() -> Bool)?
    /// Called before each read that may wait, as nothing more is at hand: time to pass collected output on.
    package var beforeBlockingRead: (() -> Void)?

    package init() {}
}
