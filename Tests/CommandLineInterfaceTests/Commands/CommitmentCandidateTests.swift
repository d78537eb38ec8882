import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct CommitmentCandidateTests {
    private func candidate(_ instance: String, study: UID? = nil, series: UID? = nil) -> CommitmentCandidate {
        CommitmentCandidate(
            SOPInstanceReference(sopClassUID: "1.2", sopInstanceUID: UID(instance)), study: study, series: series)
    }

    private func transactions(
        _ candidates: [CommitmentCandidate], _ count: Int, _ grouping: CommitmentOptions.Grouping? = nil
    ) -> [[String]] {
        var options = CommitmentOptions()
        options.maximumReferences = count
        options.grouping = grouping
        return candidates.transactions(options).map { $0.map(\.sopInstanceUID.string) }
    }

    @Test func `references fill transactions in their order, each once`() {
        let candidates = ["1", "2", "1", "3"].map { candidate($0) }
        #expect(transactions(candidates, 2) == [["1", "2"], ["3"]])
        #expect(transactions([], 2).isEmpty)
    }

    @Test func `a study or series has transactions of its own, however its files lie`() {
        let candidates = [
            candidate("1", study: "A", series: "A1"), candidate("2", study: "B", series: "B1"),
            candidate("3", study: "A", series: "A2"), candidate("4", study: "A", series: "A1"),
            candidate("2", study: "A", series: "A1"), candidate("5"),
        ]
        #expect(transactions(candidates, 500, .study) == [["1", "3", "4"], ["2"], ["5"]])
        #expect(transactions(candidates, 2, .study) == [["1", "3"], ["4"], ["2"], ["5"]])
        #expect(transactions(candidates, 500, .series) == [["1", "4"], ["2"], ["3"], ["5"]])
    }
}
