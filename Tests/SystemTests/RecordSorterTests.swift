import Glibc
import Testing

@testable import System

struct RecordSorterTests {
    private func sorted(_ records: [[UInt8]], capacity: Int) throws -> [[UInt8]] {
        let sorter = RecordSorter(folders: ["/nonexistent/folder", "/tmp"], capacity: capacity)
        for record in records { try sorter.append(record) }
        #expect(sorter.count == records.count)
        let found = try sorter.sorted()
        var result: [[UInt8]] = []
        while let record = try found.next() { result.append(record) }
        #expect(try found.next() == nil)
        return result
    }

    @Test(arguments: [0, 1, 2, 7, 1_000])
    func `records come in the order of their bytes, whether they fit into memory or not`(_ count: Int) throws {
        var generator = SystemRandomNumberGenerator()
        let records = (0..<count).map { _ in
            (0..<Int.random(in: 0...90, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        let expected = records.sorted { $0.lexicographicallyPrecedes($1) }
        for capacity in [1 << 20, 2_000, 64] { #expect(try sorted(records, capacity: capacity) == expected) }
    }

    @Test func `records that are longer than a piece of the file, and equal ones, are kept`() throws {
        let long = [UInt8](repeating: 7, count: 200_000)
        let records = [long, [9], long + [1], [], long, [0]]
        #expect(try sorted(records, capacity: 1) == [[], [0], long, long, long + [1], [9]])
    }

    @Test func `it says when it has as many bytes as it may have`() throws {
        let sorter = RecordSorter(folders: ["/tmp"], capacity: 64, maximumBytes: 300)
        #expect(!sorter.isFull)
        for number in 0..<2 {
            try sorter.append([UInt8](repeating: UInt8(number), count: 100))
            #expect(!sorter.isFull)
        }
        try sorter.append([UInt8](repeating: 2, count: 100))
        #expect(sorter.isFull)
    }

    @Test func `a folder that takes no file is an error where one is needed`() throws {
        let sorter = RecordSorter(folders: ["/nonexistent/folder"], capacity: 4)
        try sorter.append([1, 2, 3])
        #expect(throws: SystemError.self) { try sorter.append([1, 2, 3]) }
        let small = RecordSorter(folders: [], capacity: 1_000)
        try small.append([2])
        try small.append([1])
        let found = try small.sorted()
        #expect(try found.next() == [1])
    }

    @Test func `the file has no name, and nobody else can read it`() throws {
        let file = try FileDescriptor.openTemporary(in: ["/tmp"])
        var status = stat()
        #expect(fstat(file.rawValue, &status) == 0)
        #expect(status.st_nlink == 0)
    }
}
