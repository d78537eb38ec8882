import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import Glibc
import PracticeArchive
import System

/// `--serve`: runs the practice archive until the first request to stop.
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
        LargeBlocks.returnToSystem()
        do throws(FileProblem) {
            guard let worklist = WorklistItems(options, outcome, environment).read() else { return }
            let folder = try OutputFolder(options.directory, mayBeReadOnly: true)
            guard let servers = start(folder, worklist) else { return }
            outcome.status.provide { [archive = servers.archive] in
                var standing = RunStatus.Standing()
                standing.counts = [
                    "\(Quantity.count(archive.index.instanceCount, "instance")) in "
                        + Quantity.count(archive.index.studyCount, "study")
                ]
                return standing
            }
            wait()
            servers.http?.stop()
            try servers.archive.stop { [outcome] problem in outcome.diagnostics.warning(Message(problem)) }
            outcome.diagnostics.note(
                Message(
                    "practice archive ended",
                    "\(Quantity.count(servers.archive.index.instanceCount, "instance")) in \(folder.path.displayed)"))
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
    }

    private struct Servers {
        let archive: PracticeArchive
        /// Nil if only DICOM is spoken.
        let http: HTTPServer?
    }

    private func start(_ folder: OutputFolder, _ worklist: [DataSet]) -> Servers? {
        guard let listener = listen(at: network.connection.receiverPort ?? 0, .portSCP) else { return nil }
        var web: TCPListener?
        if let port = options.httpPort {
            guard let listener = listen(at: port, .httpPort) else { return nil }
            web = listener
        }
        do throws(SystemError) {
            return try start(folder, listener, web, worklist)
        } catch {
            let failure = TransportError.system(error)
            outcome.fail(ExitCode(listening: failure), Message("the archive cannot start", failure.description))
            return nil
        }
    }

    private func listen(at port: UInt16, _ option: OptionName) -> TCPListener? {
        do throws(TransportError) {
            return try TCPListener(
                port: port, bind: network.connection.bindAddress ?? ServeOptions.standardBindAddress,
                wait: WaitLimits(cancellation: network.cancellation))
        } catch {
            outcome.fail(listeningAt: port, error, option: option)
            return nil
        }
    }

    private func start(
        _ folder: OutputFolder, _ listener: TCPListener, _ web: TCPListener?, _ worklist: [DataSet]
    ) throws(SystemError) -> Servers? {
        var archiveOptions = PracticeArchive.Options(
            title: network.connection.callingAETitle,
            destinations: Destinations(
                options.destinations, connector: network.security.connector, limits: network.limits,
                observation: network.observation))
        archiveOptions.faults = options.faults
        archiveOptions.limits = network.limits
        archiveOptions.maximumPDULength = network.connection.maximumPDULength
        archiveOptions.tls = network.security.listening
        archiveOptions.worklist = worklist
        let archive = try PracticeArchive(
            folder: folder, listener: listener, options: archiveOptions, observation: network.observation,
            recorder: network.security.recorder,
            report: { [output = environment.standardOutput] in Self.write($0, to: output) })
        // Who calls meanwhile waits for the answer: the ports are ours, and nobody is let in yet.
        archive.readFolder(unless: network.cancellation) { [outcome] problem in
            outcome.diagnostics.warning(Message(problem))
        }
        guard !network.cancellation.isRaised else {
            outcome.fail(.interrupted, Message("interrupted while \(folder.path.displayed) was read"))
            return nil
        }
        var http: HTTPServer?
        if let web {
            http = try HTTPServer(
                over: ArchiveOverHTTP(archive.access), listener: web, tls: network.security.listening,
                limits: network.limits)
        }
        announce(archive, folder, listener, web, worklist: worklist.count)
        try archive.start()
        try http?.start()
        return Servers(archive: archive, http: http)
    }

    private func announce(
        _ archive: PracticeArchive, _ folder: OutputFolder, _ listener: TCPListener, _ web: TCPListener?, worklist: Int
    ) {
        let index = archive.index
        let scheme = network.security.listening == nil ? "http" : "https"
        let url = web.map { " and \(scheme)://\($0.localDescription)" } ?? ""
        outcome.diagnostics.note(
            Message(
                "practice archive \(network.connection.callingAETitle) listens at \(listener.localDescription)\(url) over \(folder.path.displayed): "
                    + "\(Quantity.count(index.instanceCount, "instance")) in \(Quantity.count(index.studyCount, "study"))"
                    + (worklist == 0 ? "" : ", \(Quantity.count(worklist, "worklist item"))")
                    + "; \(network.authenticationOfCallers)"))
        if network.connection.bindAddress == nil {
            outcome.diagnostics.note(
                Message(
                    "only this machine can connect", "\(OptionName.bind) :: accepts connections from other machines"))
        }
        if !folder.isWritable {
            outcome.diagnostics.warning(
                Message("nothing can be stored", "\(folder.path.displayed) can only be read"))
        }
        outcome.diagnostics.warning(
            Message("this is not a PACS", "it is for trials and tests, not for images of patients"))
        for fault in options.faults {
            outcome.diagnostics.note(Message("fault injected", "\(fault)"))
        }
    }

    /// Waits until the first request to stop.
    private func wait() {
        _ = network.cancellation.wait(until: .never)
    }

    /// One line an event: date and time, who, what.
    private static func write(_ event: ArchiveEvent, to output: any ByteSink) {
        let hint = event.unknownDestination.map { "; \(OptionName.destination) \($0)=HOST:PORT makes it known" } ?? ""
        let line = "\(EventTime.now) \(event.peer) \(event.isTrouble ? "! " : "")\(event.text)\(hint)"
        let text = DisplayText.line(line) + "\n"
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

/// The items of the practice archive's worklist, from the files of `--worklist-items`: in the forms that a query may have.
struct WorklistItems {
    private static let option = "\(OptionName.worklistItems)"
    private let options: ServeOptions
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: ServeOptions, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.outcome = outcome
        self.environment = environment
    }

    /// Nil: one of them cannot be read; reported.
    func read() -> [DataSet]? {
        var items: [DataSet] = []
        var scanner = FileScanner(options.worklistItems, recursive: true)
        while let finding = scanner.next() {
            switch finding {
            case .passedOver: continue
            case .problem(let problem):
                outcome.fail(.localFiles, Message(problem))
                return nil
            case .file(let path):
                guard let found = read(path) else { return nil }
                items += found
            }
        }
        return items
    }

    private func read(_ path: FilePath) -> [DataSet]? {
        let bytes: [UInt8]
        do throws(FileReadError) {
            bytes = try FileInput.read(path)
        } catch {
            outcome.fail(.localFiles, Message("cannot read the worklist item \(path.displayed)", error.reason))
            return nil
        }
        // Folders of worklist servers have an empty lock file beside the items.
        guard !bytes.isEmpty else { return [] }
        do throws(UsageError) {
            var items: [DataSet] = []
            let encoding = environment.localeEncoding
            for content in try QueryFile.parse(bytes, name: path.displayed, option: Self.option, encoding: encoding) {
                items.append(try item(content))
            }
            return items
        } catch {
            outcome.fail(.usage, Message(error))
            return nil
        }
    }

    private func item(_ content: QueryFile.Content) throws(UsageError) -> DataSet {
        switch content {
        case .dataSet(let dataSet, _): return dataSet
        case .keys(let keys):
            return try QueryBuilder(
                model: .modalityWorklist, level: .study, characterSet: "ISO_IR 192", today: environment.today
            ).dataSet(keys: keys)
        }
    }
}
