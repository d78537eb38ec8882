import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// What the process has open, counted.
private struct OpenResources: CustomStringConvertible {
    /// Links of /proc/self/fd: sockets, pipes, files.
    let descriptors: Int
    /// Threads of ours: they have names of their own, those of the runtime have the process's.
    let threads: Int

    init() throws {
        let process = FilePath("/proc/self")
        // One of them is the listing itself.
        descriptors = try DirectoryNames(of: process.appending("fd")).count - 1
        let tasks = try DirectoryNames(of: process.appending("task"))
        let own = Self.name("/proc/self/comm")
        threads = (0..<tasks.count).count { index in
            let task = String(decoding: tasks.name(at: index), as: UTF8.self)
            let name = Self.name("/proc/self/task/\(task)/comm")
            return !name.isEmpty && name != own
        }
    }

    private static func name(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor != -1 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(count, 0)))
    }

    var description: String { "\(descriptors) descriptors, \(threads) threads" }
}

/// After all that peers have done to it a process is as it was before.
@Suite struct LeakTests {
    /// Rows at a time; most of them wait.
    private static let atOnce = 12

    @Test func `after all hostile rows no descriptor, thread, socket or file is left`() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            guard folder.path.withCString({ chdir($0) }) == 0 else { throw SystemError.last("chdir") }
            // The first run of everything opens what stays open.
            try LeakTests.play(Array(AssociationFaultTests.releases.prefix(1)))
            try LeakTests.strangers()
            let before = try OpenResources()
            try LeakTests.play(LeakTests.rows)
            try LeakTests.strangers()
            let pause = try Cancellation()
            let limit = Deadline.after(seconds: 30)
            var after = try OpenResources()
            while after.descriptors > before.descriptors + 4 || after.threads > before.threads, !limit.isPast {
                _ = pause.wait(until: .after(seconds: 0.05))
                after = try OpenResources()
            }
            // The four of `pause`.
            #expect(after.descriptors <= before.descriptors + 4, "\(before), then \(after)")
            #expect(after.threads <= before.threads, "\(before), then \(after)")
            #expect(try folder.names() == [])
        }
    }

    private static let rows =
        AssociationFaultTests.silence + AssociationFaultTests.answers + AssociationFaultTests.rejections
        + AssociationFaultTests.data
        + AssociationFaultTests.releases + MessageFaultTests.responses + MessageFaultTests.endless
        + MessageFaultTests.answers
        + TimingFaultTests.rows + TimingFaultTests.lengths

    private static func play(_ rows: [FaultCase]) throws {
        let next = Locked(0)
        let players = try (0..<min(atOnce, rows.count)).map { _ in
            try Background {
                while true {
                    let number = next.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    guard number < rows.count else { return }
                    try rows[number].check()
                }
            }
        }
        for player in players { try player.value() }
    }

    /// What calls a receiver, in one that serves them all.
    private static func strangers() throws {
        let receiving = try Receiving(inactivity: 0.5)
        for (_, script) in ReceiverFaultTests.strangers { try receiving.play(script) }
        for (name, steps) in ReceiverFaultTests.cuts { #expect(try receiving.isCutOff(by: steps), "\(name)") }
        #expect(try receiving.echoes())
        receiving.server.stop()
        #expect(try receiving.folder.names() == [])
    }
}
