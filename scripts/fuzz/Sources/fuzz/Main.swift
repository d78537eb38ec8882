import Glibc

/// Where the linker looks for `main`.
///
/// With FUZZ_RECORD an association is recorded, see ``Recorder``; with FUZZ_SEEDS the seeds of the target are written, see
/// ``SeedFolder``; else libFuzzer takes over with what stands on the command line.
@_cdecl("fuzz_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    if let operation = variable("FUZZ_RECORD") { return Recorder.record(operation) }
    if let folder = variable("FUZZ_SEEDS") { return SeedFolder(folder).fill(for: chosen) }
    atexit { print("fuzz: \(tried.count) inputs, digest \(String(tried.digest, radix: 16))") }
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments, testOneInput)
}

func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

private let chosen: any FuzzTarget.Type = {
    guard let name = variable("FUZZ_TARGET"), let target = fuzzTargets[name] else {
        print("fuzz: FUZZ_TARGET is one of \(fuzzTargets.keys.sorted())")
        exit(2)
    }
    return target
}()

/// All inputs in their order: two runs with the same digest have tried the same.
private struct Tried {
    var count = 0
    var digest: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: [UInt8]) {
        count += 1
        // FNV-1a.
        for byte in bytes { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        digest = (digest ^ UInt64(bytes.count)) &* 0x100_0000_01B3
    }
}

// libFuzzer is one thread.
nonisolated(unsafe) private var tried = Tried()

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    tried.add(bytes)
    chosen.run(bytes)
    return 0
}
