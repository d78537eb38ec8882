import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import PracticeArchive
import System

/// The steps of the self-test, one operation after the other, each by the command line that a person would type.
final class SelfTestSteps {
    /// The difference from the expected result.
    struct Failure: Error {
        let why: String

        init(_ why: String) { self.why = why }
    }

    private let shell: SelfTestShell
    private let images: FilePath
    private let work: FilePath
    private let archive: PracticeArchive
    private let receiverPort: UInt16
    private var studies: [GeneratedStudy] = []

    init(
        shell: SelfTestShell, images: FilePath, work: FilePath, archive: PracticeArchive, receiverPort: UInt16
    ) {
        self.shell = shell
        self.images = images
        self.work = work
        self.archive = archive
        self.receiverPort = receiverPort
    }

    typealias Step = (name: String, perform: () throws(Failure) -> String)

    var all: [Step] {
        [
            ("made-up images", generate), ("echo", echo), ("store", store), ("find, four levels, two models", find),
            ("find by wildcard, range and list", match), ("names in UTF-8 and Japanese", names), ("worklist", worklist),
            ("get", get), ("move", move), ("an unknown destination", unknownDestination),
            ("storage commitment, report on the same association", commitHere),
            ("storage commitment, report on a new association", commitAnew),
            ("commitment to an unknown instance", commitNothing), ("all operations over TLS", secured),
            ("DICOMweb: echo, store, find, get", overHTTP),
        ]
    }

    private var files: [InstanceFile] { studies.flatMap(\.files) }

    // MARK: Steps

    private func generate() throws(Failure) -> String {
        do throws(FileProblem) {
            let folder = try OutputFolder(images)
            do throws(GeneratedStudy.Failure) {
                studies = try GeneratedStudy.all(in: folder)
            } catch {
                throw FileProblem(images, .notWritable, "\(error)")
            }
        } catch {
            throw Failure(error.description)
        }
        let syntaxes = Set(files.map(\.transferSyntax)).count
        return "\(files.count) instances of \(studies.count) studies in \(syntaxes) transfer syntaxes"
    }

    private func echo() throws(Failure) -> String {
        _ = try shell.run(["\(OptionName.echo)"])
        return "answered"
    }

    private func store() throws(Failure) -> String {
        _ = try shell.run(["\(OptionName.store)"], files: ["-r", images.argument])
        for file in files {
            guard let held = archive.index.instance(file.sopInstanceUID) else {
                throw Failure("\(file.sopInstanceUID) is not in the archive")
            }
            try Self.compare(file, held.file)
        }
        return "\(files.count) stored, equal byte for byte"
    }

    private func find() throws(Failure) -> String {
        var count = 0
        for study in studies {
            let uid = "StudyInstanceUID=\(study.studyInstanceUID)"
            for (arguments, expected) in [
                (["\(OptionName.patientroot)", "\(OptionName.patient)", "-k", "PatientID=\(study.patientID)"], 1),
                (["\(OptionName.patientroot)", "\(OptionName.study)", "-k", "PatientID=\(study.patientID)"], 1),
                (["\(OptionName.studyroot)", "\(OptionName.study)", "-k", uid], 1),
                (["\(OptionName.studyroot)", "\(OptionName.series)", "-k", uid], series(of: study)),
                (
                    ["\(OptionName.studyroot)", "\(OptionName.image)", "-k", uid, "-k", "SOPInstanceUID"],
                    study.files.count
                ),
            ] {
                let found = try shell.find(arguments).count
                guard found == expected else {
                    throw Failure("\(arguments.joined(separator: " ")): \(found) matches in place of \(expected)")
                }
                count += found
            }
        }
        return "\(count) matches, all expected"
    }

    private func series(of study: GeneratedStudy) -> Int {
        Set(study.files.compactMap { archive.index.seriesInstanceUID(of: $0.sopInstanceUID) }).count
    }

