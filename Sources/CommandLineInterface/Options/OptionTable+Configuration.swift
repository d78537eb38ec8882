extension OptionTable {
    static let configurationOptions: [OptionDefinition] = [
        OptionDefinition(
            "config", value: .file, .configuration, "read defaults and named peers from this file",
            details: "Also named by DCMSCU_CONFIG in the environment. See dcmscu-config(5).",
            default: "~/.config/dcmscu/config.json", apply: { (_, _) throws(UsageError) in }),
        OptionDefinition(
            "show-config", .configuration, "print the options in force and where each came from",
            details: "Nothing is sent. Takes an operation and a peer into account where they are given.",
            apply: { (_, _) throws(UsageError) in }),
    ]
}
