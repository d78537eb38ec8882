// How results are printed: format, columns, and where files go.
extension InvocationDraft {
    mutating func resolveResults(_ options: [OptionArgument]) throws(UsageError) {
        try resolveFormat(options)
        try resolveColumns(options)
        try resolveOutput(options)
    }

    private mutating func resolveFormat(_ options: [OptionArgument]) throws(UsageError) {
        let (operation, format) = (invocation.operation, invocation.format)
        guard !format.isAvailable(for: operation) else { return }
        guard options.contains(where: { $0.definition.name == "format" }) else {
            invocation.format = .text
            return
        }
        throw UsageError(
            .conflictingOptions, option: "--format", value: format.rawValue,
            problem: "--format \(format.rawValue) has no use with \(operation.option)",
            accepted: ResultFormat.allCases.filter { $0.isAvailable(for: operation) }.map(\.rawValue).joined(
                separator: ", "))
    }

    /// Columns make the format a table where none was chosen, and are asked for.
    private mutating func resolveColumns(_ options: [OptionArgument]) throws(UsageError) {
        guard invocation.operation.isQuery, !invocation.columns.isEmpty else { return }
        if !invocation.isFormatGiven {
            invocation.format = .table
            invocation.isFormatGiven = true
        }
        guard !invocation.format.hasColumns else {
            invocation.returnKeys += invocation.columns.map { .attribute($0) }
            return
        }
        guard options.contains(where: { $0.definition.name == "columns" }) else { return }
        throw UsageError(
            .conflictingOptions, option: "--columns", value: invocation.format.rawValue,
            problem: "--columns has no use with --format \(invocation.format.rawValue)",
            accepted: "--columns with --format table, csv or tsv")
    }

    /// A query writes files in one format only.
    private func resolveOutput(_ options: [OptionArgument]) throws(UsageError) {
        guard invocation.operation.isQuery, invocation.format != .dcm,
            let argument = options.first(where: { ["output", "if-exists"].contains($0.definition.name) })
        else { return }
        let option = argument.definition.option
        throw UsageError(
            .conflictingOptions, option: option, value: argument.text,
            problem: "\(option) has no use with \(invocation.operation.option) but for --format dcm",
            accepted: "\(option) with --format dcm")
    }
}
