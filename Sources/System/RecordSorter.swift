import Glibc

/// Sorts any number of records by their bytes in a bounded amount of memory: what is more than that goes in sorted runs to a file
/// without a name, from which the runs are merged.
package final class RecordSorter {
    private struct Place {
        let offset: UInt32
        let count: UInt32
    }

    private let folders: [FilePath]
    private let capacity: Int
    private let maximumBytes: Int
    private var bytes = 0
    private var buffer: [UInt8] = []
    private var places: [Place] = []
    private var file: FileDescriptor?
    /// The runs in the file, by the offsets of their ends.
    private var ends: [UInt64] = []
    private var written: UInt64 = 0
    /// The number of records.
    package private(set) var count = 0

    /// Enough that a million records make some ten runs.
    package static let standardCapacity = 8 << 20
    /// The bytes of all records together: some ten million studies with a few attributes have less.
    package static let standardMaximumBytes = 8 << 30
    /// The longest record, in bytes.
    package static let maximumLength = 256 << 10

    /// - Parameters:
    ///   - folders: where the file may be; it is made in the first one that takes it, and only if it is needed.
    ///   - capacity: the bytes of records that are held in memory.
    ///   - maximumBytes: those from which on it is full.
    package init(
        folders: [FilePath], capacity: Int = standardCapacity, maximumBytes: Int = standardMaximumBytes
    ) {
        self.maximumBytes = maximumBytes
        self.folders = folders
        self.capacity = min(capacity, Int(Int32.max))
    }

    /// True if no more should be added: whoever sends the records must not fill the disk.
    package var isFull: Bool { bytes >= maximumBytes }

    /// Adds a record.
    ///
    /// - Parameter record: at most ``maximumLength`` bytes; what is more is cut off.
    /// - Throws: `SystemError` if the file cannot be made or written.
    package func append(_ record: [UInt8]) throws(SystemError) {
        let record = record.prefix(Self.maximumLength)
        if !places.isEmpty, buffer.count + record.count + places.count * MemoryLayout<Place>.stride > capacity {
            try writeRun()
        }
        places.append(
            Place(offset: UInt32(truncatingIfNeeded: buffer.count), count: UInt32(truncatingIfNeeded: record.count)))
        buffer.append(contentsOf: record)
        bytes += record.count + MemoryLayout<Place>.stride
        count += 1
    }

    /// Ends the adding, and returns the records in their order.
    ///
    /// - Throws: `SystemError` if the file cannot be written.
    package func sorted() throws(SystemError) -> SortedRecords {
        if !ends.isEmpty, !places.isEmpty { try writeRun() }
        guard !ends.isEmpty else {
            sortPlaces()
            let ranges = places.map { Int($0.offset)..<Int($0.offset + $0.count) }
            defer { (buffer, places) = ([], []) }
            return SortedRecords(memory: buffer, ranges)
        }
        (buffer, places) = ([], [])
        let starts = [0] + ends.dropLast()
        let runs = zip(starts, ends).map { $0..<$1 }
        defer { ends = [] }
        return try SortedRecords(file: file.take(), runs)
    }

    private func sortPlaces() {
        var places = places
        self.places = []
        buffer.withUnsafeBytes { bytes in
            places.sort { left, right in
                RecordOrder.precedes(
                    UnsafeRawBufferPointer(rebasing: bytes[Int(left.offset)..<Int(left.offset + left.count)]),
                    UnsafeRawBufferPointer(rebasing: bytes[Int(right.offset)..<Int(right.offset + right.count)]))
            }
        }
        self.places = places
    }

    private func writeRun() throws(SystemError) {
        sortPlaces()
        if file == nil { file = try FileDescriptor.openTemporary(in: folders) }
        var piece: [UInt8] = []
        piece.reserveCapacity(Self.pieceLength + Self.maximumLength)
        for place in places {
            withUnsafeBytes(of: place.count.littleEndian) { piece.append(contentsOf: $0) }
            piece.append(contentsOf: buffer[Int(place.offset)..<Int(place.offset + place.count)])
            if piece.count >= Self.pieceLength { try write(&piece) }
        }
        try write(&piece)
        ends.append(written)
        buffer.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
    }

    private static let pieceLength = 256 << 10

    private func write(_ piece: inout [UInt8]) throws(SystemError) {
        try file?.writeAll(piece)
        written += UInt64(piece.count)
        piece.removeAll(keepingCapacity: true)
    }
}

