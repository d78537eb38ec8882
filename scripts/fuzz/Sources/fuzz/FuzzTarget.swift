import Glibc

/// One way in for bytes of strangers. `run` traps when the invariant that stands above it does not hold.
protocol FuzzTarget {
    static func run(_ bytes: [UInt8])
    /// What mutation begins with.
    static var seeds: [[UInt8]] { get }
}

let fuzzTargets: [String: any FuzzTarget.Type] = [
    "stream": StreamTarget.self, "peer": PeerTarget.self, "dataset": DataSetTarget.self,
    "rewrite": RewriteTarget.self, "file": FileTarget.self, "keys": KeysTarget.self, "json": JSONTarget.self,
]

private let chosen: any FuzzTarget.Type = {
    guard let name = getenv("FUZZ_TARGET"), let target = fuzzTargets[String(cString: name)] else {
        print("fuzz: FUZZ_TARGET is one of \(fuzzTargets.keys.sorted())")
        exit(2)
    }
    return target
}()

/// Where the linker looks for `main`. With FUZZ_SEEDS the seeds of the target are written into that folder, and nothing else is
/// done.
@_cdecl("fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    guard let folder = getenv("FUZZ_SEEDS").map({ String(cString: $0) }) else {
        var count = count
        var arguments = arguments
        return runDriver(&count, &arguments, testOneInput)
    }
    for (number, seed) in chosen.seeds.enumerated() {
        guard let file = fopen("\(folder)/seed-\(number)", "w") else { return 3 }
        fwrite(seed, 1, seed.count, file)
        fclose(file)
    }
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen.run(Array(UnsafeBufferPointer(start: data, count: count)))
    return 0
}

/// Takes choices from the front of the input; what is left is the content.
struct Choices {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next(_ count: Int) -> Int { Int(rest.popFirst() ?? 0) % count }
}
