import DICOM

extension GeneratedDocument {
    /// What `--generate` prints.
    package var text: String {
        switch self {
        case .man: ManualPage.text
        case .bash: BashCompletion.text
        case .zsh: ZshCompletion.text
        case .fish: FishCompletion.text
        case .keywords: DataDictionary.keywords.joined(separator: "\n") + "\n"
        }
    }
}
