import DICOM
import DICOMNode
import DICOMProtocol
import Glibc
import PracticeArchive

/// `--serve`: the practice archive, until somebody ends it.
final class ServeCommand {
    private let options: ServeOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: ServeOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    func perform() {
        let port = network.connection.receiverPort ?? 0
        do throws(FileProblem) {
            guard let worklist = WorklistItems(options, outcome, environment).read() else { return }
            let folder = try OutputFolder(FilePath(options.directory))
            guard let archive = start(folder, port, worklist) else { return }
            wait()
            try archive.stop()
            outcome.diagnostics.note(
                Message("practice archive ended", "\(archive.index.instanceCount) instances are in \(folder.path)"))
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    private func start(_ folder: OutputFolder, _ port: UInt16, _ worklist: [DataSet]) -> PracticeArchive? {
        do throws(TransportError) {
            let listener = try TCPListener(port: port, bind: network.connection.bindAddress)
            return try start(folder, listener, worklist)
        } catch {
            let hint: Hint? = if case .portInUse = error { .receiverPortTaken(port: port) } else { nil }
            outcome.fail(.localFiles, Message("cannot listen at port \(port)", error.description, hint: hint))
            return nil
        }
    }

    private func start(
        _ folder: OutputFolder, _ listener: TCPListener, _ worklist: [DataSet]
    ) throws(TransportError) -> PracticeArchive {
        var archiveOptions = PracticeArchive.Options(
            title: network.connection.callingAETitle,
            destinations: Destinations(
                options.destinations, connector: network.security.connector, limits: network.limits))
        archiveOptions.faults = options.faults
        archiveOptions.limits = network.limits
        archiveOptions.maximumPDULength = network.connection.maximumPDULength
        archiveOptions.tls = network.security.listening
        archiveOptions.worklist = worklist
        do throws(SystemError) {
            let archive = try PracticeArchive(
                folder: folder, listener: listener, options: archiveOptions, observer: network.observer,
                report: { [output = environment.standardOutput] in Self.write($0, to: output) })
            archive.readFolder { [outcome] problem in outcome.diagnostics.warning(Message(problem)) }
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
        outcome.diagnostics.note(
            Message(
                "practice archive \(network.connection.callingAETitle) listens at \(listener.localDescription) over \(folder.path): "
                    + "\(index.instanceCount) instances in \(index.studyCount) studies"
                    + (worklist == 0 ? "" : ", \(Quantity.count(worklist, "worklist item"))")))
        outcome.diagnostics.warning(
            Message("this is no PACS", "it is for trying and for tests, not for images of patients"))
        for fault in options.faults {
            outcome.diagnostics.note(Message("will go wrong on purpose", "\(fault)"))
        }
    }

    /// Waits for a cancellation.
    private func wait() {
        _ = network.cancellation.wait(until: .never)
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
