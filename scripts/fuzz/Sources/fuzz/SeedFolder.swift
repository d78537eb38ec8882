import Glibc

/// Writes what mutation begins with: the target's own seeds, and those that the files named in FUZZ_FROM give, one a line. A name
/// that ends in `.peer` is one side of a recorded association, any other a real DICOM file.
struct SeedFolder {
    private let folder: String

    init(_ folder: String) { self.folder = folder }

    func fill(for target: any FuzzTarget.Type) -> CInt {
        for (number, seed) in target.seeds.enumerated() { write(seed, "own-\(number)") }
        for path in (variable("FUZZ_FROM") ?? "").split(separator: "\n") {
            guard let bytes = Self.read(String(path)) else {
                print("fuzz: cannot read \(path)")
                return 3
            }
            let name = String(path.split(separator: "/").last ?? path)
            let seeds =
                name.hasSuffix(".peer")
                ? RecordedSide(name: name, bytes: bytes).map { target.seeds(from: $0) } ?? []
                : target.seeds(from: bytes)
            for (number, seed) in seeds.enumerated() { write(seed, "\(name)-\(number)") }
        }
        return 0
    }

    private func write(_ seed: [UInt8], _ name: String) {
        guard writeFile(seed, "\(folder)/\(name)") else {
            print("fuzz: cannot write \(folder)/\(name)")
            exit(3)
        }
    }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }
}

func writeFile(_ bytes: [UInt8], _ path: String) -> Bool {
    guard let file = fopen(path, "w") else { return false }
    let written = fwrite(bytes, 1, bytes.count, file)
    return fclose(file) == 0 && written == bytes.count
}

/// A folder for files of a target, FUZZ_SCRATCH: in memory at best, for the disk would be most of the time.
let scratchFolder = variable("FUZZ_SCRATCH") ?? "/dev/shm"

/// All that one peer said on an association with ``PeerOperation``. Files are named `OPERATION-SERVER.peer`.
struct RecordedSide {
    let operation: PeerOperation
    let bytes: [UInt8]

    init?(name: String, bytes: [UInt8]) {
        guard let operation = PeerOperation(rawValue: String(name.prefix { $0 != "-" })) else { return nil }
        self.operation = operation
        self.bytes = bytes
    }
}
