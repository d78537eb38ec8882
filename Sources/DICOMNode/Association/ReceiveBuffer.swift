/// One block of memory between the socket and the protocol: filled at its end, used up from its start.
///
/// Used bytes are not moved away one by one: the block is rewound when it is empty, which is the usual case,
/// and compacted only when the unused rest is in the way.
final class ReceiveBuffer {
    /// Of an instance what one read brings is written with one call: file systems take a megabyte with less work than a quarter of
    /// it at a time. Memory that nothing has come to takes none.
    static let standardCapacity = 1024 * 1024

    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    init(capacity: Int = standardCapacity) {
        memory = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { memory.deallocate() }

    var isEmpty: Bool { start == end }
    var count: Int { end - start }

    /// The bytes that have arrived and were not used yet.
    var unused: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start..<end]) }

    /// The free space for the next bytes. Empty only while the block is full of unused bytes.
    var free: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: memory[end...]) }

    func filled(_ count: Int) { end += count }

    func use(_ count: Int) {
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Makes room to read on until `wanted` bytes stand unused at once.
    ///
    /// The block grows only when it is full of bytes that have arrived, never at once by what a length declares: a peer
    /// that announces much must send much.
    func makeRoom(toHold wanted: Int) {
        if start > 0, end == memory.count || wanted > memory.count - start {
            memory.copyMemory(from: unused)
            end -= start
            start = 0
        }
        guard end == memory.count else { return }
        let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: memory.count * 2, alignment: 64)
        grown.copyMemory(from: unused)
        memory.deallocate()
        memory = grown
    }
}
