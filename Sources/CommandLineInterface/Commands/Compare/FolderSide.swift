import DICOM
import DICOMNode
import DICOMProtocol
import PracticeArchive
import System

/// A folder as one side of a comparison: the instances of all files in it and below it.
///
/// Each file is a record that sorts by the UIDs of study, series and instance: those of a study follow each other, and one study
/// at a time is in memory.
final class FolderSide: ComparedSide {
    let outcome: RunOutcome
    private let folder: FilePath
    let plan: ComparisonPlan
    private let folders: [FilePath]
    private let cancellation: Cancellation
    private let progress: ProgressLine?
    private let text: MatchText
    private let needed: [Tag]
    private var records: SortedRecords?
    /// The first record of the next study.
    private var ahead: FileRecord?
    private var study: Study?
    private var copies = 0
    private var skipped = 0

    init(_ target: CompareCommand.Target, _ folder: FilePath, _ query: Query, _ environment: Environment) {
        outcome = target.outcome
        self.folder = folder
        plan = ComparisonPlan(query, target.options)
        folders = StudyList.folders(environment)
        cancellation = target.network.cancellation
        progress = environment.progress
        text = MatchText(assumed: target.options.assumedCharacterSet, forced: target.options.forcedCharacterSet)
        needed =
            [.specificCharacterSet, .modality, .sopClassUID] + plan.query.elements.map(\.tag)
            + plan.columns.compactMap(\.first)
    }

    var name: String { folder.displayed }

    // MARK: Files

    func list() throws(ComparisonFailure) {
        let sorter = RecordSorter(folders: folders)
        var scanner = FileScanner([folder], recursive: true)
        while let finding = scanner.next(
            cancellation: cancellation, unless: { [cancellation] in cancellation.isRaised })
        {
            guard !cancellation.isRaised else { break }
            switch finding {
            case .passedOver(let path, let reason): outcome.report(.passedOver(path, reason))
            case .problem(let problem):
                guard problem.path != folder else { throw .of(outcome, .localFiles, Message(problem)) }
                outcome.report(problem)
            case .file(let path): try add(path, to: sorter)
            }
        }
        guard !cancellation.isRaised else {
            throw .of(outcome, .interrupted, Message("interrupted after \(Quantity.count(sorter.count, "file"))"))
        }
        outcome.summary.set(.files, sorter.count)
        outcome.diagnostics.verbose("\(name): \(Quantity.count(sorter.count, "file")) read")
        if skipped > 0 {
            outcome.diagnostics.note(Message(name, "\(Quantity.count(skipped, "file")) skipped that are not DICOM"))
        }
        do throws(SystemError) {
            let sorted = try sorter.sorted()
            records = sorted
            ahead = try sorted.next().flatMap { FileRecord($0) }
        } catch {
            throw StudyList.failure(error, outcome)
        }
    }

    private func add(_ path: FilePath, to sorter: RecordSorter) throws(ComparisonFailure) {
        let record: [UInt8]
        do throws(FileProblem) {
            let opened = try InstanceFile.open(path)
            guard !opened.file.isMediaStorageDirectory else { return skipped += 1 }
            let all = text.named(try InstanceAttributes.readMetadata(opened.file, opened.descriptor))
            var attributes = DataSet()
            for element in all.elements where needed.contains(element.tag) { attributes.append(element) }
            let uids = [
                all.uid(.studyInstanceUID) ?? opened.file.studyInstanceUID,
                all.uid(.seriesInstanceUID) ?? opened.file.seriesInstanceUID, opened.file.sopInstanceUID,
            ].compactMap { $0?.string }
            guard uids.count == 3, uids.allSatisfy(ComparisonPlan.isUsable) else {
                return outcome.fail(
                    .incomplete, Message(path.displayed, "it does not say which study and series it is of"))
            }
            record = FileRecord(uids: uids, attributes: attributes).encoded
        } catch {
            // A file that is empty may have been an instance.
            guard error.code != .notDICOM else { return skipped += 1 }
            return outcome.report(error)
        }
        guard record.count <= RecordSorter.maximumLength else {
            return outcome.report(FileProblem(path, .malformed, "attributes of \(record.count) bytes"))
        }
        do throws(SystemError) { try sorter.append(record) } catch { throw StudyList.failure(error, outcome) }
        if sorter.isFull { throw StudyList.tooLong(name, outcome) }
        if sorter.count % ProgressLine.itemsBetweenTexts == 0 {
            progress?.show("\(name): \(Quantity.count(sorter.count, "file")) read")
        }
    }

    /// One file: what it is, and the attributes that are compared or asked for.
    private struct FileRecord {
        let uids: [String]
        let attributes: DataSet

        private static let encoder = DataSetEncoder(.explicitVRLittleEndian)
        private static let decoder = DataSetDecoder(.explicitVRLittleEndian)

        init(uids: [String], attributes: DataSet) {
            self.uids = uids
            self.attributes = attributes
        }

        var encoded: [UInt8] {
            var bytes: [UInt8] = []
            for uid in uids {
                bytes.append(contentsOf: uid.utf8)
                bytes.append(0)
            }
            return bytes + Self.encoder.encode(attributes)
        }

