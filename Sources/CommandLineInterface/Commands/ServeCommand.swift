import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import PracticeArchive

/// `--serve`: the practice archive, until somebody ends it.
final class ServeCommand {
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    func perform() {
        let invocation = run.invocation
        let port = invocation.receiverPort ?? 0
        do throws(FileProblem) {
            guard let worklist = WorklistItems(run).read() else { return }
            let folder = try OutputFolder(FilePath(invocation.archiveDirectory))
            guard let archive = start(folder, port, worklist) else { return }
            wait()
            try archive.stop()
            run.diagnostics.note(
                Message("practice archive ended", "\(archive.index.instanceCount) instances are in \(folder.path)"))
        } catch {
            run.fail(.localFiles, Message(error))
        }
    }

    private func start(_ folder: OutputFolder, _ port: UInt16, _ worklist: [DataSet]) -> PracticeArchive? {
        do throws(TransportError) {
            let listener = try TCPListener(port: port, bind: run.invocation.bindAddress)
            return try start(folder, listener, worklist)
        } catch {
            let hint: Hint? = if case .portInUse = error { .receiverPortTaken(port: port) } else { nil }
            run.fail(.localFiles, Message("cannot listen at port \(port)", error.description, hint: hint))
            return nil
        }
    }

    private func start(
        _ folder: OutputFolder, _ listener: TCPListener, _ worklist: [DataSet]
    ) throws(TransportError) -> PracticeArchive {
        let invocation = run.invocation
        var options = PracticeArchive.Options(
            title: invocation.callingAETitle,
            destinations: Destinations(
                invocation.destinations, connector: run.security.connector, limits: run.limits))
        options.faults = invocation.faults
        options.limits = run.limits
        options.maximumPDULength = invocation.maximumPDULength
        options.tls = run.security.listening
        options.worklist = worklist
        do throws(SystemError) {
            let archive = try PracticeArchive(
                folder: folder, listener: listener, options: options, observer: run.observer,
                report: { [output = run.output] in Self.write($0, to: output) })
            archive.readFolder { [run] problem in run.diagnostics.warning(Message(problem)) }
            tell(archive, folder, listener, worklist: worklist.count)
            try archive.start()
            return archive
        } catch {
            throw .system(error)
        }
    }

    private func tell(
        _ archive: PracticeArchive, _ folder: OutputFolder, _ listener: TCPListener, worklist: Int
    ) {
        let index = archive.index
        run.diagnostics.note(
            Message(
                "practice archive \(run.invocation.callingAETitle) listens at \(listener.localDescription) over \(folder.path): "
                    + "\(index.instanceCount) instances in \(index.studyCount) studies"
                    + (worklist == 0 ? "" : ", \(worklist) worklist item\(worklist == 1 ? "" : "s")")))
        run.diagnostics.warning(
            Message("this is no PACS", "it is for trying and for tests, not for images of patients"))
        for fault in run.invocation.faults {
            run.diagnostics.note(Message("will go wrong on purpose", "\(fault)"))
        }
    }

    /// Until the first wish to stop.
    private func wait() {
        guard let cancellation = run.cancellation else { return }
        var descriptor = pollfd(fd: cancellation.descriptor, events: Int16(POLLIN), revents: 0)
        while cancellation.level == .none { poll(&descriptor, 1, -1) }
    }

    /// One line an event: date and time, who, what.
    private static func write(_ event: ArchiveEvent, to output: any ByteSink) {
        let text = DisplayText.line("\(EventTime.now) \(event.peer) \(event.isTrouble ? "! " : "")\(event.text)") + "\n"
        do throws(ByteSinkError) { try output.write(text) } catch {}
    }
}

/// The wall clock as a line of a log begins with it.
private enum EventTime {
    static var now: String {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = buffer.withUnsafeMutableBytes { bytes in
            strftime(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, "%Y-%m-%d %H:%M:%S", &parts)
        }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
