import System

/// Makes the digests of the files that are received at a time: beside the threads that receive them, where a processor is free,
/// otherwise on these.
///
/// The bytes of long files are copied into blocks, which threads of this object take. One that receives takes some itself where it can
/// go no further: where all blocks are taken, or it waits for a digest. Usually it waits for none: the next file is received while
/// the last blocks of this one are added. So nobody waits for a thread that has no processor yet, no digest depends on such a
/// thread, and the blocks are all the memory, however many files there are. Short files are not worth the way to another thread.
package final class FileDigests: Sendable {
    private let queue = Queue(Waiting())
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
    /// A helper that rests is woken for so many blocks, or for the last one of a file: to wake it costs a tenth of the work of a block
    /// or more, and no file waits for its digest.
    private static let wakingBlocks = 4

    /// Begins the digest of a file.
    func begin() -> RunningDigest { RunningDigest(self) }

    /// Waits until all digests that somebody is to be told of are made, and he is told.
    package func settle() {
        while true {
            var next: (block: Block, sum: Sum)?
            var isWaiting = false
            queue.change { queue in
                next = queue.next()
                isWaiting = next == nil && queue.untold > 0
                if isWaiting { queue.waitingForEnd += 1 }
                return false
            }
            if let next {
                Self.add(next.block, to: next.sum, queue)
            } else if isWaiting {
                _ = queue.wait { $0.untold == 0 || !$0.ready.isEmpty }
                queue.change { queue in
                    queue.waitingForEnd -= 1
                    return false
                }
            } else {
                return
            }
        }
    }

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
        /// True once no further block comes.
        var isWhole = false
        /// The digest of the whole file, once it is made.
        var made: String??
        /// Waits to be told of it.
        var listener: (@Sendable (String?) -> Void)?

        /// True if all that came is added.
        var isIdle: Bool { !isBusy && blocks.isEmpty }
    }

    fileprivate typealias Queue = ConditionLock<Waiting>

    fileprivate struct Waiting {
        /// Those that have blocks waiting and are not busy, the oldest first.
        var ready: [Sum] = []
        var free: [Block] = []
        /// The blocks that were made, wherever they are.
        var made = 0
        /// The threads that wait for a block, and those that wait for the end of a digest: to wake one costs more than to add a block.
        var waitingForBlock = 0
        var waitingForEnd = 0
        /// The listeners that were not told yet.
        var untold = 0
        var isEnding = false

        /// The next block of the oldest digest, which is busy until ``finished(_:of:)``; nil if there is none.
        mutating func next() -> (block: Block, sum: Sum)? {
            ready.first.flatMap { sum in next(of: sum).map { (block: $0, sum: sum) } }
        }

        /// The next block of one digest; nil if there is none, or it is busy.
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
            // Whoever is next goes on with the same.
            if !sum.blocks.isEmpty { ready.insert(sum, at: 0) }
            makeIfWhole(sum)
            return waitingForBlock > 0 || (waitingForEnd > 0 && (sum.blocks.isEmpty || ready.count > 1))
        }

        mutating func makeIfWhole(_ sum: Sum) {
            guard sum.isWhole, sum.isIdle, sum.made == nil else { return }
            sum.made = .some(sum.digest.hexadecimal())
        }
    }

    /// A block to be filled; nil if the blocks are all with other files, and all of this one is added.
    fileprivate func block(for sum: Sum) -> Block? {
        while true {
            var (empty, next): (Block?, (block: Block, sum: Sum)?) = (nil, nil)
            var isWaiting = false
            queue.change { queue in
                empty = queue.free.popLast()
                if empty == nil, queue.made < maximumBlocks {
                    queue.made += 1
                    empty = Block()
                }
                guard empty == nil, !sum.isIdle else { return false }
                next = queue.next(of: sum).map { (block: $0, sum: sum) } ?? queue.next()
                isWaiting = next == nil
                if isWaiting { queue.waitingForBlock += 1 }
                return false
            }
            if let next {
                Self.add(next.block, to: next.sum, queue, goesOn: false)
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
    fileprivate func handOver(_ block: Block, of sum: Sum, isLast: Bool = false) {
        var waiting = 0
        queue.change { queue in
            let isFirst = sum.isIdle
            sum.blocks.append(block)
            if isFirst {
                queue.ready.append(sum)
                waiting = queue.ready.count
            }
            return !sum.isBusy && (isLast || sum.blocks.count >= Self.wakingBlocks)
        }
        // Another file waits longer than for one block.
        if waiting > 1 { addHelper() }
    }

    /// Nothing comes behind the last block.
    fileprivate func end(_ sum: Sum, with last: Block?) -> PendingDigest {
        if let last { handOver(last, of: sum, isLast: true) }
        queue.change { queue in
            sum.isWhole = true
            queue.makeIfWhole(sum)
            // Fewer blocks than a helper is woken for, if the last one was full.
            return last == nil && !sum.isBusy && !sum.blocks.isEmpty
        }
        return PendingDigest(sum, queue)
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
    fileprivate static func drain(_ sum: Sum, _ queue: Queue) {
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
                add(own, to: sum, queue)
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

    /// Adds a block to a digest that is busy with it; whoever made the digest tells of it.
    ///
    /// - Parameter goesOn: False for a thread that has something else to do then: a helper goes on.
    private static func add(_ block: Block, to sum: Sum, _ queue: Queue, goesOn: Bool = true) {
        sum.digest.update(block.bytes)
        var listener: (@Sendable (String?) -> Void)?
        var made: String?
        queue.change { queue in
            let isAwaited = queue.finished(block, of: sum)
            if let digest = sum.made {
                (listener, made) = (sum.listener, digest)
                sum.listener = nil
            }
            return isAwaited || (!goesOn && !sum.blocks.isEmpty)
        }
        guard let listener else { return }
        listener(made)
        queue.change { queue in
            queue.untold -= 1
            return queue.waitingForEnd > 0
        }
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
    private static func work(_ queue: Queue) {
        // OpenSSL takes milliseconds to be opened, which a run spends waiting for its peer.
        _ = FileDigest()
        while true {
            var next: (block: Block, sum: Sum)?
            var isEnding = false
            queue.change { queue in
                next = queue.next()
                isEnding = queue.isEnding
                return false
            }
            if let next {
                add(next.block, to: next.sum, queue)
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
                let length = min(rest.count, FileDigests.Block.length)
                sum.digest.update(UnsafeRawBufferPointer(rebasing: rest[..<length]))
                rest = UnsafeRawBufferPointer(rebasing: rest[length...])
                continue
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[filled.fill(from: rest)...])
            guard filled.isFull else { return }
            block = nil
            isShared = true
            digests.handOver(filled, of: sum)
        }
    }

    /// The digest of all that was fed. Nothing is fed afterwards.
    func finish() -> PendingDigest {
        guard isShared else {
            if let block { sum.digest.update(block.bytes) }
            return PendingDigest(made: sum.digest.hexadecimal())
        }
        defer { (block, isShared) = (nil, false) }
        return digests.end(sum, with: block)
    }
}

/// The digest of a whole file, of which the last blocks may still be added: in lower-case hexadecimal as `sha256sum` prints it, or nil
/// if it could not be made.
package struct PendingDigest: Sendable {
    private enum State: Sendable {
        case made(String?)
        case pending(FileDigests.Sum, FileDigests.Queue)
    }

    private let state: State

    /// Already known.
    package init(made text: String?) { state = .made(text) }

    fileprivate init(_ sum: FileDigests.Sum, _ queue: FileDigests.Queue) { state = .pending(sum, queue) }

    /// Adds what is waiting, and waits for what another thread adds.
    package var text: String? {
        switch state {
        case .made(let text): return text
        case .pending(let sum, let queue):
            FileDigests.drain(sum, queue)
            var made: String?
            queue.change { _ in
                made = sum.made ?? nil
                return false
            }
            return made
        }
    }

    /// Tells of it once it is made: at once, or on the thread that makes it. There is one listener at most, which is told before
    /// ``FileDigests/settle()`` returns.
    package func tell(_ listener: @escaping @Sendable (String?) -> Void) {
        switch state {
        case .made(let text): listener(text)
        case .pending(let sum, let queue):
            var made: String??
            queue.change { queue in
                made = sum.made
                if made == nil {
                    sum.listener = listener
                    queue.untold += 1
                }
                return false
            }
            if let made { listener(made) }
        }
    }
}
