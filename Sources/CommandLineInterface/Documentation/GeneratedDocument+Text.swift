import DICOM

extension GeneratedDocument {
    /// The text that `--generate` prints.
    package var text: String {
        switch self {
        case .man: ManualPage.text
        case .conformance: ConformanceStatement.text
        case .bash: BashCompletion.text
        case .zsh: ZshCompletion.text
        case .fish: FishCompletion.text
        // They are not made from tables: the parser reads them from the configuration.
        case .nodes: ""
        case .keywords: DataDictionary.keywords.joined(separator: "\n") + "\n"
        }
    }
}

/// The text that `--version` prints.
package enum VersionText {
    package static let text = "dcmscu \(ImplementationIdentity.version)\n"
}
