/// The command line of a monitoring plugin: what a link named `check_dicom` to the program takes.
///
/// It echoes, unless another operation is named, and prints the line of a plugin. `-w`, `-c` and `-t` are thresholds and the limit
/// of the run, as plugins have them; all other options are those of the program.
package enum PluginCommandLine {
    private static let shortOptions: [String: OptionName] = ["-w": .warn, "-c": .crit, "-t": .totalTimeout]

    /// The arguments as the program's own, if it was started by the name of the plugin.
    package static func translated(_ arguments: [String], program: String) -> [String] {
        guard program == PluginFormat.program else { return arguments }
        let own = arguments.prefix { $0 != "--" }.map { argument in
            guard let option = shortOptions[String(argument.prefix(2))] else { return argument }
            return argument.count == 2 ? option.description : "\(option)=\(argument.dropFirst(2))"
        }
        let operations = Operation.allCases.map(\.option)
        let hasOperation =
            own.contains { argument in operations.contains { $0.description == argument } }
            || own.first.map { word in operations.contains { $0.rawValue == word } } == true
        let further = ["\(OptionName.help)", "-h", "\(OptionName.version)"]
        return (hasOperation || own.contains { further.contains($0) } ? [] : ["\(OptionName.echo)"])
            + ["\(OptionName.format)=\(ResultFormat.nagios.rawValue)"] + own + arguments.dropFirst(own.count)
    }
}
