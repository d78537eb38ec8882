import DICOM
import DICOMNode
import System

/// The checks of this machine, where no peer is given.
struct MachineExamination {
    let machine: DoctorOptions.Machine
    let environment: Environment

    /// Nil for a check that is about a peer.
    func finding(of check: DoctorCheck) -> DoctorFinding? {
        switch check {
        case .configuration: checkConfiguration()
        case .certificates: checkCertificates()
        case .clock: checkClock()
        case .locale: checkLocale()
        case .limits: checkLimits()
        default: nil
        }
    }

    private func checkConfiguration() -> DoctorFinding {
        guard let path = machine.configurationPath else {
            return DoctorFinding(.configuration, .passed, "no file; options are those of the command line alone")
        }
        var finding = DoctorFinding(.configuration, .passed, "\(path): \(Quantity.count(machine.nodes.count, "node"))")
        if !machine.nodes.isEmpty { finding.text += ": " + machine.nodes.map { "@\($0)" }.joined(separator: ", ") }
        finding.set("nodes", machine.nodes)
        return finding
    }

    /// The certificates and lists of authorities that options and configuration name, with the days that they are still valid.
    private func checkCertificates() -> DoctorFinding {
        guard !machine.certificateFiles.isEmpty else {
            return .skipped(.certificates, "none is named (\(OptionName.tlsCert), \(OptionName.tlsCA))")
        }
        var finding = DoctorFinding(.certificates, .passed, "")
        var texts: [String] = []
        for path in machine.certificateFiles {
            do throws(FileReadError) {
                let found = try CertificateFile.certificates(in: path)
                texts.append("\(path.displayed): " + Self.words(found))
                // Of many authorities some have always ended.
                guard let last = found.max(by: { $0.daysLeft < $1.daysLeft }) else {
                    fail(&finding, .tlsSetup, .usage, "give a file with certificates in PEM")
                    continue
                }
                if last.isPast {
                    fail(&finding, .certificateDates, .usage, "have a new certificate made for \(last.subject)")
                } else if last.daysLeft < TLSConfiguration.expiryWarningDays, finding.mark == .passed {
                    finding.mark = .noted
                    finding.cause = .certificateDates
                    finding.remedy = "it ends in \(Quantity.count(last.daysLeft, "day")): have a new one made"
                }
            } catch {
                texts.append(Message(FileProblem(reading: path, error)).line)
                fail(&finding, .file, .usage, "give a file that can be read")
            }
        }
        finding.text = texts.joined(separator: "; ")
        return finding
    }

    private static func words(_ found: [StoredCertificate]) -> String {
        guard let first = found.first else { return "no certificate" }
        guard found.count > 1 else {
            return "\(first.subject), \(first.isPast ? "ended on" : "until") \(first.lastDay)"
        }
        let ended = found.count(where: \.isPast)
        return "\(found.count) certificates" + (ended > 0 ? ", \(ended) of them ended" : "")
    }

    private func fail(_ finding: inout DoctorFinding, _ cause: FailureCause, _ code: ExitCode, _ remedy: String) {
        finding.mark = .failed
        finding.cause = cause
        finding.exitCode = code
        finding.remedy = remedy
    }

    /// The year of this program: a clock that shows an earlier one is wrong.
    private static let earliestYear = 2026

    /// TLS checks dates, and logs of two machines are compared by them.
    private func checkClock() -> DoctorFinding {
        var finding = DoctorFinding(.clock, .passed, LogTime.now)
        guard environment.today.year < Self.earliestYear else { return finding }
        finding.mark = .failed
        finding.cause = .local
        finding.exitCode = .localFiles
        finding.remedy = "certificates are judged by this clock: have it follow a time server"
        return finding
    }

    private func checkLocale() -> DoctorFinding {
        var finding = DoctorFinding(.locale, .passed, "characters are \(environment.codeset)")
        finding.set("codeset", .string(environment.codeset))
        guard environment.localeEncoding != nil else { return finding }
        finding.note(
            "names in other scripts show as question marks", .local,
            "set LC_ALL to a locale with UTF-8, such as C.UTF-8")
        return finding
    }

    /// Descriptors are what a receiver of many associations runs out of first.
    private static let fewDescriptors: UInt64 = 256

    private func checkLimits() -> DoctorFinding {
        let descriptors = MachineState.openFileLimit
        var finding = DoctorFinding(
            .limits, .passed, descriptors.map { "\($0) descriptors" } ?? "any number of descriptors")
        let folder: FilePath = "."
        do throws(SystemError) {
            let free = try MachineState.freeBytes(in: folder)
            finding.text += ", \(Quantity.size(free)) free in this folder"
            finding.set("freeBytes", .number(Int(clamping: free)))
        } catch {
            finding.text += ", the space in this folder is not known"
        }
        if let descriptors { finding.set("descriptors", .number(Int(clamping: descriptors))) }
        if !MachineState.isWritable(folder) {
            finding.note(
                "this folder cannot be written", .notWritable,
                "give \(OptionName.output) a folder that can be, as instances go to this one otherwise")
        }
        if let descriptors, descriptors < Self.fewDescriptors {
            finding.note(
                "descriptors are few", .local, "raise the limit: ulimit -n 1024, or LimitNOFILE= in a unit of systemd")
        }
        return finding
    }
}