    private func match() throws(Failure) -> String {
        let list = studies.prefix(2).map(\.studyInstanceUID.string).joined(separator: "\\")
        let checks: [(keys: [String], expected: Int)] = [
            (["PatientID=SELFTEST-*"], 3), (["PatientID=SELFTEST-?"], 3), (["PatientName=muster*"], 1),
            (["PatientID=SELFTEST-*", "StudyDate=20260101-20260131"], 3),
            (["StudyDate=20260103-", "PatientID=SELFTEST-*"], 0),
            (["StudyInstanceUID=\(list)"], 2), (["ModalitiesInStudy=MR", "PatientID=SELFTEST-*"], 1),
            (["PatientID=NOBODY"], 0),
        ]
        for (keys, expected) in checks {
            let found = try shell.find(["\(OptionName.return)", "StudyInstanceUID"] + keys.flatMap { ["-k", $0] }).count
            guard found == expected else {
                throw Failure("\(keys.joined(separator: " ")): \(found) matches in place of \(expected)")
            }
        }
        return "\(checks.count) queries"
    }

    private func names() throws(Failure) -> String {
        for study in studies {
            let answers = try shell.find(["-k", "PatientID=\(study.patientID)", "-k", "PatientName"])
            let name = answers.first?[.patientName].map { element -> String in
                guard let answer = answers.first, case .bytes(let bytes) = element.value else { return "" }
                return SpecificCharacterSet(of: answer).decodeValues(bytes, vr: .PN).first ?? ""
            }
            guard name == study.patientName else {
                throw Failure("\(study.patientName) came back as \(name ?? "nothing")")
            }
        }
        let found = try shell.find(["-k", "PatientName=山田*", "-k", "PatientID"])
        guard found.count == 1 else { throw Failure("山田* has \(found.count) matches in place of 1") }
        return "\(studies.count) names unchanged, 山田* found"
    }

    private func worklist() throws(Failure) -> String {
        let step = "ScheduledProcedureStepSequence[0]"
        let checks: [(keys: [String], expected: Int)] = [
            (["PatientName"], 2), (["\(step).Modality=MR", "PatientName=山田*"], 1), (["\(step).Modality=US"], 0),
            // The two ranges mean one: from the first day at nine on.
            (
                [
                    "\(step).ScheduledProcedureStepStartDate=20260101-20260102",
                    "\(step).ScheduledProcedureStepStartTime=0900-",
                ], 2
            ),
        ]
        for (keys, expected) in checks {
            let found = try shell.find(keys.flatMap { ["-k", $0] }, as: "\(OptionName.worklist)").count
            guard found == expected else {
                throw Failure("\(keys.joined(separator: " ")): \(found) items in place of \(expected)")
            }
        }
        return "\(checks.count) queries"
    }

    private func get() throws(Failure) -> String { try retrieve("get", []) }

    private func move() throws(Failure) -> String {
        try retrieve("move", ["\(OptionName.portSCP)", "\(receiverPort)"])
    }

    private func retrieve(_ operation: String, _ arguments: [String]) throws(Failure) -> String {
        let folder = work.appending(operation)
        for study in studies {
            _ = try shell.run(
                ["--\(operation)", "-k", "StudyInstanceUID=\(study.studyInstanceUID)", "-o", folder.argument]
                    + arguments)
        }
        for file in files {
            let path = folder.appending("\(file.sopInstanceUID).dcm")
            let held: InstanceFile
            do throws(FileProblem) {
                held = try InstanceFile.open(path).file
            } catch {
                throw Failure(error.description)
            }
            try Self.compare(file, held)
        }
        return "\(files.count) instances, equal byte for byte"
    }

    private func unknownDestination() throws(Failure) -> String {
        guard let study = studies.first else { return "" }
        let run = shell.perform(
            [
                "\(OptionName.move)", "-k", "StudyInstanceUID=\(study.studyInstanceUID)",
                "\(OptionName.moveDestination)", "NOBODY",
            ])
        guard run.exitCode == .failureStatus, run.errors.contains("A801") else {
            throw Failure("exit code \(run.exitCode.rawValue) in place of 7 and A801H: \(run.firstError)")
        }
        return "refused with A801H, as expected"
    }