        /// Nil if it is none of ours.
        init?(_ record: [UInt8]) {
            var rest = record[...]
            var uids: [String] = []
            while uids.count < 3, let end = rest.firstIndex(of: 0) {
                uids.append(String(decoding: rest[..<end], as: UTF8.self))
                rest = rest[(end + 1)...]
            }
            guard uids.count == 3, let attributes = try? Self.decoder.decode(Array(rest)[...]) else { return nil }
            self.init(uids: uids, attributes: attributes)
        }
    }

    // MARK: Studies

    private struct Series {
        let uid: String
        let first: DataSet
        /// Of each instance its UID and, where instances are compared, its attributes.
        var instances: [(uid: String, attributes: DataSet)] = []
    }

    private struct Study {
        let uid: String
        let first: DataSet
        var series: [Series] = []
        var sopClasses: [String] = []

        var instanceCount: Int { series.reduce(0) { $0 + $1.instances.count } }
    }

    func next() throws(ComparisonFailure) -> ComparedEntity? {
        guard let start = ahead else {
            study = nil
            return nil
        }
        var study = Study(uid: start.uids[0], first: start.attributes)
        while let record = ahead, record.uids[0] == study.uid {
            add(record, to: &study)
            do throws(SystemError) { ahead = try records?.next().flatMap { FileRecord($0) } } catch {
                throw StudyList.failure(error, outcome)
            }
        }
        self.study = study
        var attributes = study.first
        let modalities = Set(study.series.compactMap { $0.first.string(.modality) }).sorted()
        attributes.set(.modalitiesInStudy, .CS, modalities.joined(separator: "\\"))
        attributes.set(.sopClassesInStudy, .UI, study.sopClasses.sorted().joined(separator: "\\"))
        attributes.set(.numberOfStudyRelatedSeries, .IS, "\(study.series.count)")
        return entity([study.uid], attributes, at: .study, count: study.instanceCount)
    }

    private func add(_ record: FileRecord, to study: inout Study) {
        if study.series.last?.uid != record.uids[1] {
            study.series.append(Series(uid: record.uids[1], first: record.attributes))
        }
        guard study.series[study.series.count - 1].instances.last?.uid != record.uids[2] else {
            copies += 1
            return
        }
        let kept = plan.level == .image ? record.attributes : DataSet()
        study.series[study.series.count - 1].instances.append((record.uids[2], kept))
        if let sopClass = record.attributes.uid(.sopClassUID)?.string, !study.sopClasses.contains(sopClass) {
            study.sopClasses.append(sopClass)
        }
    }

    func children(of entity: ComparedEntity) throws(ComparisonFailure) -> [ComparedEntity]? {
        guard let study, study.uid == entity.uids.first else { return [] }
        guard entity.uids.count > 1 else {
            return study.series.map {
                self.entity([study.uid, $0.uid], $0.first, at: .series, count: $0.instances.count)
            }
        }
        guard let series = study.series.first(where: { $0.uid == entity.uids[1] }) else { return [] }
        return series.instances.map {
            self.entity([study.uid, series.uid, $0.uid], $0.attributes, at: .image, count: nil)
        }
    }

    private func entity(_ uids: [String], _ attributes: DataSet, at step: QueryLevel, count: Int?) -> ComparedEntity {
        var attributes = attributes
        for (level, uid) in zip(plan.model.levels, uids) {
            attributes.set(InformationModel.uniqueKey(of: level), .UI, uid)
        }
        if let count, let tag = ComparisonPlan.count(at: step) { attributes.set(tag, .IS, "\(count)") }
        var entity = ComparedEntity(uids: uids)
        if step == plan.level {
            entity.instances = count
            // What a file does not have an archive returns empty.
            entity.values = plan.columns.map {
                ComparedValue.text(of: $0, in: attributes, inherited: text.assumed) ?? ""
            }
        }
        let keys = plan.identifier(at: step, below: Array(uids.dropLast()))
        switch plan.review(of: keys, at: step, [])?.verdict(of: attributes) ?? .confirmed {
        case .confirmed: break
        case .contradicted(let tag), .illegible(let tag, _): entity.contradicted = tag
        case .unconfirmed(let tags): entity.contradicted = tags.first
        }
        return entity
    }

    // MARK: Questions

    func verdict(of entity: ComparedEntity) throws(ComparisonFailure) -> ComparedVerdict {
        entity.contradicted.map { .rejected($0) } ?? .selected
    }

    /// All that is in the folder has been listed.
    func ask(for uids: [String]) throws(ComparisonFailure) -> ComparedAnswer { .absent }

    var leavesOutEmpty: Bool { false }

    /// What a key does not ask for is no fault of a folder.
    var hasLeftOut: Bool { false }

    func hasReturned(_ column: Int) -> Bool { true }

    func countInstances(of entity: ComparedEntity) throws(ComparisonFailure) -> Int? { entity.instances }

    func noteUnconfirmed(_ keys: [Tag]) {}

    func finish(isNothingCompared: Bool) {
        guard copies > 0 else { return }
        outcome.diagnostics.note(
            Message(name, "\(Quantity.count(copies, "file")) with the UIDs of another one, counted once"))
    }
}
