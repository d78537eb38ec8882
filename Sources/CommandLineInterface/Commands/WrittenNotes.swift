import DICOMNode

/// What is said of a file that was written, by what was in its place.
enum WrittenNotes {
    static func tell(_ path: FilePath, _ kind: InstanceWriter.Outcome.Kind, _ diagnostics: Diagnostics) {
        switch kind {
        case .written: diagnostics.verbose("\(path): written")
        case .replaced: diagnostics.verbose("\(path): replaced")
        case .skipped: diagnostics.verbose("\(path): skipped, it is there already")
        case .renamed:
            diagnostics.warning(Message("\(path)", "kept under this name: another content has the proper one"))
        }
    }
}
