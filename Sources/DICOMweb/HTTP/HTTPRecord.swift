/// An exchange over HTTP as it went: what was sent, and what came. It holds whatever was said, secrets and patient data too.
package struct HTTPRecord: Sendable {
    /// A body: its media type, its beginning and the length of all that went.
    package struct Body: Sendable {
        package let type: MediaType
        package let beginning: [UInt8]
        package let length: UInt64

        package var isWhole: Bool { UInt64(beginning.count) == length }
    }

    /// When it began, in seconds since 1970 and the nanoseconds beyond them.
    package let time: (seconds: Int, nanoseconds: Int)
    package let seconds: Double
    package let method: String
    package let url: String
    package let fields: [(name: String, value: String)]
    package let body: Body?
    /// With the status 0 if no answer came.
    package let head: HTTPHead
    package let answer: Body
    package let timings: HTTPTimings
}

/// Keeps the exchanges of a run for somebody who was not there.
package protocol HTTPRecorder: AnyObject, Sendable {
    /// Takes an exchange that is over.
    func record(_ exchange: HTTPRecord)
}

/// What is kept of a body while it goes.
struct BodyRecord {
    private(set) var beginning: [UInt8] = []
    private(set) var length: UInt64 = 0

    /// In bytes.
    private static let longest = 64 * 1024

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        length += UInt64(bytes.count)
        let room = Self.longest - beginning.count
        if room > 0 { beginning.append(contentsOf: bytes.prefix(room)) }
    }
}
