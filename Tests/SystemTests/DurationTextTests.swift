import Testing

@testable import System

struct DurationTextTests {
    static let times: [(String, Double?)] = [
        ("0", 0), ("90", 90), ("2.5", 2.5), (".5", 0.5), ("5s", 5), ("2m", 120), ("1h30m", 5_400), ("1.5h", 5_400),
        ("1d", 86_400), ("1d12h", 129_600), ("250ms", 0.25), ("1m30s500ms", 90.5),
        ("", nil), ("s", nil), ("5x", nil), ("5S", nil), ("30m1h", nil), ("1m1m", nil), ("1h30", nil), ("-5", nil),
        ("5 s", nil), ("1e3", nil), ("nan", nil), ("0x10", nil), ("1.2.3", nil), ("٣", nil), ("5s ", nil),
        ("soon", nil),
    ]

    @Test(arguments: times)
    func `a time is a number, or numbers with units from the larger to the smaller`(
        _ text: String, _ seconds: Double?
    ) {
        #expect(DurationText.seconds(text) == seconds)
    }
}
