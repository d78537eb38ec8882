import DICOM

extension OptionCategory {
    static let monitoringOptions: [OptionDefinition] = [
        OptionDefinition(
            .metrics, value: .file, .monitoring, "write the outcome as metrics of Prometheus",
            details: """
                At the end of every run that has begun, whatever its outcome: written aside and put in place whole, for the \
                textfile collector of the node exporter. A file of metrics that is there keeps the time of the last success. See \
                MONITORING.
                """,
            apply: { (draft, argument) throws(UsageError) in draft.monitoring.metricsPath = try argument.path() }),
        OptionDefinition(
            .metricsLabel, value: .text(placeholder: "NAME=VALUE"), .monitoring, "a label of all metrics",
            details: "Such as job=night or site=north, beside operation and peer.",
            traits: .repeatable, rules: [.only(when: .writesMetrics)],
            apply: { (draft, argument) throws(UsageError) in
                guard let label = MetricLabel(try argument.string()), !MetricLabel.own.contains(label.name) else {
                    throw argument.error(
                        "no label",
                        accepted: "NAME=VALUE, the name of letters, digits and _, and none of "
                            + MetricLabel.own.joined(separator: ", "))
                }
                guard !draft.monitoring.labels.contains(where: { $0.name == label.name }) else {
                    throw argument.error("\(label.name) is given twice", accepted: "each label once")
                }
                draft.monitoring.labels.append(label)
            }),
        OptionDefinition(
            .warn, value: .text(placeholder: "RANGE"), .monitoring, for: .monitored, "values that are no warning",
            details: """
                Of the number of matches for --find and --worklist, of the seconds of the run for other operations. As monitoring \
                plugins have it: 10 is from 0 to 10, 10: from 10 on, ~:10 up to 10, 5:10 between them; @ in front \
                reverses it.
                """,
            rules: [.only(when: .formatOfPlugin)],
            abbreviates: OptionDefinition.Abbreviation(option: .warning) { _, arguments in
                !PluginFormat.isAskedFor(in: arguments)
            },
            apply: { (draft, argument) throws(UsageError) in draft.monitoring.warning = try threshold(argument) }),
        OptionDefinition(
            .crit, value: .text(placeholder: "RANGE"), .monitoring, for: .monitored, "values that are not critical",
            details: "As for --warn, which is --warning without --format nagios on the command line.",
            rules: [.only(when: .formatOfPlugin)],
            apply: { (draft, argument) throws(UsageError) in draft.monitoring.critical = try threshold(argument) }),
    ]

    private static func threshold(_ argument: OptionArgument) throws(UsageError) -> ThresholdRange {
        guard let range = ThresholdRange(argument.text) else {
            throw argument.error("no range", accepted: "10, 10:, ~:10, 5:10, or one of them behind @")
        }
        return range
    }
}

/// The format of a monitoring plugin, looked for before the command line is read.
enum PluginFormat {
    /// The name of a link to the program by which it is a plugin.
    static let program = "check_dicom"

    /// Returns true if the arguments, which may not be readable as a whole, ask for it.
    static func isAskedFor(in arguments: [String]) -> Bool {
        let (format, nagios) = ("\(OptionName.format)", ResultFormat.nagios.rawValue)
        return arguments.contains("\(format)=\(nagios)")
            || zip(arguments, arguments.dropFirst()).contains { $0 == format && $1 == nagios }
    }
}
