package import DICOMProtocol

/// Takes the bytes of a data set while they arrive.
package protocol DataSetSink: AnyObject {
    /// Never throws: what goes wrong here is remembered and said in the response's status, while the rest of the message
    /// is still read, so that the association stays whole.
    func write(_ bytes: UnsafeRawBufferPointer)
}

/// Where the data set of an incoming message goes.
package enum DataSetDestination {
    /// Into the message, up to ``Association/maximumDataSetInMemory``; a longer one is left out of it.
    case memory
    case sink(any DataSetSink)
    /// Read and forgotten: the message is refused, but what belongs to it must pass.
    case discard
}

/// A DIMSE message that has arrived, PS3.7 6.3.
package struct DIMSEMessage: Sendable {
    package let command: CommandSet
    package let contextID: UInt8
    /// The data set in the context's transfer syntax, where there is one and it went to memory.
    package internal(set) var dataSet: [UInt8]?
    /// How long a data set was that was too long to be held, in bytes.
    package internal(set) var omittedLength: Int?
}
