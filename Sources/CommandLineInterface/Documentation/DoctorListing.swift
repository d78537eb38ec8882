/// The list of checks and causes, for `--list-checks`.
enum DoctorListing {
    static var text: String {
        let checks = DoctorCheck.allCases.map { ($0.rawValue, $0.meaning) }
        let services = DoctorService.allCases.map {
            ($0.rawValue, "\($0.title) must be offered (for \(OptionName.only))")
        }
        let causes = FailureCause.allCases.map { ($0.rawValue, $0.meaning) }
        let width = (checks + services + causes).map(\.0.count).max() ?? 0
        func table(_ title: String, _ rows: [(String, String)]) -> String {
            "\(title)\n" + rows.map { "  \(TextLayout.padded($0.0, to: width + 2))\($0.1)\n" }.joined()
        }
        return [table("Checks", checks), table("Services", services), table("Causes", causes)].joined(separator: "\n")
    }
}
