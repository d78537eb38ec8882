import System

/// Makes the digests of the files that are received at a time: beside the threads that receive them, where a processor is free,
/// otherwise on these.
///
/// The bytes of long files are copied into blocks, which threads of this object take. One that receives takes those of its own file
/// itself when it can go no further: at the end of the file, and where all blocks are taken. So nobody waits for a thread that has
/// no processor yet, no digest depends on such a thread, and the blocks are all the memory, however many files there are. Short
/// files are not worth the way to another thread.
package final class FileDigests: Sendable {
    private let queue = ConditionLock(Queue())
    private let helpers = Locked<[PosixThread]>([])
    private let maximumHelpers: Int

    /// - Parameter helpers: the greatest number of threads; nil: one less than the processors, which leaves one to the receiving.
    package init(helpers: Int? = nil) {
        maximumHelpers = helpers ?? min(MachineState.processors - 1, Self.mostHelpers)
        addHelper()
    }

    deinit {
        queue.withLock { $0.isEnding = true }
        for helper in helpers.withLock({ $0 }) { helper.join() }
    }

    /// Each takes what an association receives at a time; disks are not faster than a few.
    private static let mostHelpers = 4
    /// More than a few blocks ahead of the digest, a receiver gains nothing.
    private static let blocksOfHelper = 12

    /// Begins the digest of a file.
    func begin() -> RunningDigest { RunningDigest(self) }

    // MARK: Blocks

    /// Memory for bytes on their way to a digest.
    fileprivate final class Block: @unchecked Sendable {
        // Unchecked: whoever has taken it out of a queue has it alone.
        /// In bytes: some fifty microseconds of work, so that a helper is soon done with what it is at.
        static let length = 64 << 10

        private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 64)
        private var count = 0

        deinit { memory.deallocate() }

        var isFull: Bool { count == Self.length }
        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

        func empty() { count = 0 }

        /// Takes as many bytes as there is room for; returns their number.
        func fill(from bytes: UnsafeRawBufferPointer) -> Int {
            let taken = min(bytes.count, Self.length - count)
            UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
            count += taken
            return taken
        }
    }

    /// The digest of one file, to which one thread at a time adds a block.
    fileprivate final class Sum: @unchecked Sendable {
        // Unchecked: `digest` is touched only by the thread that has set `isBusy`, and by the one that receives while no blocks
        // are waiting; all else with the lock of the queue held.
        var digest = FileDigest()
        /// Those that wait, in their order.
        var blocks: [Block] = []
        var isBusy = false
    }

    private struct Queue {
        /// Those that have blocks waiting and are not busy.
        var ready: [Sum] = []
        var free: [Block] = []
        /// The blocks that were made, wherever they are.
        var made = 0
        /// The threads that wait for a block, and those that wait for the end of a digest: to wake one costs more than to add a block.
        var waitingForBlock = 0
        var waitingForEnd = 0
        var isEnding = false

        /// The next block of a digest, which is busy until ``finished(_:of:)``; nil if there is none, or it is busy.
        mutating func next(of sum: Sum) -> Block? {
            guard !sum.isBusy, !sum.blocks.isEmpty else { return nil }
            ready.removeAll { $0 === sum }
            sum.isBusy = true
            return sum.blocks.removeFirst()
        }

        /// Returns true if somebody waits for it.
        mutating func finished(_ block: Block, of sum: Sum) -> Bool {
            sum.isBusy = false
            free.append(block)
            if !sum.blocks.isEmpty { ready.append(sum) }
            // A helper goes on with the first that is ready, which may be another.
            return waitingForBlock > 0 || (waitingForEnd > 0 && (sum.blocks.isEmpty || ready.count > 1))
        }
    }

    /// A block to be filled; nil if the blocks are all with other files.
    fileprivate func block(for sum: Sum) -> Block? {
        while true {
            var (empty, own): (Block?, Block?) = (nil, nil)
            var isWaiting = false
            queue.change { queue in
                empty = queue.free.popLast()
                if empty == nil, queue.made < maximumBlocks {
                    queue.made += 1
                    empty = Block()
                }
                if empty == nil { own = queue.next(of: sum) }
                isWaiting = empty == nil && sum.isBusy && own == nil
                if isWaiting { queue.waitingForBlock += 1 }
                return false
            }
            if let own {
                add(own, to: sum)
            } else if isWaiting {
                _ = queue.wait { !$0.free.isEmpty || !sum.isBusy }
                queue.change { queue in
                    queue.waitingForBlock -= 1
                    return false
                }
            } else {
                empty?.empty()
                return empty
            }
        }
    }

    private var maximumBlocks: Int { maximumHelpers * Self.blocksOfHelper }

    /// True if there may be a thread for it.
    fileprivate var hasHelpers: Bool { maximumHelpers > 0 }

    /// Lets whoever comes first add a block to a digest.
    fileprivate func handOver(_ block: Block, of sum: Sum) {
        var waiting = 0
        queue.change { queue in
            sum.blocks.append(block)
            guard !sum.isBusy, sum.blocks.count == 1 else { return false }
            queue.ready.append(sum)
            waiting = queue.ready.count
            return true
        }
        // Another file waits longer than for one block.
        if waiting > 1 { addHelper() }
    }

    /// Without one, the threads that receive do the work.
    private func addHelper() {
        helpers.withLock { helpers in
            guard helpers.count < maximumHelpers else { return }
            if let helper = try? PosixThread(name: "digest", body: { [queue] in Self.work(queue) }) {
                helpers.append(helper)
            }
        }
    }

    /// Adds all blocks that are waiting, unless another thread is at it, and waits for that.
    fileprivate func drain(_ sum: Sum) {
        while true {
            var own: Block?
            var isWaiting = false
            queue.change { queue in
                own = queue.next(of: sum)
                isWaiting = sum.isBusy && own == nil
                if isWaiting { queue.waitingForEnd += 1 }
                return false
            }
            if let own {
                add(own, to: sum)
            } else if isWaiting {
                _ = queue.wait { _ in !sum.isBusy }
                queue.change { queue in
                    queue.waitingForEnd -= 1
                    return false
                }
            } else {
                return
            }
        }
    }

    private func add(_ block: Block, to sum: Sum) {
        sum.digest.update(block.bytes)
        queue.change { $0.finished(block, of: sum) }
    }

    /// Takes back the blocks of a digest that nobody wants any more.
    fileprivate func giveBack(_ block: Block?, _ sum: Sum) {
        queue.change { queue in
            if let block { queue.free.append(block) }
            queue.free += sum.blocks
            sum.blocks = []
            queue.ready.removeAll { $0 === sum }
            return queue.waitingForBlock > 0
        }
    }

    /// The work of a helper.
    private static func work(_ queue: ConditionLock<Queue>) {
        // OpenSSL takes milliseconds to be opened, which a run spends waiting for its peer.
        _ = FileDigest()
        var done: (block: Block, sum: Sum)?
        while true {
            var next: (block: Block, sum: Sum)?
            var isEnding = false
            queue.change { queue in
                let isAwaited = done.map { queue.finished($0.block, of: $0.sum) } ?? false
                next = queue.ready.first.flatMap { sum in queue.next(of: sum).map { ($0, sum) } }
                isEnding = queue.isEnding
                return isAwaited
            }
            done = next
            if let next {
                next.sum.digest.update(next.block.bytes)
            } else if isEnding {
                return
            } else {
                _ = queue.wait { !$0.ready.isEmpty || $0.isEnding }
            }
        }
    }
}