    private func commitHere() throws(Failure) -> String {
        _ = try shell.run(
            ["\(OptionName.stgcmt)", "\(OptionName.aetitle)", "SELFTEST2"], files: ["-r", images.argument])
        return "\(files.count) committed"
    }

    private func commitAnew() throws(Failure) -> String {
        _ = try shell.run(
            ["\(OptionName.stgcmt)", "\(OptionName.portSCP)", "\(receiverPort)"], files: ["-r", images.argument])
        return "\(files.count) committed"
    }

    private func commitNothing() throws(Failure) -> String {
        let folder = work.appending("unsent")
        do throws(FileProblem) {
            let output = try OutputFolder(folder)
            do throws(GeneratedStudy.Failure) {
                _ = try GeneratedStudy.all(in: output)
            } catch {
                throw FileProblem(folder, .notWritable, "\(error)")
            }
        } catch {
            throw Failure(error.description)
        }
        let run = shell.perform(
            ["\(OptionName.stgcmt)", "\(OptionName.aetitle)", "SELFTEST2"], files: ["-r", folder.argument])
        guard run.exitCode == .commitmentFailed else {
            throw Failure("exit code \(run.exitCode.rawValue) in place of 9: \(run.firstError)")
        }
        return "refused with 0112H, as expected"
    }

    /// Against an archive of its own, with certificates on both sides.
    private func secured() throws(Failure) -> String {
        guard TLSContext.isAvailable else { return "left out: this program was built without TLS" }
        let folder = work.appending("secured")
        do throws(FileProblem) { _ = try OutputFolder(folder) } catch { throw Failure(error.description) }
        let security = try SelfTestArchive.Security(below: folder)
        let other = try SelfTestArchive.start(
            over: folder.appending("archive"), receiverPort: receiverPort, security: security)
        let steps = SelfTestSteps(
            shell: shell.moved(to: other.port, options: security.options), images: images, work: folder,
            archive: other, receiverPort: receiverPort)
        steps.studies = studies
        let result = Result { () throws(Failure) in
            for step in [
                steps.echo, steps.store, steps.find, steps.get, steps.move, steps.commitHere, steps.commitAnew,
            ] {
                _ = try step()
            }
        }
        do throws(FileProblem) { try other.stop() } catch { throw Failure(error.description) }
        try result.get()
        return "echo to storage commitment, with certificates on both sides"
    }

    /// Against an archive of its own, which starts empty.
    private func overHTTP() throws(Failure) -> String {
        if let problem = WebLibrary.problem {
            let remedy = problem.code == .noLibrary ? "; \(Hint.webLibrary.text)" : ""
            return "left out: \(problem.detail)\(remedy)"
        }
        let folder = work.appending("web")
        do throws(FileProblem) { _ = try OutputFolder(folder) } catch { throw Failure(error.description) }
        let other = try SelfTestArchive.start(over: folder.appending("archive"), receiverPort: receiverPort)
        let server = try SelfTestArchive.startHTTP(over: other)
        let steps = SelfTestSteps(
            shell: shell.moved(to: "http://\(SelfTestArchive.address):\(server.port)"), images: images, work: folder,
            archive: other, receiverPort: receiverPort)
        steps.studies = studies
        let result = Result { () throws(Failure) in
            for step in [steps.echo, steps.store, steps.find, steps.match, steps.names, steps.get] { _ = try step() }
        }
        server.stop()
        do throws(FileProblem) { try other.stop() } catch { throw Failure(error.description) }
        try result.get()
        return "\(files.count) stored and retrieved, equal byte for byte"
    }

    // MARK: Comparing

    /// Both data sets, element by element in their encodings: nothing may change on the way.
    private static func compare(_ sent: InstanceFile, _ held: InstanceFile) throws(Failure) {
        guard sent.transferSyntax == held.transferSyntax else {
            throw Failure("\(held.path.displayed) is in \(held.transferSyntax), sent was \(sent.transferSyntax)")
        }
        do throws(FileProblem) {
            guard try sent.dataSetBytes() == held.dataSetBytes() else {
                throw FileProblem(held.path, .changed, "its data set is not the one that was sent")
            }
        } catch {
            throw Failure(error.description)
        }
    }
}
