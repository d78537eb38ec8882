import DICOM

extension OptionCategory {
    static let doctorOptions: [OptionDefinition] = [
        OptionDefinition(
            .only, value: .text(placeholder: "CHECKS"), .doctor, for: [.doctor, .probe], "make these checks alone",
            details: """
                Names with commas between, as --list-checks prints them. A service that is named (find, worklist, move, get, \
                store, commitment) must be offered, and a storage SOP class (CT, MR, a UID) accepted, or the exit code is 6; \
                --probe takes these alone. What the named checks need is checked as well.
                """,
            apply: { (draft, argument) throws(UsageError) in
                for name in try argument.string().split(separator: ",") { try select(String(name), argument, &draft) }
            }),
        OptionDefinition(
            .classes, value: .text(placeholder: "CLASSES"), .doctor, for: [.doctor, .probe],
            "storage SOP classes to look for",
            details: """
                UIDs, or short names, with commas between. The usual ones: \
                \(StorageClassName.usual.map { "\($0.name) (\(UIDRegistry.displayName(of: $0.uid)))" }.joined(separator: ", ")).
                """,
            default: .text("the \(StorageClassName.usual.count) usual ones"),
            apply: { (draft, argument) throws(UsageError) in
                draft.doctor.classes = []
                for name in try argument.string().split(separator: ",") {
                    guard let uid = StorageClassName.uid(String(name)) else {
                        throw argument.error(
                            "\(name) is not a SOP class",
                            accepted: "UIDs, or " + StorageClassName.usual.map(\.name).joined(separator: ", "))
                    }
                    draft.doctor.classes.append(uid)
                }
            }),
        OptionDefinition(
            .listChecks, .doctor, for: [.doctor], "print the checks and the causes that they name",
            apply: { (_, _) throws(UsageError) in }),
    ]

    private static func select(
        _ name: String, _ argument: OptionArgument, _ draft: inout OptionDraft
    ) throws(UsageError) {
        let isProbe = draft.operation == .probe
        if !isProbe, let check = DoctorCheck(rawValue: name) {
            draft.doctor.checks.insert(check)
        } else if let service = DoctorService(rawValue: name) {
            if !isProbe { draft.doctor.checks.insert(.services) }
            draft.doctor.services.append(service)
        } else if let sopClass = StorageClassName.uid(name) {
            if !isProbe { draft.doctor.checks.insert(.storage) }
            draft.doctor.demandedClasses.append(sopClass)
        } else {
            let names =
                (isProbe ? [] : DoctorCheck.allCases.map(\.rawValue)) + DoctorService.allCases.map(\.rawValue)
            throw argument.error(
                "\(name) is no \(isProbe ? "service" : "check")",
                accepted: (names + ["CT, MR, a UID"]).joined(separator: ", "),
                suggestion: EditDistance.nearest(to: name, in: names))
        }
    }
}