/// The records of a ``RecordSorter`` in ascending order of their bytes.
package final class SortedRecords {
    /// Reads one run of the file, a piece at a time.
    private struct Cursor {
        var piece: [UInt8] = []
        var current = 0..<0
        /// The next record, as far as it is in the piece.
        var next = 0
        /// What is not read yet.
        var rest: Range<UInt64>
    }

    private let memory: [UInt8]
    private var ranges: ArraySlice<Range<Int>>
    private let file: FileDescriptor?
    private var cursors: [Cursor] = []
    /// The numbers of the cursors, as a heap: the one with the smallest record is the first.
    private var heap: [Int] = []

    private static let pieceLength = 64 << 10

    fileprivate init(memory: [UInt8], _ ranges: [Range<Int>]) {
        self.memory = memory
        self.ranges = ranges[...]
        file = nil
    }

    fileprivate init(file: consuming FileDescriptor?, _ runs: [Range<UInt64>]) throws(SystemError) {
        memory = []
        ranges = []
        self.file = file
        cursors = runs.map { Cursor(rest: $0) }
        for number in cursors.indices where try advance(number) {
            heap.append(number)
            siftUp()
        }
    }

    /// The next record; nil behind the last one.
    ///
    /// - Throws: `SystemError` if the file cannot be read.
    package func next() throws(SystemError) -> [UInt8]? {
        guard file != nil else { return ranges.popFirst().map { Array(memory[$0]) } }
        guard let first = heap.first else { return nil }
        let record = Array(cursors[first].piece[cursors[first].current])
        if try !advance(first) {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        siftDown()
        return record
    }

    /// Moves a cursor to its next record; false if there is none.
    private func advance(_ number: Int) throws(SystemError) -> Bool {
        try fill(number, count: 4)
        let piece = cursors[number].piece
        let start = cursors[number].next
        guard piece.count >= start + 4 else { return false }
        let count = (0..<4).reduce(0) { $0 | Int(piece[start + $1]) << ($1 * 8) }
        try fill(number, count: 4 + count)
        let first = cursors[number].next + 4
        guard cursors[number].piece.count >= first + count else {
            throw SystemError(errno: EIO, operation: "read")
        }
        cursors[number].current = first..<first + count
        cursors[number].next = first + count
        return true
    }

    /// Reads on until so many bytes from the next record on are in the piece, or the run has ended.
    private func fill(_ number: Int, count: Int) throws(SystemError) {
        let held = cursors[number].piece.count - cursors[number].next
        guard held < count, !cursors[number].rest.isEmpty else { return }
        let length = min(max(Self.pieceLength, count) - held, Int(clamping: cursors[number].rest.count))
        cursors[number].piece.removeFirst(cursors[number].next)
        cursors[number].next = 0
        var added = [UInt8](repeating: 0, count: length)
        var filled = 0
        while filled < length {
            let offset = cursors[number].rest.lowerBound
            let result = added.withUnsafeMutableBytes { bytes in
                Result { () throws(SystemError) in
                    try file?.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]), at: offset) ?? 0
                }
            }
            let read = try result.get()
            guard read > 0 else { throw SystemError(errno: EIO, operation: "read") }
            filled += read
            cursors[number].rest = offset + UInt64(read)..<cursors[number].rest.upperBound
        }
        cursors[number].piece.append(contentsOf: added)
    }

    // MARK: Heap

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        let (one, other) = (cursors[left], cursors[right])
        return one.piece.withUnsafeBytes { first in
            other.piece.withUnsafeBytes { second in
                RecordOrder.precedes(
                    UnsafeRawBufferPointer(rebasing: first[one.current]),
                    UnsafeRawBufferPointer(rebasing: second[other.current]))
            }
        }
    }

    private func siftUp() {
        var place = heap.count - 1
        while place > 0, precedes(heap[place], heap[(place - 1) / 2]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private func siftDown() {
        var place = 0
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && precedes(heap[child], heap[smallest]) {
                smallest = child
            }
            guard smallest != place else { return }
            heap.swapAt(place, smallest)
            place = smallest
        }
    }
}

/// The order of records: that of their bytes, a beginning before what it begins.
private enum RecordOrder {
    static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        let count = min(left.count, right.count)
        guard count > 0, let one = left.baseAddress, let other = right.baseAddress else {
            return left.count < right.count
        }
        let order = memcmp(one, other, count)
        return order == 0 ? left.count < right.count : order < 0
    }
}
