import DICOM
import System
import TestSupport
import Testing

@testable import DICOMNode

/// The digest of files: the same with OpenSSL and without.
struct FileDigestTests {
    @Test func `both digests are the same at every length around a block, in pieces too`() {
        for length in Array(0...130) + [100_000] {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            var own = SHA256()
            bytes.withUnsafeBytes { own.update($0) }
            for step in [1, 13, 64, 70_000] {
                var digest = FileDigest()
                for start in stride(from: 0, to: length, by: step) {
                    bytes[start..<min(start + step, length)].withUnsafeBytes { digest.update($0) }
                }
                let text = digest.hexadecimal()
                #expect(text == own.hexadecimal())
            }
        }
    }
}

/// The digests of several files at a time, by few threads and few blocks.
struct FileDigestsTests {
    private static func bytes(_ length: Int, _ seed: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: length)
        for index in stride(from: 0, to: length, by: 4_099) { bytes[index] = UInt8(truncatingIfNeeded: index >> 8) }
        return bytes
    }

    /// By one thread and at once.
    private static func plain(_ bytes: [UInt8]) -> String? {
        var digest = FileDigest()
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.hexadecimal()
    }

    private static func feed(_ bytes: [UInt8], to digest: RunningDigest, piece: Int) {
        for start in stride(from: 0, to: bytes.count, by: piece) {
            bytes[start..<min(start + piece, bytes.count)].withUnsafeBytes { digest.update($0) }
        }
    }

    @Test(arguments: [0, 1, 3])
    func `are the same with any number of helpers, whatever the pieces are`(helpers: Int) {
        let digests = FileDigests(helpers: helpers)
        // Around a block, and more than all blocks together.
        for length in [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 262_144, 530_702, 3_000_001] {
            let bytes = Self.bytes(length, helpers)
            for piece in [7_001, 65_536, 262_000, 4_000_000] {
                let digest = digests.begin()
                Self.feed(bytes, to: digest, piece: piece)
                #expect(digest.finish().text == Self.plain(bytes), "\(length) bytes in pieces of \(piece)")
            }
        }
    }

    @Test(arguments: [1, 2])
    func `of more files at a time than there are blocks are each its own`(helpers: Int) throws {
        #expect(Self.plain([]) != nil)
        let digests = FileDigests(helpers: helpers)
        let receivers = try (0..<16).map { seed in
            try Background {
                (0..<5).map { round in
                    let bytes = Self.bytes(400_000 + 1_000 * round, seed &* 31 &+ round)
                    let digest = digests.begin()
                    Self.feed(bytes, to: digest, piece: 150_000)
                    return digest.finish().text == Self.plain(bytes)
                }
            }
        }
        for receiver in receivers { #expect(try receiver.value() == [true, true, true, true, true]) }
    }

    @Test func `of files that are given up keep nothing that others need`() {
        let digests = FileDigests(helpers: 1)
        let bytes = Self.bytes(1_000_000, 5)
        for length in stride(from: 100_000, through: 1_000_000, by: 50_000) {
            Self.feed(Array(bytes[..<length]), to: digests.begin(), piece: 250_000)
        }
        let digest = digests.begin()
        Self.feed(bytes, to: digest, piece: 250_000)
        #expect(digest.finish().text == Self.plain(bytes))
    }

    @Test(arguments: [0, 1, 3])
    func `are told once each, of all files, while others are received`(helpers: Int) throws {
        let digests = FileDigests(helpers: helpers)
        let told = Locked<[Int: [String?]]>([:])
        // Below the first block, at its end, within a block and at the end of one, and more than all blocks.
        let files = [0, 10, 65_536, 65_537, 131_072, 131_073, 196_608, 530_702, 3_000_001].map { Self.bytes($0, $0) }
        let receivers = try (0..<3).map { receiver in
            try Background {
                for (number, bytes) in files.enumerated() {
                    let digest = digests.begin()
                    Self.feed(bytes, to: digest, piece: 100_000)
                    digest.finish().tell { text in
                        told.withLock { $0[10 * number + receiver, default: []].append(text) }
                    }
                }
            }
        }
        for receiver in receivers { try receiver.value() }
        digests.settle()
        let all = told.withLock { $0 }
        #expect(all.count == 3 * files.count)
        for (key, texts) in all { #expect(texts == [Self.plain(files[key / 10])]) }
        // Nothing is left to wait for.
        digests.settle()
    }

    @Test func `are made before the threads end, and known to whoever asks later`() throws {
        let told = Locked<String??>(nil)
        let bytes = Self.bytes(700_000, 3)
        let last: PendingDigest = {
            let digests = FileDigests(helpers: 1)
            let digest = digests.begin()
            Self.feed(bytes, to: digest, piece: 250_000)
            let pending = digest.finish()
            pending.tell { text in told.withLock { $0 = .some(text) } }
            return pending
        }()
        let text = try #require(told.withLock { $0 })
        #expect(text == Self.plain(bytes))
        #expect(last.text == text)
        last.tell { text in told.withLock { $0 = text.map { $0 + " again" } } }
        #expect(told.withLock { $0 } == Self.plain(bytes).map { $0 + " again" })
    }
}
