import DICOMNode
import DICOMProtocol
import System

/// `--doctor`: makes the checks one after the other, and prints what each has found at once.
final class DoctorCommand {
    private let options: DoctorOptions
    private let network: Network
    private let outcome: RunOutcome
    private let environment: Environment
    private let page: DoctorReport?
    private let document: ProbeDocument?
    private var outputError: ByteSinkError?

    /// - Parameters:
    ///   - page: the report of all peers, if one is asked for.
    ///   - document: what was found of all peers, if it is printed as one document.
    init(
        _ options: DoctorOptions, _ network: Network, _ outcome: RunOutcome, _ environment: Environment,
        page: DoctorReport? = nil, document: ProbeDocument? = nil
    ) {
        self.document = document
        self.page = page
        self.options = options
        self.network = network
        self.outcome = outcome
        self.environment = environment
    }

    /// The checks that the others need.
    private static let basis: Set<DoctorCheck> = [
        .name, .route, .port, .tls, .association, .http, .credentials, .baseURL,
    ]
    /// An association tells a probe what is wrong with name, port and TLS as well.
    private static let ofProbe: [DoctorCheck] = [.association, .services, .storage]
    private static let ofProbeOverHTTP: [DoctorCheck] = [
        .http, .credentials, .baseURL, .parameters, .retrieve, .services,
    ]

    private func checks(isMachine: Bool) -> [DoctorCheck] {
        let isOverHTTP = network.connection.web != nil
        if options.isProbe { return isOverHTTP ? Self.ofProbeOverHTTP : Self.ofProbe }
        let ofPeer = isOverHTTP ? DoctorCheck.ofWebPeer : DoctorCheck.ofPeer
        return (isMachine ? DoctorCheck.ofThisMachine : ofPeer).filter {
            // What is told by another check than that of the services.
            if isOverHTTP, $0 == .retrieve, options.services.contains(.get) { return true }
            if $0 == .storage, options.services.contains(.store) { return true }
            // Nobody can call back where nobody listens.
            if $0 == .receiver, options.checks.contains(.callBack) { return true }
            // A line about a proxy is of interest where there is one.
            if $0 == .proxy { return network.proxy != nil || options.checks.contains($0) }
            return options.checks.isEmpty || options.checks.contains($0) || (!isMachine && Self.basis.contains($0))
        }
    }

    func perform() {
        let examination = Examination(options, network)
        defer { examination.end() }
        let machine = options.machine.map { MachineExamination(machine: $0, environment: environment) }
        let ourTitle = network.connection.web == nil ? network.connection.callingAETitle.string : nil
        if isPrinted { print(network.peerName + (ourTitle.map { ", as \($0)" } ?? "") + "\n") }
        page?.begin(network.peerName, callingAETitle: ourTitle)
        for check in checks(isMachine: machine != nil) where outputError == nil {
            guard !network.cancellation.isRaised else {
                outcome.fail(.interrupted, Message("interrupted before the check \"\(check.rawValue)\""))
                break
            }
            report(machine?.finding(of: check) ?? examination.finding(of: check))
        }
        let summary = summary(examination)
        if isPrinted, outputError == nil { print(summary + "\n") }
        document?.add(network, findings, outcome.exitCode)
        summarize(examination)
        do throws(FileProblem) {
            try page?.end(summary)
        } catch {
            outcome.fail(.localFiles, Message(error))
        }
        if let outputError { outcome.failOutput(outputError) }
    }

    private var failed: [DoctorFinding] = []
    private var noted = 0
    private var findings: [DoctorFinding] = []

    /// True if the checks are printed as text.
    private var isPrinted: Bool { outcome.events == nil && document == nil }

    /// The counts for a monitor.
    private func summarize(_ examination: Examination) {
        var summary = outcome.summary
        if network.connection.web == nil { summary.set(.associations, examination.associations) }
        if options.isProbe, network.connection.web != nil, let services = examination.web.offeredServices {
            summary.set(.count, services)
        } else if options.isProbe, let storage = findings.first(where: { $0.check == .storage }),
            storage.mark == .passed
        {
            summary.set(.count, examination.acceptedClasses)
        }
        outcome.summary = summary
    }

    private func report(_ finding: DoctorFinding) {
        if finding.mark == .failed {
            if failed.isEmpty { outcome.recordError(finding.text, finding.cause, remedy: finding.remedy) }
            failed.append(finding)
        }
        findings.append(finding)
        if finding.mark == .noted { noted += 1 }
        outcome.record(finding.exitCode)
        page?.add(finding)
        if let events = outcome.events {
            events.write(finding.event(peer: network.peerName))
        } else if isPrinted {
            print(finding.lines(terminalWidth: environment.terminalWidth))
        }
    }

    private func summary(_ examination: Examination) -> String {
        let result =
            failed.isEmpty
            ? (noted == 0 ? "all checks passed" : "all checks passed, \(Quantity.count(noted, "note"))")
            : "\(Quantity.count(failed.count, "check")) failed: " + failed.map(\.check.rawValue).joined(separator: ", ")
        let isOverHTTP = network.connection.web != nil
        let traces = isOverHTTP ? examination.web.requests : examination.associations
        guard traces > 0 else { return result }
        let what = Quantity.count(traces, isOverHTTP ? "request" : "association")
        return "\(result); the server's log has \(what) of this run"
    }

    private func print(_ text: String) {
        do throws(ByteSinkError) { try environment.standardOutput.write(text) } catch { outputError = error }
    }
}
