import DICOM
import Testing

@testable import PracticeArchive

/// Queries against a worklist in memory, and ranges of moments.
struct WorklistQueryTests {
    private static let date = Tag(0x0040_0002)
    private static let time = Tag(0x0040_0003)

    private func query(_ step: (inout DataSet) -> Void) -> WorklistQuery {
        var item = DataSet()
        step(&item)
        var identifier = DataSet()
        identifier.setEmpty(.patientName, .PN)
        identifier.set(.scheduledProcedureStepSequence, items: [item])
        return WorklistQuery(identifier)
    }

    @Test func `an item with several steps is answered once for each`() throws {
        var two = try #require(GeneratedWorklist.items.first)
        let step = try #require(two.items(.scheduledProcedureStepSequence)?.first)
        two.set(.scheduledProcedureStepSequence, items: [step, step])
        let steps = WorklistQuery.steps(of: [two] + GeneratedWorklist.items)
        #expect(steps.count == 4)
        #expect(steps.allSatisfy { $0.items(.scheduledProcedureStepSequence)?.count == 1 })
    }

    @Test func `an answer has the keys that were asked for, and its own character set`() throws {
        let query = query { $0.set(.modality, .CS, "MR") }
        let found = query.matches(in: GeneratedWorklist.items)
        #expect(found.count == 1)
        let answer = query.response(try #require(found.first))
        #expect(answer.string(.specificCharacterSet) == "ISO_IR 192")
        #expect(answer.elements.map(\.tag) == [.specificCharacterSet, .patientName, .scheduledProcedureStepSequence])
        let step = try #require(answer.items(.scheduledProcedureStepSequence)?.first)
        #expect(step.elements.map(\.tag) == [.modality])
    }

    /// Both steps are on 2 January, at 08:00:00 and 09:30:00.
    private static let ranges: [(date: String, time: String, count: Int)] = [
        ("20260101-20260103", "1000-0700", 2), ("20260102-20260102", "0900-", 1), ("20260102-20260102", "0800-0930", 2),
        ("20260102-", "0800-", 2), ("20260101-20260102", "-0900", 1), ("-20260102", "-0759", 0),
        ("20260103-", "0000-", 0),
        // A single day or time does not make a range of the other.
        ("20260102", "0900-", 1), ("20260101-20260103", "0930", 1),
    ]

    @Test(arguments: ranges)
    func `a range of dates and one of times are one range of moments`(date: String, time: String, count: Int) {
        let query = query { step in
            step.set(Self.date, .DA, date)
            step.set(Self.time, .TM, time)
        }
        #expect(query.matches(in: GeneratedWorklist.items).count == count)
    }

    @Test func `a step without a time is at the beginning of its day`() {
        var step = DataSet()
        step.set(Self.date, .DA, "20260102")
        var item = DataSet()
        item.set(.scheduledProcedureStepSequence, items: [step])
        let early = query { step in
            step.set(Self.date, .DA, "20260102-20260102")
            step.set(Self.time, .TM, "-0100")
        }
        #expect(early.matches(in: [item]).count == 1)
        let late = query { step in
            step.set(Self.date, .DA, "20260102-20260102")
            step.set(Self.time, .TM, "0100-")
        }
        #expect(late.matches(in: [item]).isEmpty)
    }
}