/// The digest of a file that is being received, fed by the thread that receives it.
final class RunningDigest {
    private let digests: FileDigests
    private let sum = FileDigests.Sum()
    /// The block that is being filled.
    private var block: FileDigests.Block?
    /// True if others may be adding to it.
    private var isShared = false

    fileprivate init(_ digests: FileDigests) { self.digests = digests }

    deinit { if isShared || block != nil { digests.giveBack(block, sum) } }

    /// The bytes at the beginning of a file that are added here: most short files have no more, and a helper takes as long to wake, or
    /// to have a processor.
    private static let ownLength = 64 << 10
    /// Bytes of these that are still to come.
    private var ownRest = ownLength

    /// Feeds the next bytes of the file.
    func update(_ bytes: UnsafeRawBufferPointer) {
        let own = digests.hasHelpers ? min(ownRest, bytes.count) : bytes.count
        if own > 0 { sum.digest.update(UnsafeRawBufferPointer(rebasing: bytes[..<own])) }
        ownRest -= min(own, ownRest)
        var rest = UnsafeRawBufferPointer(rebasing: bytes[own...])
        while !rest.isEmpty {
            if block == nil { block = digests.block(for: sum) }
            guard let filled = block else {
                drain()
                return sum.digest.update(rest)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[filled.fill(from: rest)...])
            guard filled.isFull else { return }
            block = nil
            isShared = true
            digests.handOver(filled, of: sum)
        }
    }

    private func drain() {
        if isShared { digests.drain(sum) }
        isShared = false
    }

    /// The digest of all that was fed, in lower-case hexadecimal as `sha256sum` prints it; nil if it could not be made. Nothing is fed
    /// afterwards.
    func finish() -> String? {
        drain()
        if let block { sum.digest.update(block.bytes) }
        return sum.digest.hexadecimal()
    }
}
