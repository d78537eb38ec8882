package import DICOM
package import DICOMNode
package import DICOMProtocol

/// What the options of move and get ask for beyond what other operations know.
package struct RetrievalOptions: Sendable, Equatable {
    package var syncing: OutputFolder.Syncing = .end
    /// The titles that may call our receiver; empty lets everybody in who knows our title.
    package var acceptedCallers: [AETitle] = []
    /// Transfer syntaxes to receive in where the server can convert, the best first.
    package var preferredSyntaxes: [UID] = []
    /// Whether a C-GET that the server does not offer becomes a C-MOVE.
    package var fallsBackToMove = false
    /// Shows what would be retrieved.
    package var isDryRun = false
    /// Where a list of what to retrieve is read; `-` is the standard input.
    package var listPath: String?
    /// Whether what came is compared with what the server lists.
    package var isChecked = true
    /// How many studies or series are retrieved at once.
    package var jobs = 1
    package var shard: Shard?
    /// Where it is recorded what is on disk.
    package var journalPath: String?
    /// Whether what the journal says is on disk is left out.
    package var resumes = false

    package init() {}
}
