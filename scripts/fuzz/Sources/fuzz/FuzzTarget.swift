/// One way in for bytes of strangers. `run` traps when the invariant that stands above it does not hold.
protocol FuzzTarget {
    static func run(_ bytes: [UInt8])
    /// What mutation begins with, beside what comes from files.
    static var seeds: [[UInt8]] { get }
    /// The inputs that a real DICOM file gives.
    static func seeds(from file: [UInt8]) -> [[UInt8]]
    /// The inputs that one side of a recorded association gives.
    static func seeds(from side: RecordedSide) -> [[UInt8]]
}

extension FuzzTarget {
    static func seeds(from file: [UInt8]) -> [[UInt8]] { [] }
    static func seeds(from side: RecordedSide) -> [[UInt8]] { [] }
}

let fuzzTargets: [String: any FuzzTarget.Type] = [
    "stream": StreamTarget.self, "peer": PeerTarget.self, "dataset": DataSetTarget.self,
    "rewrite": RewriteTarget.self, "file": FileTarget.self, "keys": KeysTarget.self, "json": JSONTarget.self,
    "web": WebTarget.self,
]

/// Takes choices from the front of the input; what is left is the content.
struct Choices {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next(_ count: Int) -> Int { Int(rest.popFirst() ?? 0) % count }
}
