import DICOM
import DICOMNode
import DICOMProtocol

/// Writes what is missing to the standard output, in a form that `--from-list` takes: CSV, or with `--format jsonl` events.
final class MissingWriter {
    private let outcome: RunOutcome
    private let environment: Environment
    private let columns: [Tag]
    private var hasHeader = false

    init(_ model: InformationModel, _ outcome: RunOutcome, _ environment: Environment) {
        self.outcome = outcome
        self.environment = environment
        let levels = model.levels
        columns = levels.map(InformationModel.uniqueKey(of:))
    }

    func write(_ series: [InstanceListing.Series], of target: RetrievalTarget) throws(ByteSinkError) {
        for one in series {
            for uid in one.sopInstanceUIDs {
                try write([
                    .patientID: target.identifier.string(.patientID) ?? "",
                    .studyInstanceUID: one.studyInstanceUID.string, .seriesInstanceUID: one.seriesInstanceUID.string,
                    .sopInstanceUID: uid.string,
                ])
            }
        }
    }

    func write(_ uids: [UID], of target: RetrievalTarget) throws(ByteSinkError) {
        var values = values(of: target)
        for uid in uids {
            values[.sopInstanceUID] = uid.string
            try write(values)
        }
    }

    func write(_ target: RetrievalTarget) throws(ByteSinkError) {
        let key = InformationModel.uniqueKey(of: target.level)
        var values = values(of: target)
        for uid in target.identifier.strings(key) {
            values[key] = uid
            try write(values)
        }
    }

    private func values(of target: RetrievalTarget) -> [Tag: String] {
        columns.reduce(into: [:]) { $0[$1] = target.identifier.string($1) }
    }

    private func write(_ values: [Tag: String]) throws(ByteSinkError) {
        if let events = outcome.events {
            var event = RunEvent(.missing)
            event.set(.patientID, values[.patientID].flatMap { $0.isEmpty ? nil : $0 })
            event.set(.studyInstanceUID, values[.studyInstanceUID])
            event.set(.seriesInstanceUID, values[.seriesInstanceUID])
            event.set(.sopInstanceUID, values[.sopInstanceUID])
            return events.write(event)
        }
        if !hasHeader { try environment.standardOutput.write(CSVText.line(columns.map(DataDictionary.keyword))) }
        hasHeader = true
        try environment.standardOutput.write(CSVText.line(columns.map { values[$0] ?? "" }))
    }
}
